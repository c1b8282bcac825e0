--- Finds and reads source files for the lint scripts, and blanks their comments and strings.
local lfs = require "lfs"

local source = {}

local skipped = { [".git"] = true, node_modules = true }

local function walk(path, ending, found)
  local mode = lfs.attributes(path, "mode")
  if mode == "file" and path:sub(-#ending) == ending then
    found[#found + 1] = path
  elseif mode == "directory" then
    for name in lfs.dir(path) do
      local real = name ~= "." and name ~= ".." and not skipped[name]
      if real then walk(path .. "/" .. name, ending, found) end
    end
  end
end

--- Paths of the files under the given paths whose names end in `ending`, sorted. A given path that
-- does not exist is skipped.
function source.find(paths, ending)
  local found = {}
  for _, path in ipairs(paths) do walk(path, ending, found) end
  table.sort(found)
  return found
end

function source.read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

-- Everything but line ends becomes a space, so that lines and columns stay.
local function blank(text)
  return (text:gsub("[^\n]", " "))
end

--- Columns of a line: characters, not bytes.
function source.columns(line)
  return utf8.len(line) or #line
end

--- C with comments, string and character constants blanked.
function source.blank_c(text)
  local out, at = {}, 1
  while true do
    local from = text:find("[\"'/]", at)
    if not from then break end
    local to = from
    local two = text:sub(from, from + 1)
    if two == "/*" then
      to = select(2, text:find("*/", from + 2, true)) or #text
    elseif two == "//" then
      to = (text:find("\n", from, true) or #text + 1) - 1
    elseif two:sub(1, 1) ~= "/" then
      local quote = two:sub(1, 1)
      repeat to = text:find("[\\\n" .. quote .. "]", to + 1) or #text
        local escape = text:sub(to, to) == "\\"
        if escape then to = to + 1 end
      until not escape
    end
    out[#out + 1] = text:sub(at, from - 1)
    out[#out + 1] = two:sub(1, 1) == "/" and to == from and "/" or blank(text:sub(from, to))
    at = to + 1
  end
  out[#out + 1] = text:sub(at)
  return table.concat(out)
end

--- C with directives blanked too, continued lines included.
function source.blank_directives(text)
  local out, continued = {}, false
  for line, ending in text:gmatch("([^\n]*)(\n?)") do
    local directive = continued or line:find("^%s*#")
    continued = directive and line:sub(-1) == "\\"
    out[#out + 1] = (directive and blank(line) or line) .. ending
  end
  return table.concat(out)
end

-- Where the Lua comment or string that begins at `from` ends.
local function lua_end(text, from)
  local body = text:sub(from, from + 1) == "--" and from + 2 or from
  local level = text:match("^%[(=*)%[", body)
  if level then
    return select(2, text:find("]" .. level .. "]", body, true)) or #text
  elseif body > from then
    return (text:find("\n", from, true) or #text + 1) - 1
  end
  local quote, to = text:sub(from, from), from
  while true do
    to = text:find("[\\\n" .. quote .. "]", to + 1)
    if not to then return #text end
    if text:sub(to, to) ~= "\\" then return to end
    to = to + 1
  end
end

local function begins_lua(text, at)
  local c = text:sub(at, at)
  if c == "[" then return text:find("^%[=*%[", at) end
  return c ~= "-" or text:sub(at + 1, at + 1) == "-"
end

--- Lua with comments blanked, and strings too unless they are to be kept.
function source.blank_lua(text, keep_strings)
  local out, at, search = {}, 1, 1
  while true do
    local from = text:find("[\"'%[%-]", search)
    if not from then break end
    if begins_lua(text, from) then
      local to = lua_end(text, from)
      local comment = text:sub(from, from) == "-"
      local kept = keep_strings and not comment
      out[#out + 1] = text:sub(at, from - 1)
      out[#out + 1] = kept and text:sub(from, to) or blank(text:sub(from, to))
      at = to + 1
      search = at
    else
      search = from + 1
    end
  end
  out[#out + 1] = text:sub(at)
  return table.concat(out)
end

--- A report: complain(path, line, message, ...) prints; finish(summary) exits with 1 after any
-- complaint, else prints the summary: a text, or a number of files.
function source.report(name)
  local count = 0
  local report = {}
  function report.complain(path, line, message, ...)
    count = count + 1
    io.stderr:write(("%s:%d: %s\n"):format(path, line, message:format(...)))
  end
  function report.finish(summary)
    if count > 0 then
      io.stderr:write(("%s: %d violation%s\n"):format(name, count, count == 1 and "" or "s"))
      os.exit(1)
    end
    if type(summary) == "number" then
      summary = ("%d files, nothing to complain about"):format(summary)
    end
    print(name .. ": " .. summary)
  end
  return report
end

return source
