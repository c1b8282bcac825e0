--- Watches an exchange for silence.
-- @module sse.client.heartbeat
local core = require "sse.core"
local failure = require "sse.client.failure"

local heartbeat = {}
heartbeat.__index = heartbeat

-- Looks again after `ms` milliseconds. The timer alone does not keep `sse.run` running.
local function look_after(self, ms, look)
  self.timer = core.timer(ms, look)
  self.timer:unref()
end

--- Begins to watch an exchange. Time in which it is paused, since its reader is slow, is no
-- silence.
-- @tparam table exchange of sse.client.request, or with a `silence` method as it has
-- @tparam number|nil limit milliseconds; nil: nothing is watched
-- @tparam function on_silence called once with a failure, "ETIMEDOUT", when nothing has been
-- received for so long
-- @treturn table|nil the watch: `stop()`
function heartbeat.watch(exchange, limit, on_silence)
  if not limit then return nil end
  local self = setmetatable({}, heartbeat)
  local function look()
    local silence = exchange:silence()
    if silence >= limit then
      local message = ("silent for %d ms (option 'heartbeatTimeout')"):format(silence)
      return on_silence(failure.new(message, "ETIMEDOUT"))
    end
    look_after(self, limit - silence, look)
  end
  look_after(self, limit, look)
  return self
end

--- Ends the watch. Harmless when it has ended.
function heartbeat:stop()
  self.timer:stop()
end

return heartbeat
