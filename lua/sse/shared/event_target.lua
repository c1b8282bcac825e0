--- Classes of event targets, by the rules of the DOM (section 2.7) for a target without parents.
-- Listeners are called in the order in which they were added. A listener for the type `"*"`, which
-- the DOM doesn't have, is called for every event that a server sent, after the type's own.
-- @module sse.shared.event_target
local core = require "sse.core"
local event = require "sse.event"
local hints = require "sse.shared.hints"
local listeners = require "sse.shared.listeners"
local options = require "sse.shared.options"
local traceback = require("sse.shared.protected").traceback

local report, xpcall = core.report, xpcall -- local, since each event needs them
local stopped = event.stopped

local event_target = {}

local STATE = {} -- the key of an object's state in the object
local signals -- sse.abort, which requires this module and so cannot be required here

--- The state of an object: the table that `new` was called with.
function event_target.state(object)
  return object[STATE]
end

--- The state of the `self` of a method. Raises at the line of the method's caller if that is no
-- object of the class.
-- @param object
-- @tparam table class
-- @tparam string call the method with its parameters, "source:close()"
-- @param ... what the method was given behind its parameters
function event_target.check(object, class, call, ...)
  options.check_call(4, getmetatable(object) == class.metatable, call, ...)
  return object[STATE]
end

-- As `check`, for an object of any class of event targets.
local function state_of(object, call, ...)
  local state = type(object) == "table" and rawget(object, STATE)
  options.check_call(4, state, call, ...)
  return state
end

--- Calls a callback of the program. An error in it is reported, and `sse.run` raises it.
-- @tparam function fn
-- @param ... its arguments
-- @treturn boolean false if it failed
function event_target.call(fn, ...)
  local ok, err = xpcall(fn, traceback, ...)
  if not ok then core.report(err) end
  return ok
end

--- Whether there is a listener or a handler of any type.
function event_target.has_listeners(state)
  return state.listener_types > 0
end

local function call_entry(entry, ev)
  if entry.is_handler then
    if entry.fn(ev) == false then ev:preventDefault() end
  elseif entry.fn then
    entry.fn(ev)
  else
    entry.object:handleEvent(ev)
  end
end

-- Calls the listeners of a list, but not those that are added meanwhile.
local function invoke(state, object, type_, list, ev)
  local entry, last = list.first, list.added
  while entry and entry.number <= last do
    if not entry.removed then
      if entry.once then listeners.remove(state, type_, entry) end
      ev.currentTarget = object
      event_target.call(call_entry, entry, ev)
      if stopped[ev] then return end
    end
    entry = entry.next
  end
end

--- Dispatches an event to an object's listeners (DOM 2.9).
-- @tparam table object
-- @tparam Event ev
-- @tparam[opt] boolean all whether listeners for `"*"` are called, too
-- @treturn boolean false if the event was canceled by preventDefault
function event_target.dispatch(object, ev, all)
  local state = object[STATE]
  local own, every = state.listeners[ev.type], all and ev.type ~= "*" and state.listeners["*"]
  ev.target = object
  stopped[ev] = nil
  if own then invoke(state, object, ev.type, own, ev) end
  if every and not stopped[ev] then invoke(state, object, "*", every, ev) end
  ev.currentTarget = nil
  return not ev.defaultPrevented
end

--- Dispatches an event that a server sent, for the first time, with `"*"` listeners. This is the
-- fast path for most events: a type with one function as its listener. The function's result is not
-- looked at, since such an event is not cancelable.
-- @tparam table lists `listeners` of the object's state
-- @tparam table object already the event's target
-- @tparam string type_ the event's
-- @tparam MessageEvent ev
function event_target.deliver(lists, object, type_, ev)
  local own, every = lists[type_], lists["*"]
  local list = own or every
  if list then
    local entry = list.first
    if own and every or entry.next or entry.once or not entry.fn then
      event_target.dispatch(object, ev, true)
    else
      local ok, err = xpcall(entry.fn, traceback, ev)
      if not ok then report(err) end
    end
  end
  ev.currentTarget = nil
end

local methods = {}

local function check_arguments(name, count, type_, listener)
  if count < 2 then
    error(("%s: expected a type and a listener [docs/errors.md#arguments]"):format(name), 3)
  end
  if type(type_) ~= "string" then
    error(("%s: type must be a string, got %s"):format(name, type(type_)), 3)
  end
  local kind = type(listener)
  if kind ~= "function" and kind ~= "table" and kind ~= "nil" then
    local message = "%s: listener must be a function or an object with handleEvent, got %s"
    error(message:format(name, kind), 3)
  end
end

local listener_options = options.spec("addEventListener", {
  once = "boolean", capture = "boolean", passive = "boolean",
  signal = { expected = "an AbortSignal", check = function(v) return signals.is_signal(v) end },
})

--- Adds a listener (DOM 2.7). Does nothing if the listener has been added for this type already.
-- @tparam string type_ `"*"` for every event that a server sends
-- @tparam function|table|nil listener called with the event; of a table, its method `handleEvent`
-- is called. nil is ignored.
-- @tparam[opt] table options `once` (boolean): the listener is removed before its first call;
-- `signal`: an AbortSignal that removes the listener; `capture` and `passive` are ignored
-- @function addEventListener
function methods:addEventListener(...)
  local type_, listener, given = ...
  local state = state_of(self, "addEventListener(type, listener, options)", select(4, ...))
  check_arguments("addEventListener", select("#", ...), type_, listener)
  if type(given) == "boolean" then given = nil end -- the DOM's useCapture
  given = options.check("addEventListener", given, listener_options)
  if listener == nil or (given.signal and given.signal.aborted)
    or listeners.find(state, type_, listener) then
    return
  end
  local entry = type(listener) == "function" and { fn = listener } or { object = listener }
  if given.once then entry.once = true end
  if given.signal then
    entry.remove_abort_listener = signals.on_abort(given.signal, function()
      listeners.remove(state, type_, entry)
    end)
  end
  listeners.add(state, type_, entry)
end

--- Removes a listener. A dispatch under way that has not called it yet does not call it any more.
-- @tparam string type_
-- @tparam function|table|nil listener as it was added
-- @function removeEventListener
function methods:removeEventListener(...)
  local type_, listener, given = ...
  local state = state_of(self, "removeEventListener(type, listener, options)", select(4, ...))
  check_arguments("removeEventListener", select("#", ...), type_, listener)
  if type(given) ~= "boolean" then -- the DOM's options, of which none matters here
    options.check("removeEventListener", given, listener_options)
  end
  local entry = listeners.find(state, type_, listener)
  if entry then listeners.remove(state, type_, entry) end
end

--- Calls the listeners for an event. Raises if the event is being dispatched already.
-- @tparam Event ev made with `sse.Event`
-- @treturn boolean false if a listener called preventDefault and the event is cancelable
function methods:dispatchEvent(ev, ...)
  state_of(self, "dispatchEvent(event)", ...)
  if not event.is_event(ev) then
    error(("dispatchEvent: expected an Event, got %s"):format(options.show(ev)), 2)
  end
  if ev.currentTarget then error("dispatchEvent: the event is being dispatched already", 2) end
  return event_target.dispatch(self, ev)
end

local function get_handler(state, type_)
  local entry = listeners.find_handler(state, type_)
  return entry and entry.fn
end

-- Sets an `on<type>` handler. A new function takes the place of the old one among the listeners;
-- nil removes the handler (HTML 8.1.8.1).
local function set_handler(state, type_, fn)
  local entry = listeners.find_handler(state, type_)
  if entry and fn == nil then
    listeners.remove(state, type_, entry)
  elseif entry then
    entry.fn = fn
  elseif fn ~= nil then
    listeners.add(state, type_, { fn = fn, is_handler = true })
  end
end

local function index_of(class)
  return function(object, key)
    local method = class.methods[key]
    if method ~= nil then return method end
    local getter = class.getters[key]
    if getter then return getter(object[STATE]) end
    if class.handlers[key] then return get_handler(object[STATE], class.handlers[key]) end
    hints.raise_missing(class.name, "an " .. class.name, key, class.methods, class.getters,
      class.handlers)
  end
end

local function newindex_of(class)
  return function(object, key, value)
    local type_ = class.handlers[key]
    if not type_ then
      local why = class.getters[key] and "is read-only" or "does not exist"
      local hint = hints.suffix(class.name, key, class.handlers) .. " [docs/errors.md#names]"
      error(("field '%s' of %s %s%s"):format(tostring(key), class.name, why, hint), 2)
    end
    if value ~= nil and type(value) ~= "function" then
      error(("%s.%s must be a function or nil, got %s"):format(class.name, key, type(value)), 2)
    end
    local setter = class.setters and class.setters[key]
    if setter then setter(object[STATE], value) else set_handler(object[STATE], type_, value) end
  end
end

local function pairs_of(class)
  return function(object)
    local state, fields = object[STATE], {}
    for name, type_ in pairs(class.handlers) do fields[name] = get_handler(state, type_) end
    for name, getter in pairs(class.getters) do fields[name] = getter(state) end
    return next, fields
  end
end

--- Makes a class of event targets of its description, which it completes.
-- @tparam table class `name`; `methods`; `getters`, by field, called with the state; `handlers`,
-- the fields that hold handlers and their types ("onopen" -> "open"); optionally `setters`, for
-- handlers that are no listeners, called with the state and the function; `metamethods`
-- @treturn table the class, with its `metatable`
function event_target.class(class)
  for name, method in pairs(methods) do class.methods[name] = class.methods[name] or method end
  local metatable = {
    __index = index_of(class), __newindex = newindex_of(class), __pairs = pairs_of(class),
    __name = class.name,
  }
  for name, metamethod in pairs(class.metamethods or {}) do metatable[name] = metamethod end
  class.metatable = metatable
  return class
end

--- Makes an object of a class.
-- @tparam table class
-- @tparam table state what the object knows, out of reach for programs. Gets the fields of
-- sse.shared.listeners. Its method `on_listeners_changed`, if it has one, is called when listeners
-- were added or removed.
function event_target.new(class, state)
  listeners.prepare(state)
  return setmetatable({ [STATE] = state }, class.metatable)
end

--- Hands over sse.abort's functions `is_signal` and `on_abort`.
function event_target.set_signals(functions)
  signals = functions
end

return event_target
