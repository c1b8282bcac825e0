--- Exponential backoff: how long to wait before the next attempt. The wait is the reconnection time
-- at first, and doubles with jitter while attempts fail. No clock is read here, and the source of
-- random numbers can be given.
-- @module sse.client.backoff
local backoff = {}
backoff.__index = backoff

local MAX_RETRY = 86400000.0 -- ms: a server can set the reconnection time to a day at most

--- Makes a backoff without failures.
-- @tparam table options `base` (the reconnection time), `min` (the least wait) and `max` (bounds
-- what grows by failures), all in milliseconds; `random`, a function as math.random (the default)
function backoff.new(options)
  return setmetatable({
    base = options.base, min = options.min, max = options.max,
    random = options.random or math.random,
    failures = 0, -- attempts in a row that failed
  }, backoff)
end

--- Sets the reconnection time, as a server's `retry` field does.
-- @tparam number ms
function backoff:set_base(ms)
  self.base = math.min(MAX_RETRY, ms)
end

-- The wait that has not grown.
local function base_of(self)
  return math.max(self.min, self.base)
end

--- Whether an attempt has failed: its connection delivered no event, and was lost before it had
-- lived as long as the last wait, or as the reconnection time where there was no wait.
-- @tparam boolean delivered whether the connection delivered an event
-- @tparam number|nil lived milliseconds that the connection was open; nil if it never opened
-- @treturn boolean
function backoff:has_failed(delivered, lived)
  return not delivered and not (lived and lived >= (self.last_delay or base_of(self)))
end

--- Counts the end of an attempt and computes the wait before the next one.
-- @tparam boolean failed as `has_failed` says
-- @treturn number milliseconds
function backoff:next(failed)
  self.failures = failed and self.failures + 1 or 0
  local delay = base_of(self)
  if self.failures > 1 then
    local grown = math.min(self.max, delay * 2.0 ^ math.min(self.failures - 1, 64))
    delay = math.max(delay, grown * (0.5 + 0.5 * self.random()))
  end
  self.last_delay = delay
  return delay
end

return backoff
