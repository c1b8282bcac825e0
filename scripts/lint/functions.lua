--- Where functions begin and end, in C and in Lua; given source with comments and strings blanked.
local functions = {}

-- A brace at depth 0 behind a parameter list begins a body; one behind `=` or `struct x` doesn't.
local function opens_body(text, at)
  local before = text:sub(math.max(1, at - 4000), at - 1):match("[^;}]*$")
  if before:find("=") then return nil end
  return before:match("([%a_][%w_]*)%s*%b()%s*$")
end

--- Functions of blanked C: list of { name, first, last }, the lines of the braces.
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

-- elseif ... then closes the block that its `then` opens again.
local closers = { ["end"] = true, ["until"] = true, ["elseif"] = true }

--- Functions of blanked Lua, nested ones too: list of { name, first, last, argument_of }.
-- argument_of: what an anonymous one is handed to, as in describe("x", function() ... end).
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
