-- A server behind a proxy, for interop/behind.mjs: lua5.4 behind_server.lua PORT. It prints why
-- each stream ended.
local sse = require "sse"

local server = sse.server { port = tonumber(arg[1]), heartbeat = false }
local news = sse.channel "news"

-- Twenty events, each with the time of its sending, and then silence.
local function send_times(_, res)
  local stream = res:event_stream()
  stream.on_close = function(reason) print("times " .. reason) end
  for _ = 1, 20 do
    stream:send(tostring(os.time()) .. " " .. tostring(sse.now()))
    stream:sleep(37)
  end
  stream:sleep(600000)
end

server:get("/", function(_, res)
  res:reply(200, "<!doctype html>", { ["Content-Type"] = "text/html" })
end)
server:get("/now", function(_, res) res:reply(200, tostring(sse.now())) end)
server:get("/events/times", send_times)
for _, path in ipairs { "/events", "/other" } do
  server:get(path, function(_, res) res:event_stream { retry = 100 }:follow(news) end)
end
server:post("/news", function(req, res)
  news:publish { data = req:text() }
  res:reply(204)
end)
io.stdout:setvbuf "line"
assert(server:listen())
print("port " .. server.port)
server:run { within = 0 }
