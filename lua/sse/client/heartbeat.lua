--- Watches an exchange for silence.
-- @module sse.client.heartbeat
local core = require "sse.core"
local failure = require "sse.client.failure"

local heartbeat = {}
heartbeat.__index = heartbeat

--- Begins to watch an exchange. Time in which it is paused, since its reader is slow, is no
-- silence.
-- @tparam table exchange of sse.client.request, or with a `silence` method as it has
-- @tparam number limit milliseconds
-- @tparam function on_silence called once with a failure, "ETIMEDOUT", when nothing has been
-- received for so long
-- @treturn table the watch: `stop()`
function heartbeat.watch(exchange, limit, on_silence)
  local self = setmetatable({}, heartbeat)
  local function check()
    local silence = exchange:silence()
    if silence >= limit then
      return on_silence(failure.new(("silent for %d ms"):format(silence), "ETIMEDOUT"))
    end
    self.timer = core.after(limit - silence, check)
  end
  self.timer = core.after(limit, check)
  return self
end

--- Ends the watch. Harmless when it has ended.
function heartbeat:stop()
  self.timer:stop()
end

return heartbeat
