-- The server of the server's benchmark: GET /events follows a channel, POST /publish publishes its
-- body, with ?burst=B as B events of equal size; GET /gc collects garbage and tells how many KiB
-- Lua holds; GET /closed tells why streams opened with ?watch=1 ended. Prints its port. With a
-- certificate and its key as arguments: over TLS.
local sse = require "sse"

local channel = sse.channel("bench", { history = 1000 })
-- idle_timeout is long because the publisher may send nothing for long.
local server = sse.server {
  port = 0, max_connections = 16000, idle_timeout = 3600e3,
  tls = arg[1] and { cert = arg[1], key = arg[2] } or nil,
}
local closed = {}

server:get("/events", function(req, res)
  local stream = res:event_stream()
  stream:follow(channel)
  if req.target:find("watch", 1, true) then
    stream.on_close = function(reason) closed[#closed + 1] = reason end
  end
end)

server:post("/publish", function(req, res)
  local body, burst = req:text(), tonumber(req.query.burst) or 1
  local size = #body // burst
  for i = 1, burst do
    assert(channel:publish { data = body:sub((i - 1) * size + 1, i * size) })
  end
  res:reply(204)
end)

server:get("/gc", function(_, res)
  collectgarbage()
  collectgarbage()
  res:reply(200, ("%.1f"):format(collectgarbage "count"))
end)

server:get("/closed", function(_, res)
  res:reply(200, table.concat(closed, ","))
end)

assert(server:listen())
print(server.port)
io.stdout:flush()
sse.run()
