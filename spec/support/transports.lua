--- The transports that the server's specs run over:
--
--    serving.each("server", function(transport) ... end)
--
-- Fields of a transport: `name`; `scheme`; `server` and `client`, functions that return new
-- options for `sse.server` and for our client; `protocol` and `secure`, what `req` says; `raw`:
-- HTTP/1.1 on a bare socket works too; `fresh`: our client may open a connection for each request
-- (libcurl 7.88 can't reuse one with prior knowledge).
local certs = require "spec.support.certs"

local function nothing() return {} end

local transports = {
  {
    name = "HTTP/1.1", scheme = "http", raw = true,
    server = nothing, client = nothing,
    protocol = "HTTP/1.1", secure = false,
  },
  {
    name = "HTTPS", scheme = "https",
    server = function() return { tls = certs.server() } end,
    client = function() return { httpVersion = "1.1", tls = certs.client() } end,
    protocol = "HTTP/1.1", secure = true,
  },
  {
    name = "h2c", scheme = "http", fresh = true,
    server = nothing, client = function() return { httpVersion = "2-prior-knowledge" } end,
    protocol = "HTTP/2", secure = false,
  },
  {
    name = "h2", scheme = "https",
    server = function() return { tls = certs.server() } end,
    client = function() return { httpVersion = "2", tls = certs.client() } end,
    protocol = "HTTP/2", secure = true,
  },
}

transports.https, transports.h2 = transports[2], transports[4]

return transports
