--- The server of bench/requests.lua: prints its port, then serves. With BEHIND set it trusts a
-- proxy on this machine, and answers for one host.
-- usage: lua requests_server.lua [CERT KEY]
local sse = require "sse"

local behind = os.getenv "BEHIND"
local server = sse.server {
  port = 0, tls = arg[2] and { cert = arg[1], key = arg[2] } or nil,
  trusted_proxies = behind and { "127.0.0.1", "10.0.0.0/8" } or nil,
  hosts = behind and { "app.example" } or nil,
  max_connections_per_address = behind and 1000 or nil,
}
server:get("/visitor", function(req, res) res:reply(200, req.remote_address .. "\n") end)
server:get("/", function(_, res) res:reply(200, "hello world\n") end)
server:get("/hello/:name", function(req, res)
  res:reply(200, "hello " .. req.params.name .. "\n")
end)
server:get("/fields", function(_, res)
  res:reply(200, "hello world\n", { ["Cache-Control"] = "no-store", ["X-Frame-Options"] = "DENY" })
end)
assert(server:listen())
print(server.port)
io.stdout:flush()
sse.run()
