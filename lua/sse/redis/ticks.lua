--- Looks after what a store has under way, now and then, as long as its connections are up.
-- @module sse.redis.ticks
local core = require "sse.core"
local counting = require "sse.redis.counting"
local lists = require "sse.redis.lists"
local subscribing = require "sse.redis.subscribing"

local LONGEST_TICK = 1000 -- ms

local ticks = {}

local function tick(self)
  local now = core.now()
  subscribing.change(self)
  for _, log in ipairs(lists.keys(self.watched)) do log:tick(now) end
  counting.tick(self, now)
  for _, log in ipairs(lists.keys(self.left)) do self:drop(log) end
  if now >= self.next_ping then
    self.next_ping = now + self:look_pause()
    self.pair:ping()
  end
  self.pair:check()
end

--- Begins.
function ticks.start(self)
  local target = self.target
  local ms = math.min(LONGEST_TICK, target.timeout / 4, target.check_interval / 4)
  self.ticks = core.timer(ms * (0.75 + 0.5 * math.random()), function()
    ticks.start(self)
    tick(self)
  end)
  self.ticks:unref()
end

--- Ends.
function ticks.stop(self)
  if self.ticks then self.ticks:stop() end
  self.ticks = nil
end

return ticks
