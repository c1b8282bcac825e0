-- A server behind a proxy, for interop/page_comes_back.mjs: lua5.4 behind_server.lua PORT.
local sse = require "sse"

local server = sse.server { port = tonumber(arg[1]), heartbeat = false }
local news = sse.channel "news"

server:get("/", function(_, res)
  res:reply(200, "<!doctype html>", { ["Content-Type"] = "text/html" })
end)
server:get("/events", function(_, res) res:event_stream { retry = 100 }:follow(news) end)
server:post("/news", function(req, res)
  news:publish { data = req:text() }
  res:reply(204)
end)
io.stdout:setvbuf "line"
assert(server:listen())
print("port " .. server.port)
server:run { within = 0 }
