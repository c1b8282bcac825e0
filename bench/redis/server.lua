-- The workers of bench/redis.lua: GET /events follows a channel in Redis, POST /publish publishes
-- its body. Prints the port. usage: lua server.lua URL WORKERS
local sse = require "sse"

local url, count = arg[1], math.tointeger(tonumber(arg[2]))
io.stdout:setvbuf "line"
assert(sse.workers { count = count, listen = { port = 0 }, run = function()
  local server = sse.server { port = 0, max_connections = 16000, idle_timeout = 3600e3 }
  local channel = sse.channel("bench", { store = sse.redis(url), history = 1000 })
  server:get("/events", sse.follow(channel))
  server:post("/publish", function(req, res)
    assert(channel:publish { data = req:text() })
    res:reply(204)
  end)
  assert(server:listen())
  print(server.port)
  assert(server:run { within = 0 })
end })
