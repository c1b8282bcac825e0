--- The grammar of LuaLS's types. Each function takes a text and a place, and returns the place
-- behind what it has read, or raises.
local luals = {}

local function expect(code, at, pattern)
  local _, to = code:find("^" .. pattern, at)
  return assert(to, ("no '%s' at %d in '%s'"):format(pattern, at, code)) + 1
end

function luals.parameters(code, at)
  at = expect(code, at, "%(")
  while not code:find("^%)", at) do
    at = expect(code, at, code:find("^%.%.%.", at) and "%.%.%." or "[%a_][%w_]*%??")
    if code:find("^: ", at) then at = luals.union(code, at + 2) end
    if not code:find("^%)", at) then at = expect(code, at, ", ") end
  end
  return at + 1
end

function luals.one(code, at)
  if code:find('^"', at) then
    at = expect(code, at, '"[^"]*"')
  elseif code:find("^%(", at) then
    at = expect(code, luals.union(code, at + 1), "%)")
  elseif code:find("^fun%(", at) then
    at = luals.parameters(code, at + 3)
    if code:find("^: ", at) then
      at = luals.union(code, at + 2)
      while code:find("^, ", at) do at = luals.union(code, at + 2) end
    end
  else
    at = expect(code, at, "[%a_][%w_.]*%*?")
    if code:find("^<", at) then
      at = expect(code, luals.union(code, at + 1), ", ")
      at = expect(code, luals.union(code, at), ">")
    end
  end
  while code:find("^%[%]", at) or code:find("^%?", at) do
    at = at + (code:find("^%?", at) and 1 or 2)
  end
  return at
end

--- Reads a type: one or several, joined by "|".
function luals.union(code, at)
  at = luals.one(code, at)
  while code:find("^|", at) do at = luals.one(code, at + 1) end
  return at
end

return luals
