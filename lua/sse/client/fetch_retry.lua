--- fetch's further attempts.
-- @module sse.client.fetch_retry
local abort = require "sse.abort"
local core = require "sse.core"
local response_check = require "sse.client.response_check"
local retry = require "sse.client.retry"
local task = require "sse.task"

-- The statuses that another request may get past.
local temporary = {
  [408] = true, [425] = true, [429] = true,
  [500] = true, [502] = true, [503] = true, [504] = true, [529] = true,
}

local RULES = {
  name = "sse.fetch", mode = "resilient", max_retries = 0, blames_caller = true,
  is_temporary = function(status) return temporary[status] or false end,
}

-- Waits before the next attempt. The signal ends the wait.
local function wait_before_retry(signal, ms)
  task.await(function(resume)
    local remove_abort_listener
    local timer = core.timer(ms, function()
      if remove_abort_listener then remove_abort_listener() end
      resume()
    end)
    remove_abort_listener = signal and abort.on_abort(signal, function()
      timer:stop()
      resume()
    end)
    return function()
      timer:stop()
      if remove_abort_listener then remove_abort_listener() end
    end
  end, "sse.fetch")
end

-- Decides what follows an attempt. Returns the milliseconds to wait before the next one; nil if the
-- result at hand is the last. The program's `reconnect`, which may raise, sees a response of status
-- 400 or more as a failure.
local function decide(policy, response, why)
  if not response then return policy:decide(why, retry.is_permanent(why)) end
  if response.status < 400 then return nil end
  return policy:decide(response_check.failure_of(response, false), true)
end

--- Makes attempts until the options allow no more, or none is needed.
-- @tparam function attempt called with `o` and `...`; returns a response, or nil and a failure
-- @tparam table o fetch's options, which are checked already
-- @param ... further arguments of `attempt`
-- @treturn Response|nil
-- @treturn table|nil the failure
return function(attempt, o, ...)
  if (o.maxRetries or 0) == 0 and type(o.reconnect) ~= "function" then return attempt(o, ...) end
  local policy, signal = retry.new(o, RULES), o.signal
  while true do
    local response, why = attempt(o, ...)
    if signal and signal.aborted then return response, why end
    local ok, delay = pcall(decide, policy, response, why)
    if ok and not delay then return response, why end
    if response then response:close() end
    if not ok then error(delay, 0) end
    -- `reconnect` may have aborted the signal: the next attempt then gives its failure.
    if not (signal and signal.aborted) then wait_before_retry(signal, delay) end
  end
end
