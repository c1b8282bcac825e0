--- Which Lua module requires which.
local source = require "source"
local graph = require "graph"
local lua_folders = require "lua_folders"
local requires = {}

local function module_of(path)
  return (path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

local function line_of(text, at)
  return select(2, text:sub(1, at):gsub("\n", "")) + 1
end

-- Modules in C.
local native = { ["sse.core"] = true, ["sse.sqlite.core"] = true, ["sse.redis.core"] = true }

local function check_requires(report, path, modules, edges)
  local text = source.blank_lua(source.read(path), true)
  local node = module_of(path)
  edges[node] = {}
  for at, name in text:gmatch("()%f[%w_]require%s*%(?%s*[\"']([%w_.]+)[\"']") do
    if modules[name] then
      edges[node][name] = true
    elseif not native[name] then
      report.complain(path, line_of(text, at), "require '%s': not here; no library is used", name)
    end
  end
end

-- init.lua is a table of names: no function, no branch, no loop.
local function check_init(report, path)
  local text = source.blank_lua(source.read(path))
  for _, word in ipairs { "function", "if", "for", "while", "repeat", "goto", "and", "or" } do
    local at = text:find("%f[%w_]" .. word .. "%f[^%w_]")
    if at then report.complain(path, line_of(text, at), "'%s': sse/init.lua has no logic", word) end
  end
end

--- Checks the modules under lua/sse; gives the number of files.
function requires.check(report)
  local files, modules, edges = source.find({ "lua/sse" }, ".lua"), {}, {}
  for _, path in ipairs(files) do modules[module_of(path)] = path end
  for _, path in ipairs(files) do check_requires(report, path, modules, edges) end
  for _, circle in ipairs(graph.circles(edges)) do
    report.complain(modules[circle[1]], 1, "require goes in a circle: %s",
                    table.concat(circle, " -> "))
  end
  lua_folders.check(edges, function(module, what)
    report.complain(modules[module], 1, "%s", what)
  end)
  if modules["sse"] then check_init(report, "lua/sse/init.lua") end
  return #files
end

return requires
