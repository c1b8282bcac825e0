--- How long to wait before a reconnection: the reconnection time at first, doubled with jitter
-- while attempts fail. Pure: no clock, and the random numbers can be given.
-- @module sse.client.backoff
local backoff = {}
backoff.__index = backoff

--- Makes one.
-- @tparam table options base (the reconnection time), min, max: milliseconds; random, like
-- math.random
function backoff.new(options)
  return setmetatable({
    base = options.base, min = options.min, max = options.max,
    random = options.random or math.random,
    failures = 0, last = 0,
  }, backoff)
end

function backoff:clamp(ms)
  return math.max(self.min, math.min(self.max, ms))
end

--- A new reconnection time, the server's `retry`.
function backoff:set_base(ms)
  self.base = ms
end

--- The failures in a row before one of a connection that lived so long.
function backoff:row(lived)
  return lived and lived >= self.last and 0 or self.failures
end

--- The next wait.
-- @tparam[opt] number lived how long the connection before was open; nil: it never was. One that
-- lived for as long as the last wait ends the row of failures.
-- @treturn number milliseconds
-- @treturn integer the failures in a row, this one included
function backoff:next(lived)
  self.failures = self:row(lived)
  local floor = self:clamp(self.base)
  local ceiling = math.min(self.max, floor * 2.0 ^ math.min(self.failures, 64))
  local wait = floor
  if self.failures > 0 then
    wait = math.max(floor, ceiling * (0.5 + 0.5 * self.random()))
  end
  self.failures = self.failures + 1
  self.last = wait
  return wait, self.failures
end

return backoff
