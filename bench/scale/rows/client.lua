--- Many transfers of the client to one host. The server is a process of its own.
local sse = require "sse"

local server = {}
server.__index = server

local function start(kind)
  local lua = arg[-1] or "lua5.4"
  local pipe = assert(io.popen(("%s bench/sources_server.lua %s"):format(lua, kind or "plain")))
  local port = assert(pipe:read "n", "the server has not started")
  local self = { pipe = pipe, url = ("http://127.0.0.1:%d"):format(port), options = {} }
  if kind == "tls" then
    pipe:read "l"
    self.url, self.options = self.url:gsub("http", "https"), { tls = { ca = pipe:read "l" } }
  end
  return setmetatable(self, server)
end

function server:ask(method, path)
  return assert(sse.fetch(self.url .. path, { method = method, tls = self.options.tls })):text()
end

-- --- sources -------------------------------------------------------------------------------------

local crowd = {}
crowd.__index = crowd

-- Makes sources; `opened` counts those that have opened since it was last set.
local function new_crowd(on, size)
  local self = setmetatable({ opened = 0, size = size, list = {}, server = on }, crowd)
  for i = 1, size do
    self.list[i] = sse.EventSource(on.url .. "/events", {
      tls = on.options.tls, retryInterval = 500,
      onopen = function() self.opened = self.opened + 1 end,
    })
  end
  return self
end

function crowd:wait(tools)
  tools.wait_until(function() return self.opened == self.size end)
end

-- Runs fn(server) with a server of that kind, in a task.
local function with_server(tools, kind, fn)
  return tools.task(function()
    local on = start(kind)
    on:ask("GET", "/hello")
    local result = fn(on)
    on:ask("POST", "/stop")
    return result
  end)
end

local function cpu_each(size, fn)
  local before = os.clock()
  fn()
  return (os.clock() - before) / size * 1e6
end

local function open(size, tools)
  return with_server(tools, nil, function(on)
    return cpu_each(size, function() new_crowd(on, size):wait(tools) end)
  end)
end

local function reopen(size, tools)
  return with_server(tools, nil, function(on)
    local sources = new_crowd(on, size)
    sources:wait(tools)
    return cpu_each(size, function()
      sources.opened = 0
      on:ask("POST", "/cut")
      sources:wait(tools)
    end)
  end)
end

-- The longest turn while sources open, and come back. Lua's collector does not run: its pauses are
-- those of any program with as many objects.
local function longest_turn(size, tools)
  return with_server(tools, nil, function(on)
    collectgarbage "stop"
    local sources = new_crowd(on, size)
    sse.sleep(0) -- the turn of the loop above is the program's
    local probe = tools.probe()
    sources:wait(tools)
    sources.opened = 0
    on:ask("POST", "/cut")
    sources:wait(tools)
    return (probe:stop())
  end)
end

local function connections(size, tools)
  return with_server(tools, "tls", function(on)
    new_crowd(on, size):wait(tools)
    return tonumber(on:ask("GET", "/connections"))
  end)
end

-- --- fetches -------------------------------------------------------------------------------------

local function fetch(size, tools)
  return with_server(tools, nil, function(on)
    return cpu_each(size * 2, function()
      local tasks = {}
      for i = 1, size do
        tasks[i] = sse.spawn(function()
          for _ = 1, 2 do on:ask("GET", "/hello") end
        end)
      end
      for i = 1, size do tasks[i]:wait() end
    end)
  end)
end

return {
  {
    name = "fetch", what = "fetches at once, two after another", unit = "us each",
    sizes = { 1000, 8000 }, before = { 120, 249 }, growth_most = 2, run = fetch,
  },
  {
    name = "open", what = "sources open", unit = "us each", sizes = { 1000, 10000 },
    before = { 143, 219 }, growth_most = 2, run = open,
  },
  {
    name = "reopen", what = "sources come back after a cut", unit = "us each",
    sizes = { 1000, 10000 }, before = { 171, 506 }, growth_most = 2, run = reopen,
  },
  {
    name = "client turn", what = "the longest turn meanwhile (CPU)", unit = "ms",
    sizes = { 1000, 10000 }, before = { 29, 1757 }, most = 50, run = longest_turn,
  },
  {
    name = "http2", what = "sources over HTTP/2, 100 a connection", unit = "connections",
    sizes = { 100, 101, 200, 1000 }, before = { 2, 2, 101, 901 }, most = 11, run = connections,
  },
}
