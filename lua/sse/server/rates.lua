--- How many requests there may be in a time, by key: a token bucket for each, as one number, the
-- time at which the bucket is full again (GCRA). A key whose bucket is full is forgotten.
-- @module sse.server.rates
local rates = {}
rates.__index = rates

local MAX_KEYS <const> = 100000 -- that are held at once

local OTHERS <const> = {} -- the key of all that are more

--- Makes the rates of a limit.
-- @tparam number rate requests a second
-- @tparam int burst how many may come at once
-- @tparam[opt] int max_keys for specs
function rates.new(rate, burst, max_keys)
  local interval = 1000 / rate
  return setmetatable({
    interval = interval, tolerance = (burst - 1) * interval, max_keys = max_keys or MAX_KEYS,
    -- Two generations: whoever is in the older one and not in the newer one has been quiet for
    -- `period`, in which an empty bucket fills up.
    period = burst * interval, newer = {}, older = {}, count = 0, older_count = 0, turns_at = nil,
  }, rates)
end

-- Forgets the keys that were quiet for a period.
local function turn(self, now)
  local quiet = self.turns_at and now >= self.turns_at + self.period
  self.older, self.older_count = self.newer, self.count
  if quiet then self.older, self.older_count = {}, 0 end
  self.newer, self.count, self.turns_at = {}, 0, now + self.period
end

--- Takes a token out of a key's bucket.
-- @param key
-- @tparam number now ms
-- @treturn number|nil nil: there was one; else in how many ms there will be
function rates:take(key, now)
  if not self.turns_at or now >= self.turns_at then turn(self, now) end
  local full_at = self.newer[key]
  if not full_at then
    if self:keys() >= self.max_keys and self.older[key] == nil then key = OTHERS end
    full_at = self.newer[key] or self.older[key] or now
  end
  if full_at < now then full_at = now end
  local wait = full_at - now - self.tolerance
  if wait > 1e-6 then return wait end -- less is the rounding of floats
  if not self.newer[key] then self.count = self.count + 1 end
  if self.older[key] then self.older[key], self.older_count = nil, self.older_count - 1 end
  self.newer[key] = full_at + self.interval
  return nil
end

--- How many keys are held.
-- @treturn int
function rates:keys()
  return self.count + self.older_count
end

return rates
