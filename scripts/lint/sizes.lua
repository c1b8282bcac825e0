--- make lint: the sizes of CONTRIBUTING.md. With --long it lists what is past the aim, and passes.
package.path = "scripts/lint/?.lua;" .. package.path
local source = require "source"
local functions = require "functions"

local report = source.report("sizes")
local COLUMNS = 100
local C = { file = 600, aim = 25, body = 60, machine = 120 }
local LUA = { file = 300, aim = 20, body = 50 }
local list_long = arg[1] == "--long"

-- Blocks of a spec are functions to Lua only.
local blocks = {
  describe = true, context = true, insulate = true, expose = true,
  ["serving.over"] = true, ["serving.each"] = true,
}

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
end

local function lines_of(f)
  return math.max(f.last - f.first - 1, 0)
end

local function name_of(f)
  return f.name or "a function"
end

local function note_long(path, f, aim)
  if list_long and lines_of(f) > aim then
    print(("%s:%d: %s has %d lines, the aim is %d"):format(path, f.first, name_of(f), lines_of(f),
                                                           aim))
  end
end

local function check_length(path, f, limit)
  if lines_of(f) > limit then
    report.complain(path, f.first, "%s has %d lines, %d at most", name_of(f), lines_of(f), limit)
  end
end

local function check_c(path)
  local text = source.read(path)
  check_lines(path, text, C.file)
  local found, depth = functions.of_c(source.blank_directives(source.blank_c(text)))
  if depth ~= 0 then report.complain(path, 1, "braces don't match: no function was measured") end
  local limit = C.machine -- one state machine a file may be longer than the rest
  for _, f in ipairs(found) do
    note_long(path, f, C.aim)
    local long = lines_of(f) > C.body
    check_length(path, f, long and limit or C.body)
    if long then limit = C.body end
  end
end

local function check_lua(path)
  local text = source.read(path)
  check_lines(path, text, LUA.file)
  local found, depth = functions.of_lua(source.blank_lua(text))
  if depth ~= 0 then report.complain(path, 1, "blocks don't match: lengths are not known") end
  for _, f in ipairs(found) do
    if not blocks[f.argument_of] then
      note_long(path, f, LUA.aim)
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
check_all({ "lua", "spec", "scripts", "examples", "bench", "interop" }, ".lua", check_lua)
check_all({ "scripts" }, ".sh", function(path) check_lines(path, source.read(path)) end)
check_all({ "interop", "bench" }, ".mjs", function(path) check_lines(path, source.read(path)) end)
report.finish(count)
