--- make bench-scale: what must not grow faster than its work. Each row runs at several sizes, each
-- time in a process of its own; with BASE=another built tree, that tree takes turns with this one.
-- usage: lua scale.lua BUILD-FOLDER
-- ROWS=words of rows' names or files (all), ROUNDS=1 (3), BASE=folder, NODE=no; bench/README.md
-- tells how to add a row.
local build = assert(arg[1], "usage: lua scale.lua BUILD-FOLDER")
local report = require "bench.scale.report"
local lua = arg[-1]
local ROUNDS = tonumber(os.getenv "ROUNDS") or 3
local BASE = os.getenv "BASE"
local SERIES = _VERSION:gsub("Lua (%d+)%.(%d+)", "_%1_%2")
local wanted = os.getenv "ROWS"
local with_node = os.getenv "NODE" ~= "no" and os.execute "command -v node >/dev/null 2>&1"

local function shell(command)
  local pipe <close> = assert(io.popen(command))
  return pipe:read("a")
end

-- The last line that a command prints, as a number; nil and what it printed where it is none.
local function run(command)
  local text = shell("timeout 300 " .. command .. " 2>&1")
  local value = tonumber(text:match("([^\n]*)\n*$"))
  return value, not value and ("%s\n%s"):format(command, text) or nil
end

local function run_lua(root, row, size)
  local paths = ("LUA_PATH%s='%s/lua/?.lua;%s/lua/?/init.lua;%s' LUA_CPATH%s='%s/%s/?.so;%s'")
    :format(SERIES, root, root, package.path, SERIES, root, build, package.cpath)
  return run(("env %s %s bench/scale/run.lua %s %s '%s' %d"):format(paths, lua, build, row.file,
    row.name, size))
end

local function run_node(row, size)
  return run(("node bench/scale/node/%s %s '%s' %d"):format(row.node, build, row.name, size))
end

local function is_wanted(row)
  if not wanted then return true end
  for word in wanted:gmatch "[^,]+" do
    if row.file == word or row.name:find(word, 1, true) then return true end
  end
  return false
end

local function read_rows()
  local list = {}
  for file in shell("ls bench/scale/rows"):gmatch "(%S+)%.lua" do
    for _, row in ipairs(require("bench.scale.rows." .. file)) do
      row.file = file
      if is_wanted(row) then list[#list + 1] = row end
    end
  end
  return list
end

-- A round of one row at one size; the contestants take turns at going first.
local function run_round(row, size, round, found)
  local runs = {
    { "after", function() return run_lua(".", row, size) end },
    BASE and { "before", function() return run_lua(BASE, row, size) end } or nil,
  }
  if row.node and with_node and size <= (row.node_most or size) then
    runs[#runs + 1] = { "node", function() return run_node(row, size) end }
  end
  for i = 1, #runs do
    local each = runs[round % 2 == 1 and i or #runs + 1 - i]
    local value, why = each[2]()
    if why then io.stderr:write(why) end
    found[each[1]] = found[each[1]] or {}
    table.insert(found[each[1]], value)
  end
end

local missed = 0
report.head(BASE)
for _, row in ipairs(read_rows()) do
  local by_size = {}
  for _, size in ipairs(row.sizes) do
    by_size[size] = {}
    for round = 1, ROUNDS do run_round(row, size, round, by_size[size]) end
  end
  if not report.row(row, by_size) then missed = missed + 1 end
end
print(missed == 0 and "all goals are met" or missed .. " rows miss a goal")
