-- The workers of make bench-cores: GET /events follows a channel that a file keeps. Prints the
-- master's process, and each worker's with the port. usage: lua cores_server.lua FILE WORKERS
local core = require "sse.core"
local sse = require "sse"

local file, count = arg[1], math.tointeger(tonumber(arg[2]))
io.stdout:setvbuf "line"
print(core.process_id())
assert(sse.workers { count = count, listen = { port = 0 }, run = function()
  local server = sse.server { port = 0, max_connections = 20000 }
  local news = sse.channel("bench", { store = sse.sqlite(file), history = 10000 })
  server:get("/events", sse.follow(news))
  assert(server:listen())
  print(core.process_id(), server.port)
  assert(server:run { within = 0 })
end })
