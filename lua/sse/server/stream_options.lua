--- The rules of the options of `res:event_stream`, by name, for `options.check` of
-- sse.shared.options. The server has some of the same names.
-- @module sse.server.stream_options
local heartbeat = require "sse.server.heartbeat"
local options = require "sse.shared.options"

local MAX_NUMBER = 1 << 50 -- the greatest number that the core takes

local MAX_LIFE = (1 << 31) - 1 -- ms, 24 days
local life = options.number(1, MAX_LIFE)

return options.spec("res:event_stream", {
  retry = options.number(0, MAX_NUMBER, "milliseconds"),
  headers = "table",
  heartbeat = heartbeat.rule,
  max_pending = options.integer(1, MAX_NUMBER),
  max_life = {
    expected = ("a number from 1 to %d (milliseconds) or false"):format(MAX_LIFE),
    check = function(v) return v == false or life.check(v) end,
  },
  finish = "boolean",
  compress = {
    expected = 'true, false, "shared" or "window"',
    check = function(v) return type(v) == "boolean" or v == "shared" or v == "window" end,
  },
})
