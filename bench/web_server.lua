--- The servers of bench/web.lua: prints its port, then serves. usage: lua web_server.lua WHAT
local sse = require "sse"

local what = assert(arg[1], "usage: lua web_server.lua WHAT")

local function null() return assert(io.open("/dev/null", "a")) end

local function log(format) return { access_log = { format = format, file = null() } } end

local function noop() end

local options = {
  common = log "common", json = log "json", all = log "common",
  on_response = { on_response = noop }, request_id = { request_id = true },
  trusted = { trusted_proxies = { "127.0.0.1", "10.0.0.0/8" } },
}
local given = options[what] or {}
given.port = 0
local server = sse.server(given)
server:get("/", function(_, res) res:reply(200, "hello world\n") end)
if what == "before" or what == "all" then server:before(function(req) req.user = "ann" end) end
if what == "prefix" then server:before("/admin", noop) end
if what == "limit" or what == "all" then server:limit { rate = 1e9, burst = 1e9, streams = 10 } end
assert(server:listen())
print(server.port)
io.stdout:flush()
sse.run()
