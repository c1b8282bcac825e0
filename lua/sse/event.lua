--- Events: Event, and MessageEvent for what a server sent.
-- @module sse.event
require "sse.shared.lua_version"

local json = require "sse.json"

local Event = {}
Event.__index = Event
Event.__name = "Event"

--- Makes an event for dispatchEvent.
-- @function sse.Event
-- @tparam string type
-- @tparam[opt] table init cancelable, and any fields of its own
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

local function check(self, name)
  local metatable = type(self) == "table" and getmetatable(self)
  if metatable ~= Event and metatable ~= MessageEvent then
    error(("call it with ':' (event:%s)"):format(name), 3)
  end
end

--- No listener after the one at hand is called.
function Event:stopImmediatePropagation()
  check(self, "stopImmediatePropagation")
  self.stopped = true
end

--- The same for a target without parents: nothing else happens.
function Event:stopPropagation() end -- luacheck: ignore 212

--- Makes dispatchEvent give false, where the event is cancelable.
function Event:preventDefault()
  check(self, "preventDefault")
  if self.cancelable then self.defaultPrevented = true end
end

function Event:__tostring()
  return ("%s: %s"):format(getmetatable(self).__name, self.type)
end

for name, method in pairs(Event) do MessageEvent[name] = MessageEvent[name] or method end
MessageEvent.__index = MessageEvent

--- The data decoded from JSON.
-- @return the value, or nil and a message
function MessageEvent:json()
  check(self, "json")
  return json.decode(self.data)
end

-- What a server sent. EventSource makes its own, for each call less counts there.
local function new_message(type_, data, id, origin)
  return setmetatable({
    type = type_, data = data, lastEventId = id, origin = origin,
  }, MessageEvent)
end

-- The client's own error event: the fields of the failure, and the failure.
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
