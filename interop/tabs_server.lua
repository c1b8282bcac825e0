--- The server of many_tabs.mjs: `tabs_server.lua JSON`, with port, store (a file of an event a
-- line, which are published again at each start), tls ({ cert, key }) and compress. Prints "port
-- N" once it listens; SIGTERM ends it.
local json = require "sse.json"
local sse = require "sse"

local asked = json.decode(arg[1])
local channel = sse.channel "tabs"
local server = sse.server {
  host = "127.0.0.1", port = asked.port, tls = asked.tls, compress = asked.compress,
}
local published, brought = 0, {}

-- The id is the number of the line in the store, and so the same after a restart.
local function publish(text)
  published = published + 1
  assert(channel:publish { id = tostring(published), data = text })
end

for line in io.lines(asked.store) do publish(line) end

server:get("/events", function(req, res)
  local id = req.last_event_id
  if id then brought[id] = (brought[id] or 0) + 1 end
  res:event_stream { retry = 100 }:follow(channel)
end)

server:post("/publish", function(req, res)
  local file <close> = assert(io.open(asked.store, "a"))
  file:write(req:text(), "\n")
  publish(req:text())
  res:reply(204)
end)

server:get("/stats", function(_, res)
  local stats = server:stats()
  stats.brought = brought
  res:reply(200, sse.json.encode(stats), { ["Content-Type"] = "application/json" })
end)

server:get("/", function(_, res)
  local file <close> = assert(io.open "interop/tabs.html")
  res:reply(200, file:read "a", { ["Content-Type"] = "text/html; charset=utf-8" })
end)

assert(server:listen())
print("port " .. server.port)
io.stdout:flush()
server:run { within = 0, grace = 0 }
