--- Finds where functions begin and end, in C and Lua whose comments and strings are blanked.
local functions = {}

-- The name of the function whose body the brace at `at` begins; nil where it begins something else.
-- A body's brace stands behind a parameter list, not behind `=` or `struct x`.
local function opens_body(text, at)
  local before = text:sub(math.max(1, at - 4000), at - 1):match("[^;}]*$")
  if before:find("=") then return nil end
  return before:match("([%a_][%w_]*)%s*%b()%s*$")
end

--- Functions of blanked C: list of { name, first, last }, where the last two are the lines of the
-- body's braces; and the depth of braces at the end, 0 if they match.
function functions.of_c(text)
  local found, depth, line, open = {}, 0, 1, nil
  for at, c in text:gmatch("()([{}\n])") do
    if c == "\n" then
      line = line + 1
    elseif c == "{" then
      local name = depth == 0 and opens_body(text, at)
      if name then open = { name = name, first = line } end
      depth = depth + 1
    else
      depth = depth - 1
      if depth == 0 and open then
        open.last = line
        found[#found + 1], open = open, nil
      end
    end
  end
  return found, depth
end

local openers = { ["function"] = true, ["do"] = true, ["then"] = true, ["repeat"] = true }

-- `elseif` closes the block of the `then` before it; its own `then` opens another.
local closers = { ["end"] = true, ["until"] = true, ["elseif"] = true }

--- Functions of blanked Lua, nested ones too: list of { name, first, last, argument_of }; and the
-- number of blocks that are open at the end, 0 if they match. `argument_of` names the function that
-- is called with an anonymous one, as in describe("x", function() ... end).
function functions.of_lua(text)
  local found, stack, line, scanned = {}, {}, 1, 1
  for at, word in text:gmatch("()%f[%w_]([%a_][%w_]*)") do
    if openers[word] or closers[word] then
      line = line + select(2, text:sub(scanned, at - 1):gsub("\n", ""))
      scanned = at
      local top = stack[#stack]
      if closers[word] then
        stack[#stack] = nil
        if top and top.word == "function" then
          top.last = line
          found[#found + 1] = top
        end
      else
        local before = text:sub(math.max(1, at - 300), at - 1)
        stack[#stack + 1] = {
          word = word, first = line,
          name = text:match("^function%s+([%w_.:]+)", at) or before:match("([%w_.]+)%s*=%s*$"),
          argument_of = before:match("([%a_][%w_.]*)%s*%([^()\n]*$"),
        }
      end
    end
  end
  return found, #stack
end

return functions
