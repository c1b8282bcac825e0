--- The server of bench/requests.lua: prints its port, then serves.
-- usage: lua requests_server.lua [CERT KEY]
local sse = require "sse"

local tls = arg[2] and { cert = arg[1], key = arg[2] } or nil
local server = sse.server { port = 0, tls = tls }
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
