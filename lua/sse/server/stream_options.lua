--- The rules of the options of `res:event_stream`, by name, for `options.check` of
-- sse.shared.options. The server has some of the same names.
-- @module sse.server.stream_options
local heartbeat = require "sse.server.heartbeat"
local options = require "sse.shared.options"

local MAX_NUMBER = 1 << 50 -- the greatest number that the core takes

return options.spec("res:event_stream", {
  retry = options.number(0, MAX_NUMBER, "milliseconds"),
  headers = "table",
  heartbeat = heartbeat.rule,
  max_pending = options.integer(1, MAX_NUMBER),
  finish = "boolean",
  compress = {
    expected = 'true, false, "shared" or "window"',
    check = function(v) return type(v) == "boolean" or v == "shared" or v == "window" end,
  },
})
