--- Whether and when a source connects again.
-- @module sse.client.reconnection
local backoff = require "sse.client.backoff"
local eventtarget = require "sse.shared.event_target"

local policy = {}

local DEFAULT_INTERVAL, DEFAULT_MIN, DEFAULT_MAX = 1000, 100, 30000
local LONGEST = 2.0 ^ 31 * 1000 -- ms: longer than any timer runs
local DAY = 86400000.0 -- ms: nobody may put a source to sleep for longer

-- Another attempt would end the same way (9.2.3: "known to be futile").
local final = { ECERT = true, ESCHEME = true, EREDIRECT = true, ETOOBIG = true, EINVAL = true }

-- What `reconnect = "resilient"` takes for a passing trouble.
local function passing(status)
  return status == 408 or status == 425 or status == 429 or (status >= 500 and status <= 599)
end

--- The backoff that a source's options ask for. A bound that is not given makes room for the
-- interval.
function policy.backoff(o)
  local base = math.max(1, o.retryInterval or DEFAULT_INTERVAL)
  local max = o.maxRetryInterval or math.max(DEFAULT_MAX, base)
  local min = o.minRetryInterval or math.min(DEFAULT_MIN, base, max)
  return backoff.new { base = base, min = math.max(1, min), max = math.max(1, max) }
end

--- The source's own, made at its first use: a source that never fails needs none.
function policy.backoff_of(self)
  self.backoff = self.backoff or policy.backoff(self.options)
  return self.backoff
end

--- Which attempt in the row of failures the one at hand is.
function policy.attempt(self)
  return (self.backoff and self.backoff.failures or 0) + 1
end

--- Whether a failure without an answer is for good.
function policy.is_final(why)
  return final[why.code] or false
end

local IMF_DATE = "^%a+, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$"
local months = {
  Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6,
  Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12,
}

-- Days since 1970-01-01 of a Gregorian date.
local function days(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  local leaps = year // 4 - year // 100 + year // 400
  return 365 * year + leaps + (153 * month - 457) // 5 + day - 719469
end

--- The wait that a Retry-After field asks for: seconds or an IMF-fixdate (RFC 9110 10.2.3).
-- @tparam string text
-- @tparam number now os.time()
-- @treturn number|nil milliseconds
function policy.retry_after(text, now)
  if text:find("^%d+$") then return math.min(LONGEST, tonumber(text) * 1000.0) end
  local day, month, year, h, m, s = text:match(IMF_DATE)
  if not day or not months[month] then return nil end
  local time = days(tonumber(year), months[month], tonumber(day)) * 86400 + h * 3600 + m * 60 + s
  return math.max(0, time - now) * 1000.0
end

local function by_default(self, why, is_final, lived)
  local o = self.options
  local resilient = o.reconnect == "resilient"
  if is_final and not (resilient and why.status and passing(why.status)) then return nil end
  local wait, failures = policy.backoff_of(self):next(lived)
  if o.maxRetries and failures > o.maxRetries then return nil end
  local asked = resilient and why.headers and why.headers["retry-after"]
  return math.max(wait, math.min(DAY, asked and policy.retry_after(asked, os.time()) or 0))
end

local function decided(self, why, is_final, lived)
  local decide = self.options.reconnect
  if type(decide) ~= "function" then return by_default(self, why, is_final, lived) end
  local answer
  local ok = eventtarget.call(function() answer = decide(why, why.attempt) end)
  if not ok or answer == false then return nil end
  local is_wait = type(answer) == "number" and answer == answer and answer < math.huge
  if not is_wait then return by_default(self, why, is_final, lived) end
  policy.backoff_of(self):next(lived)
  return math.max(0, answer)
end

--- The wait before the next attempt, or nil to give up; the failure learns of it. A `reconnect`
-- function decides about every failure; where it gives nil or true the default holds.
function policy.wait(self, why, is_final, lived)
  why.attempt = policy.backoff_of(self):row(lived) + 1
  why.delay = decided(self, why, is_final, lived)
  why.willRetry = why.delay ~= nil
  return why.delay
end

return policy
