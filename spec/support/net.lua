--- The core's server and exchanges without Lua's classes on top, for one test; `stop` checks that
-- nothing is left.
local core = require "sse.core"
local metric_names = require "sse.server.metric_names"
local raw = require "spec.support.raw"
local socket = require "socket"
local wait = require "spec.support.wait"

local net = {}

local current

--- Whether each callback costs a full collection; tests then use smaller numbers.
net.stress = os.getenv("SSE_STRESS_GC") ~= nil

--- Listens on a free port.
-- @tparam function on_request called with each exchange
-- @tparam[opt] table options of core.server
-- @return the server
function net.start(on_request, options)
  wait.collect()
  current = { clients = {}, fds = wait.fds() }
  options = options or {}
  options.on_request = on_request
  current.server = core.server(options)
  assert(current.server:listen())
  current.port = current.server.port
  return current.server
end

--- The numbers of a server of the core, as `server:stats()` gives those of a server.
function net.stats(server)
  return metric_names.group(metric_names.server, server:numbers())
end

--- Connects; the connection is closed after the test.
-- @tparam[opt] string bytes sent at once
-- @tparam[opt] int window of spec.support.raw
function net.connect(bytes, window)
  local client = raw.connect(current.port, window)
  table.insert(current.clients, client)
  if bytes then client:send(bytes) end
  return client
end

--- Connects from another address of this machine; nil if it has no such address.
function net.connect_from(address)
  local s = socket.tcp4()
  if not s:bind(address, 0) then s:close() return nil end
  assert(s:connect("127.0.0.1", current.port))
  s:settimeout(0)
  local client = setmetatable({ socket = s, buffer = "" }, raw)
  table.insert(current.clients, client)
  return client
end

--- A request's head as bytes.
-- @tparam string line "GET /path"
-- @tparam[opt] string fields lines, each with its CRLF
-- @tparam[opt] string version "1.1"
function net.head(line, fields, version)
  return ("%s HTTP/%s\r\nHost: a\r\n%s\r\n"):format(line, version or "1.1", fields or "")
end

--- Opens an event stream and returns its client, which has read the response's head.
function net.listener(path, version)
  local client = net.connect(net.head("GET " .. (path or "/"), nil, version))
  client:head()
  return client
end

--- Answers an exchange with a text.
function net.reply(exchange, text, status)
  return exchange:reply(status or 200, {}, text)
end

--- Pumps the loop until the server has exactly n connections, and is rid of the others.
function net.connections(n)
  local connections
  raw.pump(function()
    connections = net.stats(current.server).connections
    return connections.open == n
  end, n .. " connections")
  for _ = n, connections.accepted do -- each turn frees one that was closed, at least
    core.defer(function() end) -- so that the turn does not wait
    core.turn()
  end
end

--- Drops this module's reference to the server, which its own connections then keep alive.
function net.drop()
  current.server = nil
end

--- For after_each: closes everything, and checks that nothing is left.
function net.stop()
  if not current then return end
  local was = current
  current = nil
  for _, client in ipairs(was.clients) do client:close() end
  if was.server then
    raw.pump(function()
      local stats = net.stats(was.server)
      return stats.connections.open == 0 and stats.streams.open == 0
    end, "the server to be rid of its connections")
    was.server:close()
  end
  was.server = nil
  wait.idle()
  wait.collect()
  assert(wait.fds() == was.fds, ("%d descriptors before, %d after"):format(was.fds, wait.fds()))
end

--- Runs a Lua program in a process of its own, with the same interpreter, paths and tools.
-- @tparam string text the program
-- @tparam[opt] string before shell words in front of it, "ulimit -n 40;"
-- @return its exit status and its output
function net.child(text, before)
  local first = -1
  while arg[first - 1] do first = first - 1 end
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write(text)
  file:close()
  local pipe = io.popen(("%s %s %s 2>&1"):format(before or "", arg[first] or "lua5.4", name))
  local output = pipe:read "a"
  local _, _, status = pipe:close()
  os.remove(name)
  return status or 0, output
end

return net
