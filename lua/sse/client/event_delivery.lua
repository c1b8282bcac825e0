--- Delivers what a source's parser finds: events to the listeners of the public object and to the
-- queues of loops over the events, `retry` fields to the backoff, comments to `oncomment`.
-- @module sse.client.event_delivery
local core = require "sse.core"
local event = require "sse.event"
local event_target = require "sse.shared.event_target"

local event_delivery = {}

local OPEN <const> = 1 -- as in sse.client.source

local MessageEvent, deliver, setmetatable = event.MessageEvent, event_target.deliver, setmetatable

local function put_in(queues, type_, ev)
  for i = 1, #queues do
    local queue = queues[i]
    local types = queue.types
    if not queue.finished and (not types or types[type_]) then queue:put(ev) end
  end
end

-- The parser's callback for an event. This function and `deliver` are most of what an event costs.
-- The event is made here, in one table constructor with all fields it will ever have, so that its
-- table never grows.
local function on_event(source, data, type_, id)
  if source.state ~= OPEN then return end
  local object = source.weak.object
  local ev = setmetatable({
    type = type_, data = data, lastEventId = id, origin = source.origin,
    target = object, currentTarget = object,
  }, MessageEvent)
  if object then deliver(source.listeners, object, type_, ev) end
  local queues = source.queues -- lists are replaced, never changed: loops may end below
  if queues[1] then put_in(queues, type_, ev) end
end

local function on_retry(source, ms) source:get_retry().backoff:set_base(ms) end

local function on_comment(source, text)
  if source.state == OPEN and source.oncomment then event_target.call(source.oncomment, text) end
end

--- Makes the parser of a source, by the source's options.
function event_delivery.new_parser(source)
  local o = source.options
  local parser = core.parser {
    owner = source, on_event = on_event, on_retry = on_retry,
    max_event_size = o.maxEventSize, utf8 = o.utf8, keep_ignored = true,
  }
  if o.lastEventId then parser.last_event_id = o.lastEventId end
  return parser
end

--- Whether a source has a listener or a handler for what a server sends as events: those of `open`
-- and `error`, and the callbacks, hear only of the source itself.
function event_delivery.has_listeners(source)
  local lists = source.listeners
  local others = (lists.open and 1 or 0) + (lists.error and 1 or 0)
  return source.listener_types > others
end

--- Lets the parser report comments, or skip them, which is faster.
-- @param parser
-- @tparam boolean wanted
function event_delivery.report_comments(parser, wanted)
  parser.on_comment = wanted and on_comment or nil
end

return event_delivery
