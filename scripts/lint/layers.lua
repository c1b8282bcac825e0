--- make lint: who may include and require whom (docs/architecture.md, "Floors").
package.path = "scripts/lint/?.lua;" .. package.path
local source = require "source"
local graph = require "graph"
local lua_folders = require "lua_folders"

local report = source.report("layers")
local floors = {
  wire = 1, base = 2, tls = 3, http = 4, http1 = 5, http2 = 5, push = 5, server = 6, client = 6,
  bind = 7,
}

-- Header -> the only floor that may include it.
local owners = {
  { "^lua%.h$", "bind" }, { "^lauxlib%.h$", "bind" }, { "^lualib%.h$", "bind" },
  { "^luaconf%.h$", "bind" }, { "^openssl/", "tls" }, { "^nghttp2/", "http2" },
  { "^curl/", "client" },
  { "^zlib%.h$", "wire" }, { "^brotli/", "wire" }, -- bytes to bytes: no I/O
}
-- wire has no sockets.
local sockets = {
  "^sys/socket%.h$", "^sys/epoll%.h$", "^sys/event%.h$", "^sys/un%.h$", "^netinet/", "^arpa/",
  "^netdb%.h$", "^poll%.h$",
}

local function floor_of(path)
  local name = path:match("^csrc/([^/]+)/")
  return name, floors[name]
end

-- a/b/../c -> a/c
local function normal(path)
  local parts = {}
  for part in path:gmatch("[^/]+") do
    if part == ".." and #parts > 0 then parts[#parts] = nil
    elseif part ~= "." then parts[#parts + 1] = part end
  end
  return table.concat(parts, "/")
end

local function check_library(path, line, header)
  local name = floor_of(path)
  for _, owner in ipairs(owners) do
    if header:find(owner[1]) and name ~= owner[2] then
      report.complain(path, line, "<%s> is included only in csrc/%s", header, owner[2])
    end
  end
  for _, pattern in ipairs(sockets) do
    if name == "wire" and header:find(pattern) then
      report.complain(path, line, "<%s>: csrc/wire has no sockets", header)
    end
  end
end

local function check_own(path, line, target, edges)
  local from, height = floor_of(path)
  local to, target_height = floor_of(target)
  if not target_height then
    report.complain(path, line, "%s lies on no floor", target)
  elseif target_height > height then
    report.complain(path, line, "include goes up, from csrc/%s to csrc/%s", from, to)
  else
    local node, other = path:gsub("%.[ch]$", ""), target:gsub("%.[ch]$", "")
    edges[node] = edges[node] or {}
    if node ~= other then edges[node][other] = true end
  end
end

local function check_includes(path, edges)
  local _, height = floor_of(path)
  if not height then return report.complain(path, 1, "csrc has no such wing") end
  local number = 0
  -- Comments go, strings stay: the names of own headers are strings.
  local text = source.read(path):gsub("/%*.-%*/", function(c) return (c:gsub("[^\n]", "")) end)
  for line in text:gmatch("([^\n]*)\n?") do
    number = number + 1
    local mark, name = line:match('^%s*#%s*include%s*([<"])([^>"]+)')
    if mark == '"' then
      local target = normal(path:match("^.*/") .. name)
      local file = io.open(target)
      if file then file:close() check_own(path, number, target, edges)
      else check_library(path, number, name) end
    elseif mark then
      check_library(path, number, name)
    end
  end
end

local function check_c()
  local files, edges = source.find({ "csrc" }, ".c"), {}
  for _, header in ipairs(source.find({ "csrc" }, ".h")) do files[#files + 1] = header end
  for _, path in ipairs(files) do check_includes(path, edges) end
  for _, circle in ipairs(graph.circles(edges)) do
    report.complain(circle:match("^%S+"), 1, "includes go in a circle: %s", circle)
  end
  return #files
end

local outside = { cjson = true, ["cjson.safe"] = true, argparse = true }

local function module_of(path)
  return (path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

local function path_of(module)
  return module == "sse" and "lua/sse/init.lua" or "lua/" .. module:gsub("%.", "/") .. ".lua"
end

local function line_of(text, at)
  return select(2, text:sub(1, at):gsub("\n", "")) + 1
end

local function check_requires(path, modules, edges)
  local text = source.blank_lua(source.read(path), true)
  local node = module_of(path)
  edges[node] = {}
  for at, name in text:gmatch("()%f[%w_]require%s*%(?%s*[\"']([%w_.]+)[\"']") do
    if modules[name] then
      edges[node][name] = true
    elseif name ~= "sse.core" and not outside[name] then
      report.complain(path, line_of(text, at), "require '%s': not here, nor a known library", name)
    end
  end
end

-- init.lua is a table of names: no function, no branch, no loop.
local function check_init(path)
  local text = source.blank_lua(source.read(path))
  for _, word in ipairs { "function", "if", "for", "while", "repeat", "goto", "and", "or" } do
    local at = text:find("%f[%w_]" .. word .. "%f[^%w_]")
    if at then report.complain(path, line_of(text, at), "'%s': sse/init.lua has no logic", word) end
  end
end

local function check_lua()
  local files, modules, edges = source.find({ "lua/sse" }, ".lua"), {}, {}
  for _, path in ipairs(files) do modules[module_of(path)] = true end
  for _, path in ipairs(files) do check_requires(path, modules, edges) end
  for _, circle in ipairs(graph.circles(edges)) do
    report.complain(path_of(circle:match("^%S+")), 1, "require goes in a circle: %s", circle)
  end
  lua_folders.check(edges, function(module, what)
    report.complain(path_of(module), 1, "%s", what)
  end)
  if modules["sse"] then check_init("lua/sse/init.lua") end
  return #files
end

local c_files = check_c()
report.finish(c_files + check_lua())
