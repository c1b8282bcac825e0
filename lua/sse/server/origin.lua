--- What a request says of where it comes from and whom it asks: the client's address, the scheme
-- and the host. `req.remote_address`, `scheme`, `secure` and `host` are read from here alone, once
-- for each request, by `exchange`, the core's, which knows what trusted proxies say.
-- @module sse.server.origin
local origin = {}

--- The client's address: "127.0.0.1" or "::1"; "unix" over a Unix socket.
-- @param exchange
-- @treturn string
function origin.remote_address(exchange) return exchange.remote_address end

--- How the request was made.
-- @param exchange
-- @treturn string "https" where the client speaks TLS, else "http"
function origin.scheme(exchange) return exchange.secure and "https" or "http" end

--- The host that the request asks for, or that a trusted proxy says it asked for: as the Host
-- field, :authority or the target has it, in lower case, with a port if it has one. The core has
-- checked its form.
-- @param exchange
-- @treturn string|nil "example.com", "example.com:8080", "[::1]:80"; nil if the request has none
function origin.host(exchange)
  local host = exchange.host
  return host and host:lower()
end

return origin
