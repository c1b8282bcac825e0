-- The server of the benchmarks of many sources, in a process of its own, since a process may not
-- have enough descriptors for both ends. GET /events is a stream, POST /say sends an event to all
-- streams, POST /cut ends them, GET /connections tells how many there are. Prints its port; with
-- "tls" the path of the authority's certificate, too. POST /stop ends it.
-- usage: lua sources_server.lua [plain|tls] [compress]
local certs = require "spec.support.certs"
local sse = require "sse"

local secure, compress = arg[1] == "tls", arg[2] == "compress"
local streams = {}
local server = sse.server {
  port = 0, compress = compress, tls = secure and certs.server() or nil,
  max_connections = 20000, max_connections_per_address = 20000, max_concurrent_requests = 100,
}

server:get("/events", function(_, res)
  local stream = assert(res:event_stream { heartbeat = false })
  streams[stream] = true
  stream.on_close = function() streams[stream] = nil end
end)

server:post("/say", function(_, res)
  local event = { event = "tick", data = ("x"):rep(100) }
  for stream in pairs(streams) do assert(stream:send(event)) end
  res:reply(204)
end)

server:post("/cut", function(_, res)
  res:reply(204)
  for stream in pairs(streams) do stream:close() end
end)

server:get("/connections", function(_, res)
  res:reply(200, ("%d"):format(server:stats().connections.open))
end)

server:get("/hello", function(_, res) res:reply(200, "hello") end)

server:post("/stop", function(_, res)
  res:reply(204)
  sse.after(0, sse.stop)
end)

assert(server:listen())
print(server.port)
if secure then print(certs.client().ca) end
io.stdout:flush()
sse.run()
