--- What carries a request to the server under test. The server's specs run over each of these:
--
--    serving.each("server", function(transport) ... end)
--
-- A transport: `name`; `scheme`; `server`, options of `sse.server`, and `client`, options of our
-- client, both functions that give a new table; what `req` then says: `protocol`, `secure`; `raw`:
-- HTTP/1.1 on a bare socket works too; `fresh`: our client may make a connection a request (libcurl
-- 7.88 can't use one with prior knowledge again).
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
    client = function() return { http2 = false, tls = certs.client() } end,
    protocol = "HTTP/1.1", secure = true,
  },
  {
    name = "h2c", scheme = "http", fresh = true,
    server = nothing, client = function() return { http2 = true } end,
    protocol = "HTTP/2", secure = false,
  },
  {
    name = "h2", scheme = "https",
    server = function() return { tls = certs.server() } end,
    client = function() return { http2 = true, tls = certs.client() } end,
    protocol = "HTTP/2", secure = true,
  },
}

transports.https = transports[2]

return transports
