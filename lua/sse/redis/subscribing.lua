--- What a store hears of by its subscriptions: the logs that are watched, and their numbers of
-- followers (sse.redis.presence), which have the same methods.
-- @module sse.redis.subscribing
local subscribing = {}

--- Subscribes to the logs that are watched, and ends what is watched no more.
function subscribing.change(self)
  local on, off = {}, {}
  for log in pairs(self.changed) do
    if log:is_watched() and not log.subscribed and not log.is_asking then
      log.subscribed = "asked"
      self.subscribing[log.topic] = (self.subscribing[log.topic] or 0) + 1
      on[#on + 1] = log.topic
    elseif log.subscribed and not log:is_watched() then
      log.subscribed = nil
      off[#off + 1] = log.topic
    end
  end
  self.changed = {}
  if off[1] then self.pair:unsubscribe(off) end
  if on[1] then self.pair:subscribe(on) end
end

-- The server has replied to a subscription; returns the log whose newest one it is.
local function take_subscription(self, topic)
  local count, log = (self.subscribing[topic] or 0) - 1, self.topics[topic]
  self.subscribing[topic] = count > 0 and count or nil
  return count == 0 and log and log.subscribed == "asked" and log or nil
end

--- The server has confirmed a subscription.
function subscribing.on_subscribed(self, topic)
  local log = take_subscription(self, topic)
  if not log then return end
  log.subscribed = true
  self:wake(log)
end

--- The server has refused a subscription, or ended one: the log's events are announced elsewhere.
function subscribing.on_unsubscribed(self, topic, err)
  local log = self.topics[topic]
  if err then log = take_subscription(self, topic) end
  if not log or not log.subscribed then return end
  log:end_subscription()
  self.changed[log] = true
  local again = err and self:on_error(err, log:its_log())
  if err and not again then return self.pair:lose(err, true) end
  if again then again(log:its_log()) else self:wake(log) end
end

--- An announcement has come.
function subscribing.on_message(self, topic, text)
  local log = self.topics[topic]
  self.numbers.announcements = self.numbers.announcements + 1
  if log then log:on_announcement(text) end
end

return subscribing
