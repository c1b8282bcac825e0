--- Whether an EventSource connects again after a failure, and after which delay: its options, the
-- server's Retry-After and the backoff together. `source` is an instance of sse.client.source.
-- @module sse.client.reconnection
local backoff = require "sse.client.backoff"
local event_target = require "sse.shared.event_target"
local options = require "sse.shared.options"

local reconnection = {}

local DEFAULT_INTERVAL, DEFAULT_MIN, DEFAULT_MAX = 1000, 100, 30000 -- ms
local MAX_TIMER = 2.0 ^ 31 * 1000 -- ms: no timer runs longer
local MAX_RETRY_AFTER = 86400000.0 -- ms: a server can postpone the next attempt by a day at most

-- Codes of failures that another attempt would meet again (HTML 9.2.3: "known to be futile").
local permanent = { ECERT = true, ESCHEME = true, EREDIRECT = true, ETOOBIG = true, EINVAL = true }

-- Whether `reconnect = "resilient"` tries again after a response of this status.
local function is_temporary(status)
  return status == 408 or status == 425 or status == 429 or (status >= 500 and status <= 599)
end

--- Makes the backoff that a source's options ask for. Where only one of the bounds is given, the
-- others move so that it is kept.
-- @tparam table o `retryInterval`, `minRetryInterval`, `maxRetryInterval` (milliseconds)
function reconnection.backoff(o)
  local base = math.max(1, o.retryInterval or DEFAULT_INTERVAL)
  local max = o.maxRetryInterval or math.max(DEFAULT_MAX, base)
  local min = o.minRetryInterval or math.min(DEFAULT_MIN, base, max)
  return backoff.new { base = base, min = math.max(1, min), max = math.max(1, max) }
end

--- The backoff of a source. It is made at its first use, since most sources never fail.
function reconnection.backoff_of(source)
  source.backoff = source.backoff or reconnection.backoff(source.options)
  return source.backoff
end

--- The number of the attempt under way in the row of failed ones: 1 is the first.
function reconnection.attempt_number(source)
  return (source.backoff and source.backoff.failures or 0) + 1
end

--- Whether a failure that came without a response is permanent.
function reconnection.is_permanent(failure)
  return permanent[failure.code] or false
end

local IMF_DATE = "^%a+, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$"
local months = {
  Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6,
  Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12,
}

-- Days from 1970-01-01 to a date of the Gregorian calendar.
local function days(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  local leaps = year // 4 - year // 100 + year // 400
  return 365 * year + leaps + (153 * month - 457) // 5 + day - 719469
end

--- The delay that a Retry-After field asks for: seconds, or an IMF-fixdate (RFC 9110 10.2.3).
-- @tparam string text the field's value
-- @tparam number now as os.time()
-- @treturn number|nil milliseconds; nil if the value is neither
function reconnection.retry_after(text, now)
  if text:find("^%d+$") then return math.min(MAX_TIMER, tonumber(text) * 1000.0) end
  local day, month, year, h, m, s = text:match(IMF_DATE)
  if not day or not months[month] then return nil end
  local time = days(tonumber(year), months[month], tonumber(day)) * 86400 + h * 3600 + m * 60 + s
  return math.max(0, time - now) * 1000.0
end

-- The delay by the options alone, or nil to give up. The failure counts in the backoff, unless it
-- is permanent.
local function default_delay(source, failure, is_permanent, open_for)
  local o = source.options
  local resilient = o.reconnect == "resilient"
  if is_permanent and not (resilient and failure.status and is_temporary(failure.status)) then
    return nil
  end
  local delay, failures = reconnection.backoff_of(source):next(open_for)
  if o.maxRetries and failures > o.maxRetries then return nil end
  local field = resilient and failure.headers and failure.headers["retry-after"]
  local asked = field and reconnection.retry_after(field, os.time()) or 0
  return math.max(delay, math.min(MAX_RETRY_AFTER, asked))
end

-- The delay that a `reconnect` function returns; where there is none, or it returns nil, that of
-- `default_delay`. Returns nil, to give up, if the function fails, or returns what is no delay.
local function chosen_delay(source, failure, is_permanent, open_for)
  local choose = source.options.reconnect
  if type(choose) ~= "function" then
    return default_delay(source, failure, is_permanent, open_for)
  end
  local choice
  local ok = event_target.call(function()
    choice = choose(failure, failure.attempt)
    local is_delay = type(choice) == "number" and choice >= 0 and choice < math.huge
    if not is_delay and choice then
      local message = "sse.EventSource: reconnect must return milliseconds, false or nil, got %s"
      error(message:format(options.show(choice)), 0)
    end
  end)
  if not ok or choice == false then return nil end
  if choice == nil then return default_delay(source, failure, is_permanent, open_for) end
  reconnection.backoff_of(source):next(open_for)
  return choice
end

--- Decides what follows a failure, and stores the decision in its `attempt`, `delay` and
-- `willRetry`. May call the `reconnect` option, which may close the source.
-- @tparam table source
-- @tparam table failure
-- @tparam boolean is_permanent whether another attempt is expected to fail in the same way
-- @tparam[opt] number open_for milliseconds that the connection was open; nil if it never opened
-- @treturn number|nil milliseconds to wait before the next attempt; nil to give up
function reconnection.decide(source, failure, is_permanent, open_for)
  failure.attempt = reconnection.backoff_of(source):failures_before(open_for) + 1
  failure.delay = chosen_delay(source, failure, is_permanent, open_for)
  failure.willRetry = failure.delay ~= nil
  return failure.delay
end

return reconnection
