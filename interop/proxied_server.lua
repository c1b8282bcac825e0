--- The server behind other people's proxies: `proxied_server.lua PORT PROXY_PORT UNIX_PATH`. The
-- second port takes PROXY headers, and with CERT and KEY in the environment TLS behind them. Prints
-- "port N" once it listens; SIGTERM ends it. With TRUST=no it trusts nobody.
--
-- GET /who tells what the server knows of the request; /stream opens an event stream that says the
-- same; /seen tells the addresses of the log's entries, and how many streams are open.
local sse = require "sse"

local seen = {}

local server = sse.server {
  host = "127.0.0.1", port = math.tointeger(tonumber(arg[1])), max_connections_per_address = 3,
  trusted_proxies = os.getenv "TRUST" ~= "no" and { "127.0.0.1", "unix" } or {},
  hosts = { "app.example" }, cors = true, heartbeat = 200,
  on_response = function(entry) seen[#seen + 1] = entry.target .. " " .. entry.remote_address end,
}

local function who(req)
  return { address = req.remote_address, scheme = req.scheme, secure = req.secure, host = req.host,
    protocol = req.protocol, x = req:header "x-forwarded-for", forwarded = req:header "forwarded" }
end

server:get("/who", function(req, res) res:json(who(req)) end)

server:get("/stream", function(req, res)
  local stream = res:event_stream { retry = 50 }
  stream:send { event = "who", data = who(req) }
  while stream:sleep(60000) do end
end)

server:get("/seen", function(_, res)
  res:json { seen = sse.json.array(seen), streams = server:stats().streams.open,
    unproxied = server:stats().connections.unproxied }
end)

-- For a health check.
server:get("/health", function(_, res) res:reply(200, "fine\n") end)

assert(server:listen())
if os.getenv "TRUST" ~= "no" then
  local cert = os.getenv "CERT"
  assert(server:listen { port = math.tointeger(tonumber(arg[2])), proxy_protocol = true,
    tls = cert and { cert = cert, key = os.getenv "KEY" } or false })
end
assert(server:listen { unix = arg[3], mode = "0600" })
print("port " .. server.port)
io.stdout:flush()
assert(server:run { within = 0, grace = 1000, retry = 50 })
