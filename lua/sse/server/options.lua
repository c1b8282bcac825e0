--- The rules of the options of `sse.server`, by name, for `options.check` of sse.shared.options.
-- @module sse.server.options
local access_log = require "sse.server.access_log"
local options = require "sse.shared.options"
local stream_options = require "sse.server.stream_options"

return options.spec("sse.server", {
  host = options.text,
  port = options.integer(0, 65535),
  cors = {
    expected = "true or a table",
    check = function(v) return type(v) == "boolean" or type(v) == "table" end,
  },
  backlog = options.integer(1),
  max_connections = options.integer(1),
  max_connections_per_address = options.integer(1),
  max_concurrent_requests = options.integer(1, 2 ^ 31 - 1),
  max_head_size = options.integer(256),
  max_body_size = options.integer(0),
  max_bodies = options.integer(1),
  max_pending = options.integer(1),
  max_pending_total = options.integer(1),
  head_timeout = options.ms(1),
  body_timeout = options.ms(1),
  idle_timeout = options.ms(1),
  write_timeout = options.ms(1),
  heartbeat = stream_options.heartbeat,
  max_life = stream_options.max_life,
  compress = stream_options.compress,
  trusted_proxies = options.strings('addresses, networks and "unix"'),
  proxy_headers = options.strings 'header fields such as "X-Forwarded-For"',
  hosts = options.strings 'hosts such as "app.example"',
  proxy_protocol = "boolean",
  port_reuse = "boolean",
  on_error = "function",
  on_response = "function",
  access_log = access_log.rule,
  request_id = "boolean",
  tls = {
    expected = "a table such as { cert = 'cert.pem', key = 'key.pem' }",
    check = function(v) return type(v) == "table" end,
  },
})
