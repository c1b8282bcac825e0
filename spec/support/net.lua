--- The server's floor without its Lua face: `core.server` and exchanges, for one test, which leaves
-- nothing behind.
local core = require "sse.core"
local raw = require "spec.support.raw"
local wait = require "spec.support.wait"

local net = {}

local current

--- A full collection after every callback: what is many is then fewer.
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

--- A connection, closed after the test.
-- @tparam[opt] string bytes sent at once
function net.connect(bytes)
  local client = raw.connect(current.port)
  table.insert(current.clients, client)
  if bytes then client:send(bytes) end
  return client
end

--- A request's head as bytes.
-- @tparam string line "GET /path"
-- @tparam[opt] string fields lines, each with its CRLF
-- @tparam[opt] string version "1.1"
function net.head(line, fields, version)
  return ("%s HTTP/%s\r\nHost: a\r\n%s\r\n"):format(line, version or "1.1", fields or "")
end

--- Opens an event stream and gives its client, behind the head.
function net.listener(path, version)
  local client = net.connect(net.head("GET " .. (path or "/"), nil, version))
  client:head()
  return client
end

--- Answers with a text.
function net.reply(exchange, text, status)
  return exchange:reply(status or 200, {}, text)
end

--- Pumps until the server has exactly n connections.
function net.connections(n)
  raw.pump(function() return current.server:stats().connections == n end, n .. " connections")
end

--- Lets go of the server, which nobody but its own connections then holds.
function net.drop()
  current.server = nil
end

--- For after_each: closes all and shows that nothing is left.
function net.stop()
  if not current then return end
  local was = current
  current = nil
  for _, client in ipairs(was.clients) do client:close() end
  if was.server then
    raw.pump(function()
      local stats = was.server:stats()
      return stats.connections == 0 and stats.streams == 0
    end, "the server to be rid of its connections")
    was.server:close()
  end
  was.server = nil
  wait.idle()
  wait.collect()
  assert(wait.fds() == was.fds, ("%d descriptors before, %d after"):format(was.fds, wait.fds()))
end

--- Runs a Lua program in a process of its own, under the same interpreter, paths and tools.
-- @tparam string text the program
-- @tparam[opt] string before shell words in front of it, "ulimit -n 40;"
-- @return its exit status and all it wrote
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
