-- The program of production.md, for docs/Dockerfile and docs/lua-sse.service: `app.lua [HOST]`.
-- Started by systemd's socket unit, it listens where that says.
local sse = require "sse"

local server = sse.server {
  host = arg[1], port = 9522,
  trusted_proxies = { "127.0.0.1", "172.16.0.0/12", "unix" },
  hosts = { "app.example" },
  access_log = "common",
}
local news = sse.channel "news"

server:get("/health", function(_, res) res:reply(200, "fine\n") end)
server:get("/events", sse.follow(news))
sse.every(1000, function() news:publish(os.date "%H:%M:%S") end)

if os.getenv "LISTEN_FDS" then assert(server:listen { systemd = true }) end
assert(server:run { within = 5000 })
