--- make lint: who may include, call and require whom (docs/architecture.md).
-- layers.lua [--long] [ROOT [BUILD]]: ROOT (.) is the tree to look at. BUILD (build), seen from
-- ROOT, is the Makefile's build folder: the symbol tables of its object files tell who calls whom.
-- --long lists the arrows between wings, and those among files of a wing that reach one another.
package.path = arg[0]:gsub("[^/]*$", "") .. "?.lua;" .. package.path
local lfs = require "lfs"
local source = require "source"
local wings = require "wings"
local sorted = require("graph").sorted
local includes = require "includes"
local symbols = require "symbols"
local arrows = require "arrows"
local declarations = require "declarations"
local requires = require "requires"

local long = arg[1] == "--long"
if long then table.remove(arg, 1) end
assert(lfs.chdir(arg[1] or "."))
local build = arg[2] or "build"
local report = source.report("layers")

-- X.c and X.h are one node of the graph.
local function node_of(path)
  return (path:gsub("%.[ch]$", ""))
end

local function find_files()
  local files, used, count = {}, {}, 0
  for _, ending in ipairs { ".c", ".h" } do
    for _, path in ipairs(source.find(wings.roots, ending)) do
      local wing, folder = wings.of(path)
      if wing then
        files[#files + 1] = path
        if not used[wing] then count = count + 1 end
        used[wing] = true
      else
        report.complain(path, 1, "%s is no wing", folder)
      end
    end
  end
  return files, count
end

local function check_includes(path, graph)
  local wing = wings.of(path)
  for _, include in ipairs(includes.of(path)) do
    if include.library then
      local place = wings.misplaced(wing, include.library)
      if place then
        report.complain(path, include.line, "<%s> is included %s", include.library, place)
      end
    else
      local target, folder = wings.of(include.path)
      local wrong = target and wings.wrong_way(wing, target)
      if not target then report.complain(path, include.line, "%s is no wing", folder)
      elseif wrong then
        report.complain(path, include.line, "include goes %s, from %s to %s", wrong, wing, target)
      end
      if target then graph:include(node_of(path), node_of(include.path)) end
    end
  end
end

-- What the object files of the C files among the paths say: path -> defines and needs.
local function read_objects(files)
  local tables, objects, missing = {}, {}, false
  for _, path in ipairs(files) do
    local object = path:find("%.c$") and wings.object_of(path, build)
    if object and lfs.attributes(object) then
      objects[#objects + 1] = object
    elseif object then
      missing = true
      report.complain(path, 1, "not compiled: no %s", object)
    end
  end
  if missing then report.finish() end
  local found = symbols.of(objects)
  for _, path in ipairs(files) do tables[path] = found[wings.object_of(path, build)] end
  return tables
end

-- name -> the C files that define it, as { wing -> path }; programs may have names in common.
local function index_definitions(tables)
  local definers = {}
  for path, object in pairs(tables) do
    for name in pairs(object.defines) do
      definers[name] = definers[name] or {}
      definers[name][wings.of(path)] = path
    end
  end
  return definers
end

-- Who defines a name for a file of a wing: the wing itself if it does, else one that it may call.
local function definer_for(wing, candidates)
  local found
  for target, path in pairs(candidates or {}) do
    if target == wing then return path end
    if not found or not wings.wrong_way(wing, target) then found = path end
  end
  return found
end

local function line_of(text, name)
  local at = text:find("%f[%w_]" .. name .. "%f[^%w_]") or 1
  return select(2, text:sub(1, at):gsub("\n", "")) + 1
end

local function check_calls(path, needs, definers, graph)
  local wing, text = wings.of(path), source.blank_c(source.read(path))
  for _, name in ipairs(sorted(needs)) do
    local definer = definer_for(wing, definers[name])
    if definer then
      local target = wings.of(definer)
      local wrong = wings.wrong_way(wing, target)
      if wrong then
        report.complain(path, line_of(text, name), "call goes %s, from %s to %s: %s is in %s",
                        wrong, wing, target, name, definer)
      end
      graph:call(node_of(path), node_of(definer), name)
    end
  end
end

local function check_circles(graph)
  local count = 0
  graph:each_circle(function(node, text)
    count = count + 1
    local path = node .. ".c"
    report.complain(lfs.attributes(path) and path or node .. ".h", 1, "%s", text)
  end)
  return count
end

local function list_arrows(graph)
  for _, one in ipairs(graph:between_wings()) do
    print(("%-12s -> %-12s %3d includes, %3d calls"):format(
      arrows.short(one.from), arrows.short(one.to), one.includes, one.calls))
  end
  for _, line in ipairs(graph:knots()) do print(line) end
end

local function check_c()
  local files, wing_count = find_files()
  local objects, graph = read_objects(files), arrows.new()
  local definers = index_definitions(objects)
  for _, path in ipairs(files) do
    check_includes(path, graph)
    if objects[path] then check_calls(path, objects[path].needs, definers, graph) end
  end
  declarations.check(files, objects, function(path, name)
    return definer_for(wings.of(path), definers[name])
  end, report.complain)
  local circles = check_circles(graph)
  if long then list_arrows(graph) end
  return ("%d wings, %d files, %d arrows between wings, %d circles"):format(
    wing_count, #files, #graph:between_wings(), circles)
end

local summary = check_c()
local modules = requires.check(report)
report.finish(("%s; %d Lua files"):format(summary, modules))
