--- The classes of events: Event (DOM 2.2), which programs make, and MessageEvent (HTML 9.1), which
-- the client makes of what a server sent.
-- @module sse.event
require "sse.shared.lua_version"

local core = require "sse.core"
local hints = require "sse.shared.hints"
local options = require "sse.shared.options"

local Event = {}
Event.__index = Event
Event.__name = "Event"

--- Makes an event for `dispatchEvent`. Raises if type or init has another type.
-- @function sse.Event
-- @tparam string type
-- @tparam[opt] table init `cancelable` (boolean), and any further fields that the event is to have
-- @treturn Event
-- @usage target:dispatchEvent(sse.Event("tick", { detail = 7 }))

local function new_event(_, type_, init, ...)
  options.check_count("sse.Event(type, fields)", ...)
  if type(type_) ~= "string" then
    error(("Event: type must be a string, got %s"):format(type(type_)), 2)
  elseif init ~= nil and type(init) ~= "table" then
    error(("Event: expected a table of fields, got %s"):format(type(init)), 2)
  end
  if init and rawget(init, "type") ~= nil then error("Event: the type is the first argument", 2) end
  local self = {}
  for name, value in pairs(init or {}) do self[name] = value end
  self.type = type_
  self.cancelable = self.cancelable or false
  self.defaultPrevented = false
  return setmetatable(self, Event)
end

-- Events whose dispatch a listener has stopped -> true.
local stopped = setmetatable({}, { __mode = "k" })

local MessageEvent = { __name = "MessageEvent", cancelable = false, defaultPrevented = false }

-- Whether a value is an event of either class.
local function is_event(value)
  local metatable = type(value) == "table" and getmetatable(value)
  return metatable == Event or metatable == MessageEvent
end

-- Checks the `self` of a method; raises at the line of the method's caller.
local function check(self, name, surplus)
  if is_event(self) and surplus == nil then return end
  options.check_call(4, is_event(self), ("event:%s()"):format(name), surplus)
end

--- Ends the dispatch after the listener that calls this.
function Event:stopImmediatePropagation(surplus)
  check(self, "stopImmediatePropagation", surplus)
  stopped[self] = true
end

--- Does nothing: targets have no parents to which an event could propagate.
function Event:stopPropagation(surplus) check(self, "stopPropagation", surplus) end

--- Cancels the event, if it is cancelable: `dispatchEvent` then returns false.
function Event:preventDefault(surplus)
  check(self, "preventDefault", surplus)
  if self.cancelable then self.defaultPrevented = true end
end

function Event:__tostring()
  return ("%s: %s"):format(getmetatable(self).__name, self.type)
end

for name, method in pairs(Event) do MessageEvent[name] = MessageEvent[name] or method end
MessageEvent.__index = MessageEvent
core.set_message_class(MessageEvent) -- streams and channels take such an event as it came

-- A message event may have fields of the program's, so only another library's names raise.
setmetatable(MessageEvent, {
  __index = function(_, key) hints.raise_foreign("MessageEvent", "a MessageEvent", key) end,
})

--- Decodes the event's data from JSON, as `sse.json.decode` does; with keys, one value of it, as
-- `sse.json.get` does.
-- @function MessageEvent:json
-- @tparam string|int ... names and places that lead to the value
-- @return the value; or nil and a message if the data is not JSON
MessageEvent.json = core.json_method(MessageEvent)

-- Makes a MessageEvent. EventSource makes its own instead of calling this function, which costs
-- time for each event.
local function new_message(type_, data, id, origin)
  return setmetatable({
    type = type_, data = data, lastEventId = id, origin = origin,
  }, MessageEvent)
end

-- Makes the error event of a failure: with the failure's fields, and the failure itself.
local function new_error(why)
  return new_event(nil, "error", {
    message = why.message, code = why.code, status = why.status, headers = why.headers,
    body = why.body, attempt = why.attempt, willRetry = why.willRetry, delay = why.delay,
    failure = why,
  })
end

return {
  Event = setmetatable(Event, { __call = new_event }),
  MessageEvent = MessageEvent,
  is_event = is_event,
  stopped = stopped,
  message = new_message,
  failed = new_error,
}
