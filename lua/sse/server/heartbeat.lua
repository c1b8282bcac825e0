--- The option `heartbeat` of `sse.server` and `res:event_stream`: after how much silence an event
-- stream gets a comment, or an event. It is milliseconds; false, for none; or `{ every, event }`,
-- where `every` is 15000 and `event`, the type of an event without data, is none by default.
-- @module sse.server.heartbeat
local options = require "sse.shared.options"

local heartbeat = {}

local DEFAULT = 15000 -- ms
local MAX = 1 << 50 -- the greatest number that the core takes

local every = options.number(1, MAX, "milliseconds")

--- The rule of the option, for `options.check`.
heartbeat.rule = {
  expected = ("a number from 1 to %d (milliseconds), false, or { every, event }"):format(MAX),
  check = function(v) return v == false or type(v) == "table" or every.check(v) end,
  fields = {
    every = every,
    event = {
      expected = "a string of 1 to 256 bytes without NUL, CR and LF",
      check = function(v) return options.event_id.check(v) and #v >= 1 and #v <= 256 end,
    },
  },
}

--- Makes of a checked option what the core takes.
-- @tparam number|boolean|table|nil given
-- @treturn number|boolean|nil milliseconds; false for none; nil for the default
-- @treturn string|nil the type of the event
function heartbeat.split(given)
  if type(given) ~= "table" then return given, nil end
  return given.every or DEFAULT, given.event
end

return heartbeat
