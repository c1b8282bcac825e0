--- Exponential backoff: how long to wait before the next attempt. The wait is the reconnection time
-- at first, and doubles with jitter while attempts fail. No clock is read here, and the source of
-- random numbers can be given.
-- @module sse.client.backoff
local backoff = {}
backoff.__index = backoff

--- Makes a backoff without failures.
-- @tparam table options `base` (the reconnection time), `min` and `max`, all in milliseconds;
-- `random`, a function as math.random (the default)
function backoff.new(options)
  return setmetatable({
    base = options.base, min = options.min, max = options.max,
    random = options.random or math.random,
    failures = 0, last_delay = 0,
  }, backoff)
end

function backoff:clamp(ms)
  return math.max(self.min, math.min(self.max, ms))
end

--- Sets the reconnection time, as a server's `retry` field does.
-- @tparam number ms
function backoff:set_base(ms)
  self.base = ms
end

--- The number of failures in a row before the connection that has just ended. A connection that was
-- open for at least as long as the last delay ends the row: then the number is 0.
-- @tparam[opt] number open_for milliseconds that the connection was open; nil if it never opened
-- @treturn integer
function backoff:failures_before(open_for)
  return open_for and open_for >= self.last_delay and 0 or self.failures
end

--- Counts a failure and computes the delay before the next attempt.
-- @tparam[opt] number open_for as of `failures_before`
-- @treturn number milliseconds
-- @treturn integer the failures in a row, this one included
function backoff:next(open_for)
  self.failures = self:failures_before(open_for)
  local floor = self:clamp(self.base)
  local ceiling = math.min(self.max, floor * 2.0 ^ math.min(self.failures, 64))
  local delay = floor
  if self.failures > 0 then
    delay = math.max(floor, ceiling * (0.5 + 0.5 * self.random()))
  end
  self.failures = self.failures + 1
  self.last_delay = delay
  return delay, self.failures
end

return backoff
