--- EventTarget, by the DOM's rules for a target without parents: listeners in the order they were
-- added, each once, `once`, `signal`, handleEvent objects, and `on<type>` handlers. `"*"` hears
-- every event that a server sent, after the type's own listeners.
-- @module sse.shared.event_target
local core = require "sse.core"
local options = require "sse.shared.options"

local report, xpcall = core.report, xpcall -- called for each event

local eventtarget = {}

local STATE = {} -- the key of an object's state
local signals -- sse.abort, which needs this module itself

--- The state of an object made by `eventtarget.new`.
function eventtarget.state(object)
  return object[STATE]
end

--- The same of whatever a method was called with; raises in the name of the method's caller where
-- that is no object of the class.
-- @param object
-- @tparam table class
-- @tparam string name "source:close"
function eventtarget.check(object, class, name)
  options.method(object, class.metatable, name, 4)
  return object[STATE]
end

-- The state of an object of any class, or raises in the name of a method's caller.
local function state_of(object, name)
  local state = type(object) == "table" and rawget(object, STATE)
  return state or error(("call it with ':' (%s)"):format(name), 3)
end

local function traceback(err)
  if type(err) == "string" then return debug.traceback(err, 2) end
  return err
end

--- Calls fn; an error is reported as any error in a callback is.
-- @treturn boolean whether it ended well
function eventtarget.call(fn, ...)
  local ok, err = xpcall(fn, traceback, ...)
  if not ok then core.report(err) end
  return ok
end

-- Lists are replaced, never changed: a dispatch goes on with the list it began with.
local function with(list, entry)
  if not list then return { entry } end
  local longer = { table.unpack(list) }
  longer[#longer + 1] = entry
  return longer
end

local function without(list, entry)
  local shorter = {}
  for _, other in ipairs(list) do
    if other ~= entry then shorter[#shorter + 1] = other end
  end
  return #shorter > 0 and shorter or nil
end

-- An entry is small, for there are as many as listeners: fn or object, and what else applies: once,
-- forget (called at its removal), handler, removed.
local function find(state, type_, callback)
  for _, entry in ipairs(state.listeners[type_] or {}) do
    local same = entry.fn == callback or entry.object == callback
    if same and not entry.handler then return entry end
  end
end

local function find_handler(state, type_)
  for _, entry in ipairs(state.listeners[type_] or {}) do
    if entry.handler then return entry end
  end
end

local function add(state, type_, entry)
  state.listeners[type_] = with(state.listeners[type_], entry)
  if state.on_listeners then state:on_listeners() end
end

local function remove(state, type_, entry)
  if entry.removed then return end
  entry.removed = true
  state.listeners[type_] = without(state.listeners[type_], entry)
  if entry.forget then entry.forget() end
  if state.on_listeners then state:on_listeners() end
end

--- Whether any listener or handler is there.
function eventtarget.heard(state)
  return next(state.listeners) ~= nil
end

local function call_entry(entry, ev)
  if entry.handler then
    if entry.fn(ev) == false then ev:preventDefault() end
  elseif entry.fn then
    entry.fn(ev)
  else
    entry.object:handleEvent(ev)
  end
end

local function invoke(state, object, type_, list, ev)
  for _, entry in ipairs(list) do
    if not entry.removed then
      if entry.once then remove(state, type_, entry) end
      ev.currentTarget = object
      eventtarget.call(call_entry, entry, ev)
      if ev.stopped then return end
    end
  end
end

--- Dispatches an event to an object's listeners.
-- @tparam table object
-- @tparam Event ev
-- @tparam[opt] boolean all whether `"*"` listeners hear it
function eventtarget.dispatch(object, ev, all)
  local state = object[STATE]
  local own, every = state.listeners[ev.type], all and ev.type ~= "*" and state.listeners["*"]
  ev.target = object
  ev.stopped = nil
  if own then invoke(state, object, ev.type, own, ev) end
  if every and not ev.stopped then invoke(state, object, "*", every, ev) end
  ev.currentTarget = nil
  return not ev.defaultPrevented
end

--- Dispatches an event that a server sent and nobody has seen yet, made with this object as its
-- target: `"*"` listeners hear it, too. The way of most events: to one listener, whose answer does
-- not matter, for what a server sent is not cancelable.
function eventtarget.deliver(listeners, object, type_, ev)
  local own, every = listeners[type_], listeners["*"]
  local list = own or every
  if list then
    local entry = list[1]
    if own and every or list[2] or entry.once or not entry.fn then
      eventtarget.dispatch(object, ev, true)
    else
      local ok, err = xpcall(entry.fn, traceback, ev)
      if not ok then report(err) end
    end
  end
  ev.currentTarget = nil
end

local methods = {}

local function check(name, count, type_, listener)
  if count < 2 then error(("%s: expected a type and a listener"):format(name), 3) end
  if type(type_) ~= "string" then
    error(("%s: type must be a string, got %s"):format(name, type(type_)), 3)
  end
  local kind = type(listener)
  if kind ~= "function" and kind ~= "table" and kind ~= "nil" then
    local message = "%s: listener must be a function or an object with handleEvent, got %s"
    error(message:format(name, kind), 3)
  end
end

local listener_options = {
  once = "boolean", capture = "boolean", passive = "boolean",
  signal = { expected = "an AbortSignal", check = function(v) return signals.is_signal(v) end },
}

--- Adds a listener, unless it is there already.
-- @tparam string type_ or `"*"`
-- @tparam function|table|nil listener called with the event; of a table, its method handleEvent
-- @tparam[opt] table options once, signal (an AbortSignal that removes the listener)
-- @function addEventListener
function methods:addEventListener(...)
  local type_, listener, given = ...
  local state = state_of(self, "addEventListener")
  check("addEventListener", select("#", ...), type_, listener)
  if type(given) == "boolean" then given = nil end -- the web's useCapture: there are no parents
  given = options.check("addEventListener", given, listener_options)
  if listener == nil or (given.signal and given.signal.aborted)
    or find(state, type_, listener) then
    return
  end
  local entry = type(listener) == "function" and { fn = listener } or { object = listener }
  if given.once then entry.once = true end
  if given.signal then
    entry.forget = signals.on_abort(given.signal, function() remove(state, type_, entry) end)
  end
  add(state, type_, entry)
end

--- Removes a listener; one that a dispatch has not reached yet is not called any more.
-- @tparam string type_
-- @tparam function|table|nil listener
-- @function removeEventListener
function methods:removeEventListener(...)
  local type_, listener = ...
  local state = state_of(self, "removeEventListener")
  check("removeEventListener", select("#", ...), type_, listener)
  local entry = find(state, type_, listener)
  if entry then remove(state, type_, entry) end
end

--- Calls the listeners of an event made with `sse.Event`.
-- @treturn boolean false where a listener called preventDefault on a cancelable event
function methods:dispatchEvent(ev)
  state_of(self, "dispatchEvent")
  if type(ev) ~= "table" or type(ev.type) ~= "string" then
    error("dispatchEvent: expected an Event", 2)
  end
  if ev.currentTarget then error("dispatchEvent: the event is being dispatched already", 2) end
  return eventtarget.dispatch(self, ev)
end

local function get_handler(state, type_)
  local entry = find_handler(state, type_)
  return entry and entry.fn
end

-- Replacing keeps the place; nil gives it up (HTML 8.1.8.1).
local function set_handler(state, type_, fn)
  local entry = find_handler(state, type_)
  if entry and fn == nil then
    remove(state, type_, entry)
  elseif entry then
    entry.fn = fn
  elseif fn ~= nil then
    add(state, type_, { fn = fn, handler = true })
  end
end

local function index_of(class)
  return function(object, key)
    local method = class.methods[key]
    if method ~= nil then return method end
    local getter = class.getters[key]
    if getter then return getter(object[STATE]) end
    if class.handlers[key] then return get_handler(object[STATE], class.handlers[key]) end
  end
end

local function newindex_of(class)
  return function(object, key, value)
    local type_ = class.handlers[key]
    if not type_ then
      local why = class.getters[key] and "is read-only" or "does not exist"
      error(("field '%s' of %s %s"):format(tostring(key), class.name, why), 2)
    end
    if value ~= nil and type(value) ~= "function" then
      error(("%s.%s must be a function or nil, got %s"):format(class.name, key, type(value)), 2)
    end
    local setter = class.setters and class.setters[key]
    if setter then setter(object[STATE], value) else set_handler(object[STATE], type_, value) end
  end
end

--- Makes a class of event targets.
-- @tparam table class name, methods, getters (called with the state), handlers ("onopen" ->
-- "open"), metamethods
function eventtarget.class(class)
  for name, method in pairs(methods) do class.methods[name] = class.methods[name] or method end
  local metatable = {
    __index = index_of(class), __newindex = newindex_of(class), __name = class.name,
  }
  for name, metamethod in pairs(class.metamethods or {}) do metatable[name] = metamethod end
  class.metatable = metatable
  return class
end

--- Makes an object of a class around its state.
function eventtarget.new(class, state)
  state.listeners = {}
  return setmetatable({ [STATE] = state }, class.metatable)
end

--- For sse.abort: its is_signal and on_abort.
function eventtarget.set_signals(functions)
  signals = functions
end

return eventtarget
