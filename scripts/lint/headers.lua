--- What C text declares for others to call or read: functions and variables, not types.
local source = require "source"
local headers = {}

-- Empties the braces of structs, enums and inline functions, so that only what stands outside of
-- them is read. Line ends stay.
local function blank_bodies(text)
  local depth, out, at = 0, {}, 1
  for where, brace in text:gmatch("()([{}])") do
    if depth == 0 then out[#out + 1] = text:sub(at, where - 1)
    else out[#out + 1] = text:sub(at, where - 1):gsub("[^\n]", "") end
    depth = depth + (brace == "{" and 1 or -1)
    if depth == 0 then out[#out + 1] = "{}" end
    at = where + 1
  end
  out[#out + 1] = text:sub(at)
  return table.concat(out)
end

-- `extern const int a, *b[2];` -> a, b
local function each_variable(statement, tell)
  for declarator in (statement:gsub("%b[]", " ") .. ","):gmatch("([^,]*),") do
    local name = declarator:match("([%a_][%w_]*)%s*$")
    if name then tell(name) end
  end
end

local function each_name(statement, tell)
  local plain = statement:gsub("__attribute__%s*%b()", " ")
  if plain:find("%f[%w_]typedef%f[^%w_]") or plain:find("%f[%w_]static%f[^%w_]") then return end
  if plain:find("^%s*_Static_assert") then return end
  local name = plain:match("([%a_][%w_]*)%s*%(")
  if name then tell(name)
  elseif plain:find("%f[%w_]extern%f[^%w_]") then each_variable(plain, tell) end
end

--- Functions and variables that C text declares, in its order: list of { name, line }.
-- Types, macros, static functions and definitions do not count.
function headers.declared(text)
  local found, line, scanned = {}, 1, 1
  local plain = blank_bodies(source.blank_directives(source.blank_c(text)))
  for at, statement, ending in plain:gmatch("()([^;}]*)([;}])") do
    local first = plain:find("%S", at) or at
    line = line + select(2, plain:sub(scanned, first - 1):gsub("\n", ""))
    scanned = first
    if ending == ";" then
      each_name(statement, function(name) found[#found + 1] = { name = name, line = line } end)
    end
  end
  return found
end

return headers
