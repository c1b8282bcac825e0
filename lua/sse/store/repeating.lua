--- Reads of a channel's store. A read that fails is repeated, because whoever waits for it has
-- nothing else to go by.
-- @module sse.store.repeating
local core = require "sse.core"
local options = require "sse.shared.options"
local protected = require "sse.shared.protected"

local FIRST_PAUSE, LONGEST_PAUSE = 100, 5000 -- ms between two tries

local function is_position(value, least)
  return math.type(value) == "integer" and value >= least
end

-- Raises if that is no result of log:read.
local function check_result(result)
  local ok = type(result) == "table" and type(result.epoch) == "string"
    and is_position(result.first, 1) and is_position(result.head, 0)
    and result.first <= result.head + 1 and type(result.records) == "table"
  if ok then return end
  error(("store: log:read gave %s; expected { epoch, first, head, records }"):format(
    options.show(result)), 0)
end

--- Reads from the store, and again with growing pauses until it has given a result.
-- @param window
-- @tparam int|string after
-- @tparam int limit
-- @tparam function done called with the result
return function(window, after, limit, done)
  local pause, ask = FIRST_PAUSE, nil
  local function try_later(err)
    if err then window:report("store", err) end
    if window.finished then return end
    core.timer(pause, ask):unref()
    pause = math.min(pause * 2, LONGEST_PAUSE)
  end
  local function take(result)
    check_result(result)
    done(result)
  end
  ask = function()
    local over
    local function on_result(result)
      if over or window.finished then return end
      over = true
      if not result then return try_later() end
      local ok, err = protected.call(take, result)
      if not ok then try_later(err) end
    end
    if window.finished then return end
    local ok, err = protected.call(window.log.read, window.log, after, limit, on_result)
    if not ok and not over then
      over = true
      try_later(err)
    end
  end
  ask()
end
