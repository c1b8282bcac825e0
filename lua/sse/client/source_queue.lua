--- The queues of a source: one for each loop over the events. The exchange is paused while any
-- queue of the source holds an event.
-- @module sse.client.source_queue
local event_delivery = require "sse.client.event_delivery"
local queue = require "sse.client.queue"

local source_queue = {}

local CLOSED <const> = 2 -- as in sse.client.source

local function resume(source)
  for _, other in ipairs(source.queues) do
    if other:has_items() then return end
  end
  if source.exchange then source.exchange:resume() end
end

--- Adds a queue to a source.
-- @tparam table source of sse.client.source
-- @tparam table|nil types of the events that the queue gets, as a set; nil: all
-- @treturn table of sse.client.queue
function source_queue.add(source, types)
  local function pause()
    if source.exchange then source.exchange:pause() end
  end
  local items = queue.new(pause, function() resume(source) end, "EventSource:events")
  items.types = types
  if source.state == CLOSED then items:finish() end
  source.queues = { items, table.unpack(source.queues) }
  return items
end

--- Removes the queue of a loop that was left. Closes the source if nobody else hears its
-- events.
function source_queue.remove(source, items)
  local others = {}
  for _, other in ipairs(source.queues) do
    if other ~= items then others[#others + 1] = other end
  end
  source.queues = others
  items:clear()
  items:finish()
  if #others == 0 and not event_delivery.has_listeners(source) then return source:close() end
  resume(source)
end

return source_queue
