--- make lint: the sizes of CONTRIBUTING.md. With --long it also lists functions that are past the
-- aim, and the largest files and functions.
package.path = "scripts/lint/?.lua;" .. package.path
local source = require "source"
local functions = require "functions"

local report = source.report("sizes")
local COLUMNS = 100
local C = { file = 600, aim = 25, body = 60, machine = 120 }
local LUA = { file = 300, aim = 20, body = 50 }
local list_long = arg[1] == "--long"
local LARGEST = 5
local measured = { "C file", "C function", "Lua file", "Lua function" }
for _, kind in ipairs(measured) do measured[kind] = {} end

-- Calls whose function argument holds a whole group of tests: its length has no limit.
local blocks = {
  describe = true, context = true, insulate = true, expose = true,
  ["serving.over"] = true, ["serving.each"] = true, ["stores.each"] = true,
}

local function measure(kind, size, what)
  table.insert(measured[kind], { size = size, what = what })
end

-- Prints the largest LARGEST of each kind.
local function list_largest()
  for _, kind in ipairs(measured) do
    local list = measured[kind]
    table.sort(list, function(a, b)
      if a.size ~= b.size then return a.size > b.size end
      return a.what < b.what
    end)
    print(("largest %ss of %d:"):format(kind, #list))
    for index = 1, math.min(LARGEST, #list) do
      print(("  %4d lines  %s"):format(list[index].size, list[index].what))
    end
  end
end

-- Checks what holds for any text file, and gives its number of lines.
local function check_lines(path, text, limit)
  local number = 0
  for line in text:gmatch("([^\n]*)\n") do
    number = number + 1
    if source.columns(line) > COLUMNS then
      report.complain(path, number, "%d columns, %d at most", source.columns(line), COLUMNS)
    end
    if line:find("%s$") then report.complain(path, number, "white space at the line's end") end
    if line:find("\t") then report.complain(path, number, "a tab") end
  end
  if text ~= "" and text:sub(-1) ~= "\n" then
    report.complain(path, number + 1, "no line end at the end")
  end
  if limit and number > limit then
    report.complain(path, limit + 1, "%d lines, %d at most", number, limit)
  end
  return number
end

local function lines_of(f)
  return math.max(f.last - f.first - 1, 0)
end

local function name_of(f)
  return f.name or "a function"
end

local function note_size(kind, path, f, aim)
  local lines, name = lines_of(f), name_of(f)
  measure(kind, lines, ("%s:%d: %s"):format(path, f.first, name))
  if list_long and lines > aim then
    print(("%s:%d: %s has %d lines, the aim is %d"):format(path, f.first, name, lines, aim))
  end
end

local function check_length(path, f, limit)
  if lines_of(f) > limit then
    report.complain(path, f.first, "%s has %d lines, %d at most", name_of(f), lines_of(f), limit)
  end
end

local function check_c(path)
  local text = source.read(path)
  measure("C file", check_lines(path, text, C.file), path)
  local found, depth = functions.of_c(source.blank_directives(source.blank_c(text)))
  if depth ~= 0 then report.complain(path, 1, "braces don't match: no function was measured") end
  local limit = C.machine -- one state machine a file may be longer than the rest
  for _, f in ipairs(found) do
    note_size("C function", path, f, C.aim)
    local long = lines_of(f) > C.body
    check_length(path, f, long and limit or C.body)
    if long then limit = C.body end
  end
end

local function check_lua(path)
  local text = source.read(path)
  measure("Lua file", check_lines(path, text, LUA.file), path)
  local found, depth = functions.of_lua(source.blank_lua(text))
  if depth ~= 0 then report.complain(path, 1, "blocks don't match: lengths are not known") end
  for _, f in ipairs(found) do
    if not blocks[f.argument_of] then
      note_size("Lua function", path, f, LUA.aim)
      check_length(path, f, LUA.body)
    end
  end
end

local count = 0
local function check_all(paths, ending, check)
  for _, path in ipairs(source.find(paths, ending)) do
    count = count + 1
    check(path)
  end
end

local c_folders = { "csrc", "spec", "fuzz", "bench" }
check_all(c_folders, ".c", check_c)
check_all(c_folders, ".h", check_c)
check_all({ "lua", "spec", "scripts", "examples", "fuzz", "bench", "interop" }, ".lua", check_lua)
check_all({ "scripts" }, ".sh", function(path) check_lines(path, source.read(path)) end)
check_all({ "interop", "bench" }, ".mjs", function(path) check_lines(path, source.read(path)) end)
if list_long then list_largest() end
report.finish(count)
