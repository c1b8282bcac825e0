--- A server for one test, which leaves nothing behind: no connection, no stream, no descriptor.
local core = require "sse.core"
local new_server = require "sse.server"
local raw = require "spec.support.raw"
local wait = require "spec.support.wait"

local serving = { errors = {} }

local current

--- Makes a server on a free port; errors of handlers are gathered in `serving.errors`.
-- @tparam[opt] table options
-- @tparam function routes called with the server before it listens
function serving.start(options, routes)
  if type(options) ~= "table" then options, routes = {}, options end
  wait.collect()
  serving.errors = {}
  current = { clients = {}, fds = wait.fds() }
  options.on_error = options.on_error or function(message, req)
    table.insert(serving.errors, { message = message, req = req })
  end
  current.server = new_server(options)
  if routes then routes(current.server) end
  assert(current.server:listen())
  return current.server
end

--- A connection to the server; see `raw.connect` for window.
function serving.connect(window)
  local client = raw.connect(current.server.port, window)
  table.insert(current.clients, client)
  return client
end

--- One request on a connection of its own.
function serving.request(...)
  local client = serving.connect()
  local answer = client:request(...)
  client:close()
  return answer
end

--- Pumps until the server holds neither connection nor stream.
function serving.idle()
  raw.pump(function()
    core.forget_connections() -- the client's of this process
    local stats = current.server:stats()
    return stats.connections == 0 and stats.streams == 0
  end, "the server to be rid of its connections")
end

--- Closes the server, and nothing else.
function serving.close() current.server:close() end

--- For after_each: closes all and shows that nothing is left, neither descriptor nor object.
function serving.stop()
  if not current then return end
  local fds = current.fds
  local held = setmetatable({ server = current.server }, { __mode = "v" })
  for _, client in ipairs(current.clients) do client:close() end
  serving.idle()
  current.server:close()
  current = nil
  raw.pump(function()
    collectgarbage()
    return not held.server
  end, "the server to be collected")
  assert(wait.fds() == fds, ("%d descriptors before, %d after"):format(fds, wait.fds()))
end

return serving
