--- The classes of events: Event (DOM 2.2), which programs make, and MessageEvent (HTML 9.1), which
-- the client makes of what a server sent.
-- @module sse.event
require "sse.shared.lua_version"

local json = require "sse.json"

local Event = {}
Event.__index = Event
Event.__name = "Event"

--- Makes an event for `dispatchEvent`. Raises if type or init has another type.
-- @function sse.Event
-- @tparam string type
-- @tparam[opt] table init `cancelable` (boolean), and any further fields that the event is to have
-- @treturn Event
-- @usage target:dispatchEvent(sse.Event("tick", { detail = 7 }))

local function new_event(_, type_, init)
  if type(type_) ~= "string" then
    error(("Event: type must be a string, got %s"):format(type(type_)), 2)
  elseif init ~= nil and type(init) ~= "table" then
    error(("Event: expected a table of fields, got %s"):format(type(init)), 2)
  end
  local self = {}
  for name, value in pairs(init or {}) do self[name] = value end
  self.type = type_
  self.cancelable = self.cancelable or false
  self.defaultPrevented = false
  return setmetatable(self, Event)
end

local MessageEvent = { __name = "MessageEvent", cancelable = false, defaultPrevented = false }

-- Checks the `self` of a method; raises at the line of the method's caller.
local function check(self, name)
  local metatable = type(self) == "table" and getmetatable(self)
  if metatable ~= Event and metatable ~= MessageEvent then
    error(("call it with ':' (event:%s)"):format(name), 3)
  end
end

--- Ends the dispatch after the listener that calls this.
function Event:stopImmediatePropagation()
  check(self, "stopImmediatePropagation")
  self.stopped = true
end

--- Does nothing: targets have no parents to which an event could propagate.
function Event:stopPropagation() end -- luacheck: ignore 212

--- Cancels the event, if it is cancelable: `dispatchEvent` then returns false.
function Event:preventDefault()
  check(self, "preventDefault")
  if self.cancelable then self.defaultPrevented = true end
end

function Event:__tostring()
  return ("%s: %s"):format(getmetatable(self).__name, self.type)
end

for name, method in pairs(Event) do MessageEvent[name] = MessageEvent[name] or method end
MessageEvent.__index = MessageEvent

--- Decodes the event's data from JSON, as `sse.json.decode` does.
-- @return the value; or nil and a message if the data is not JSON
function MessageEvent:json()
  check(self, "json")
  return json.decode(self.data)
end

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
  message = new_message,
  failed = new_error,
}
