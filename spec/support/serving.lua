--- A server for one test; `stop` checks that no connection, stream or descriptor is left. Requests
-- reach it in two ways: as bytes on a bare socket (`connect`, `request`), or by our own client
-- over the test's transport (`ask`, `listen`).
local abort = require "sse.abort"
local busted = require "busted"
local core = require "sse.core"
local fetch = require "sse.fetch"
local new_server = require "sse.server"
local raw = require "spec.support.raw"
local reader = require "spec.support.reader"
local relay = require "spec.support.relay"
local task = require "sse.task"
local transports = require "spec.support.transports"
local wait = require "spec.support.wait"

local serving = { errors = {}, transport = transports[1] }

local current

--- A describe block: fn(transport) defines its tests, whose servers and clients use the transport.
function serving.over(transport, name, fn)
  busted.describe(name, function()
    busted.setup(function() serving.transport = transport end)
    busted.teardown(function() serving.transport = transports[1] end)
    fn(transport)
  end)
end

--- A describe block for each transport.
function serving.each(name, fn)
  for _, transport in ipairs(transports) do
    serving.over(transport, name .. " over " .. transport.name, fn)
  end
end

local function add(options, more)
  for name, value in pairs(more) do
    if options[name] == nil then options[name] = value end
  end
  return options
end

--- Starts a server on a free port; errors of handlers are added to `serving.errors`.
-- @tparam[opt] table options
-- @tparam function routes called with the server before it listens
function serving.start(options, routes)
  if type(options) ~= "table" then options, routes = {}, options end
  wait.collect()
  serving.errors = {}
  current = { clients = {}, fds = wait.fds() }
  options.on_error = options.on_error or function(message, context)
    table.insert(serving.errors, { message = message, req = context.req, context = context })
  end
  current.server = new_server(add(options, serving.transport.server()))
  if routes then routes(current.server) end
  assert(current.server:listen())
  return current.server
end

--- Connects to the server; see `raw.connect` for window.
function serving.connect(window)
  local client = raw.connect(current.server.port, window)
  table.insert(current.clients, client)
  return client
end

--- Sends a request on a connection of its own, and returns the response.
function serving.request(...)
  local client = serving.connect()
  local response = client:request(...)
  client:close()
  return response
end

--- The URL of a target of the server.
function serving.url(target)
  local port = current.relay and current.relay.port or current.server.port
  return ("%s://127.0.0.1:%d%s"):format(serving.transport.scheme, port, target)
end

--- From now on our client reaches the server through a relay, which this returns.
function serving.through()
  current.relay = relay.start(current.server.port)
  table.insert(current.clients, current.relay)
  return current.relay
end

local function send(line, fields, body, signal)
  local method, target = line:match "^(%S+) (%S+)$"
  return fetch(serving.url(target), add({
    method = method, headers = fields, body = body, redirect = "manual", signal = signal,
  }, serving.transport.client()))
end

--- Sends a request by our client; returns the response, whose body is still to be read, or nil and
-- a message. `stop` closes the response: one that nobody reads holds its connection until it is
-- collected.
-- @tparam string line "GET /path"
-- @tparam[opt] table fields
-- @tparam[opt] string body
function serving.send(...)
  local res, message, code, failure = send(...)
  if res then table.insert(current.clients, res) end
  return res, message, code, failure
end

--- Sends a request by our client, and reads the body; returns status, headers, body, protocol.
function serving.ask(...)
  local res = assert(send(...))
  return {
    status = res.status, headers = res.headers, protocol = res.protocol, body = assert(res:text()),
  }
end

--- Sends a request by our client without waiting for the response, which nobody reads; returns a
-- function that aborts it, as `stop` does.
function serving.begin(line)
  local controller = abort.AbortController()
  local function leave() controller:abort() end
  task.spawn(function() send(line, nil, nil, controller.signal) end)
  table.insert(current.clients, { close = leave })
  return leave
end

--- Opens a body that goes on: see spec/support/reader.lua.
-- @tparam[opt] string path
-- @tparam[opt] table fields
function serving.listen(path, fields)
  local listener = reader.open(assert(send("GET " .. (path or "/"), fields)))
  table.insert(current.clients, listener)
  return listener
end

--- Pumps the loop until the server has neither connections nor streams.
function serving.idle()
  raw.pump(function()
    core.forget_connections() -- of the client in this process
    local stats = current.server:stats()
    local memory = stats.memory
    return stats.connections.open == 0 and stats.streams.open == 0 and memory.pending_bytes == 0
      and memory.buffered_bytes == 0 and memory.body_bytes == 0
  end, "the server to be rid of its connections")
end

--- Closes the server, and nothing else.
function serving.close() current.server:close() end

--- For after_each: closes everything, and checks that neither descriptors nor objects are left.
function serving.stop()
  if not current then return end
  local fds = current.fds
  local held = setmetatable({ server = current.server }, { __mode = "v" })
  for _, client in ipairs(current.clients) do client:close() end
  serving.idle()
  current.server:close()
  current = nil
  -- The stream of a context refers to the server.
  for _, entry in ipairs(serving.errors) do entry.context = nil end
  raw.pump(function()
    collectgarbage()
    return not held.server
  end, "the server to be collected")
  -- A store that looks for a server, or connects to one again, has one more or less meanwhile.
  local is_right = wait.fds() == fds or pcall(wait.till, function() return wait.fds() == fds end)
  assert(is_right, ("%d descriptors before, %d after"):format(fds, wait.fds()))
end

return serving
