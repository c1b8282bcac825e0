--- Whether EventSource, fetchEventSource and fetch make another attempt after one that ended, and
-- after which wait: the options, the server's Retry-After and the backoff together.
-- @module sse.client.retry
local backoff = require "sse.client.backoff"
local options = require "sse.shared.options"

local retry = {}
retry.__index = retry

local DEFAULT_INTERVAL, DEFAULT_MIN, DEFAULT_MAX = 1000, 100, 30000 -- ms
local MAX_TIMER = 2.0 ^ 31 * 1000 -- ms: no timer runs longer
local MAX_RETRY_AFTER = 86400000.0 -- ms: a server can postpone the next attempt by a day at most

-- Codes of failures that another attempt would meet again (HTML 9.2.3: "known to be futile").
local permanent = { ECERT = true, ESCHEME = true, EREDIRECT = true, ETOOBIG = true, EINVAL = true }

--- Whether a status says that another request may succeed: the rule for event streams.
-- @tparam int status
-- @treturn boolean
function retry.is_temporary(status)
  return status == 408 or status == 425 or status == 429 or (status >= 500 and status <= 599)
end

--- Whether a failure that came without a response is permanent.
function retry.is_permanent(failure)
  return permanent[failure.code] or false
end

--- Makes the backoff that options ask for. Where only one of the bounds is given, the others move
-- so that it is kept.
-- @tparam table o `retryInterval`, `minRetryInterval`, `maxRetryInterval` (milliseconds)
function retry.backoff(o)
  local max = o.maxRetryInterval or DEFAULT_MAX
  local base = math.max(1, o.retryInterval or math.min(DEFAULT_INTERVAL, max))
  local min = o.minRetryInterval or math.min(DEFAULT_MIN, base, max)
  return backoff.new { base = base, min = math.max(1, min), max = max }
end

--- Makes what decides about the attempts of one object.
-- @tparam table o the program's options, which are checked already: `maxRetries`, `retryInterval`,
-- `minRetryInterval`, `maxRetryInterval`, `reconnect`
-- @tparam table of `name`, the public function's for messages; `mode`, what `reconnect` is where
-- the program gives no string: "spec" or "resilient"; optionally `max_retries`, the default of
-- `maxRetries` (none: no limit); `is_temporary`, the statuses that "resilient" repeats;
-- `blames_caller`, whether the program waits in a call of the function
function retry.new(o, of)
  local mode = type(o.reconnect) == "string" and o.reconnect or of.mode
  return setmetatable({
    backoff = retry.backoff(o), name = of.name,
    choose = type(o.reconnect) == "function" and o.reconnect or nil,
    resilient = mode == "resilient", is_temporary = of.is_temporary or retry.is_temporary,
    max_retries = o.maxRetries or of.max_retries, blames_caller = of.blames_caller,
  }, retry)
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
function retry.after(text, now)
  if text:find("^%d+$") then return math.min(MAX_TIMER, tonumber(text) * 1000.0) end
  local day, month, year, h, m, s = text:match(IMF_DATE)
  if not day or not months[month] then return nil end
  local time = days(tonumber(year), months[month], tonumber(day)) * 86400 + h * 3600 + m * 60 + s
  return math.max(0, time - now) * 1000.0
end

-- The wait where nobody chose one, or nil to give up: after a final failure, or where `maxRetries`
-- attempts in a row have failed.
local function default_delay(self, failure, is_final, failed)
  local is_temporary = self.resilient and failure.status and self.is_temporary(failure.status)
  if is_final and not is_temporary then return nil end
  return self:next_delay(failure, failed)
end

--- Counts the end of an attempt.
-- @tparam table failure
-- @tparam boolean failed as `backoff:has_failed` says
-- @treturn number|nil milliseconds to wait before the next attempt, also where the failure is
-- final; nil if `maxRetries` attempts in a row have failed
function retry:next_delay(failure, failed)
  local delay = self.backoff:next(failed)
  if self.max_retries and self.backoff.failures > self.max_retries then return nil end
  local field = self.resilient and failure.headers and failure.headers["retry-after"]
  local asked = field and retry.after(field, os.time()) or 0
  return math.max(delay, math.min(MAX_RETRY_AFTER, asked))
end

--- Checks what a function of the program returned that chooses the wait: milliseconds, false to
-- give up, or nil. Raises if it is something else.
-- @tparam string what names the function: "sse.EventSource: reconnect"
-- @param choice
-- @tparam[opt] boolean blames_caller whether the program waits in the call that is to be blamed
-- @return choice
function retry.check_choice(what, choice, blames_caller)
  local is_delay = type(choice) == "number" and choice >= 0 and choice < math.huge
  if is_delay or not choice then return choice end
  local message = "%s must return milliseconds, false or nil, got %s"
  local level = blames_caller and options.caller_level() or 0
  error(message:format(what, options.show(choice)), level)
end

--- Says whether an attempt has failed, and stores in its failure `attempt`, its number in the row
-- of failed ones.
-- @tparam table failure
-- @tparam[opt] boolean delivered whether the connection delivered an event
-- @tparam[opt] number lived milliseconds that the connection was open; nil if it never opened
-- @treturn boolean
function retry:has_failed(failure, delivered, lived)
  local failed = self.backoff:has_failed(delivered, lived)
  failure.attempt = failed and self.backoff.failures + 1 or 1
  return failed
end

--- Asks the `reconnect` option, where it is a function; raises what the function raises.
-- @tparam table failure
-- @return milliseconds; false to give up; nil where there is no such function, or for the default
function retry:ask_program(failure)
  if not self.choose then return nil end
  local choice = self.choose(failure, failure.attempt)
  return retry.check_choice(self.name .. ": reconnect", choice, self.blames_caller)
end

--- Decides what follows the end of an attempt, and stores the decision in the failure's `attempt`,
-- `delay` and `willRetry`. Raises what the program's `reconnect` raises; the decision is then to
-- give up.
-- @tparam table failure
-- @tparam boolean is_final whether another attempt is expected to fail in the same way
-- @param[opt] delivered as of `has_failed`
-- @param[opt] lived as of `has_failed`
-- @treturn number|nil milliseconds to wait before the next attempt; nil to give up
function retry:decide(failure, is_final, delivered, lived)
  local failed = self:has_failed(failure, delivered, lived)
  failure.delay, failure.willRetry = nil, false
  local delay = self:ask_program(failure)
  if delay then self.backoff:next(failed) end
  if delay == nil then delay = default_delay(self, failure, is_final, failed) end
  failure.delay, failure.willRetry = delay or nil, delay and true or false
  return failure.delay
end

return retry
