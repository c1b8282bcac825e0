-- The server of the sources benchmark: GET /events is a stream, POST /say sends an event to all
-- streams. Prints its port; POST /stop ends it.
local sse = require "sse"

local streams = {}
local server = sse.server { port = 0 }

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

server:post("/stop", function(_, res)
  res:reply(204)
  sse.after(0, sse.stop)
end)

assert(server:listen())
print(server.port)
io.stdout:flush()
sse.run()
