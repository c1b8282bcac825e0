--- AbortController and AbortSignal (DOM, section 3). What a program starts with a signal ends when
-- the signal is aborted.
-- @module sse.abort
require "sse.shared.lua_version"

local core = require "sse.core"
local event = require "sse.event"
local event_target = require "sse.shared.event_target"
local failure = require "sse.client.failure"
local hints = require "sse.shared.hints"
local options = require "sse.shared.options"
local ordered_set = require "sse.shared.ordered_set"

local abort = {}

local class = { name = "AbortSignal", methods = {}, getters = {}, handlers = { onabort = "abort" } }

local function new_signal()
  return event_target.new(class, { aborted = false, algorithms = {}, algorithm_count = 0 })
end

function class.getters.aborted(state) return state.aborted end

function class.getters.reason(state) return state.reason end

--- Raises the signal's reason if it is aborted.
function class.methods:throwIfAborted(...)
  event_target.check(self, class, "signal:throwIfAborted()", ...)
  if self.aborted then error(self.reason, 2) end
end

event_target.class(class)

local WEAK = { __mode = "k" }

-- A signal's state has `algorithms`, the functions that an abort calls (`algorithm_count` of them),
-- and where signals of `any` depend on it `dependents`, these signals; both are ordered sets. It
-- refers to its dependents weakly, and keeps those alive (`kept_alive`) for which `is_used` holds.
-- A signal of `any` has `sources`, those it depends on, and `used`, what they know of it.

local function is_used(state)
  return not state.aborted and (state.algorithm_count > 0 or event_target.has_listeners(state))
end

-- Lets a dependent signal's sources keep it alive while it has listeners or algorithms.
local function update_references(state)
  local used = is_used(state)
  if used == state.used then return end
  state.used = used
  for _, source in ipairs(state.sources) do
    event_target.state(source).kept_alive[state.signal] = used or nil
  end
end

local function make_dependent(signal, sources)
  local state = event_target.state(signal)
  state.signal, state.sources, state.on_listeners_changed = signal, sources, update_references
  for _, source in ipairs(sources) do
    local other = event_target.state(source)
    other.dependents = other.dependents or setmetatable({}, WEAK)
    other.kept_alive = other.kept_alive or {}
    ordered_set.add(other.dependents, signal)
  end
end

-- Aborts a signal, once: runs its algorithms, aborts the dependent signals, then dispatches the
-- event (DOM 3.2, "signal abort").
local function signal_abort(signal, reason)
  local state = event_target.state(signal)
  if state.aborted then return end
  if reason == nil then
    reason = failure.new("the operation was aborted", "EABORTED", { name = "AbortError" })
  end
  state.aborted, state.reason = true, reason
  local algorithms, dependents = state.algorithms, ordered_set.members(state.dependents or {})
  state.algorithms, state.algorithm_count, state.dependents, state.kept_alive = {}, 0, nil, {}
  for _, fn in ipairs(ordered_set.members(algorithms)) do
    if algorithms[fn] then event_target.call(fn, reason) end
  end
  for _, dependent in ipairs(dependents) do signal_abort(dependent, reason) end
  if state.sources then update_references(state) end
  event_target.dispatch(signal, event.Event("abort"))
end

--- Whether a value is an AbortSignal.
function abort.is_signal(value)
  return type(value) == "table" and getmetatable(value) == class.metatable
end

--- Calls fn(reason) when a signal is aborted, before its listeners.
-- @param signal
-- @tparam function fn
-- @treturn function removes fn again
function abort.on_abort(signal, fn)
  local state = event_target.state(signal)
  local algorithms = state.algorithms
  local function own(reason) fn(reason) end -- a member of its own, since fn may be added twice
  local function count(change)
    state.algorithm_count = state.algorithm_count + change
    if state.on_listeners_changed then state:on_listeners_changed() end
  end
  ordered_set.add(algorithms, own)
  count(1)
  return function()
    local counts = algorithms[own] and algorithms == state.algorithms
    algorithms[own] = nil
    if counts then count(-1) end
  end
end

event_target.set_signals(abort)

--- The failure of what a signal has ended: the signal's reason, or a failure with code "EABORTED"
-- made of it.
function abort.failure(reason)
  return failure.from(reason, "EABORTED")
end

local SIGNAL = {} -- the key of a controller's signal in the controller

local controller_methods, controller_fields = {}, { signal = true }
local controllers = { __name = "AbortController" }

function controllers:__index(key)
  if key == "signal" then return rawget(self, SIGNAL) end
  if controller_methods[key] then return controller_methods[key] end
  hints.raise_missing("AbortController", "an AbortController", key, controller_methods,
    controller_fields)
end

function controllers:__newindex(key)
  options.raise_unknown_field("AbortController", "an AbortController", key, {})
end

function controllers:__pairs() return next, { signal = self.signal } end

--- Aborts the controller's signal. Does nothing if it is aborted already.
-- @param[opt] reason any value; by default a failure with code "EABORTED" and name "AbortError"
function controller_methods:abort(reason, ...)
  options.check_self(self, controllers, "controller:abort(reason)", ...)
  signal_abort(self.signal, reason)
end

--- Makes a controller.
-- @return the controller: `controller.signal`, `controller:abort(reason)`
function abort.AbortController(...)
  options.check_count("sse.AbortController()", ...)
  return setmetatable({ [SIGNAL] = new_signal() }, controllers)
end

local AbortSignal = hints.close_fields({}, "AbortSignal class", "sse.AbortSignal")

--- Makes a signal that is aborted already.
-- @param[opt] reason as of `controller:abort`
function AbortSignal.abort(reason, ...)
  options.check_count("AbortSignal.abort(reason)", ...)
  local signal = new_signal()
  signal_abort(signal, reason)
  return signal
end

--- Makes a signal that is aborted after a time, by a failure with code "ETIMEDOUT" and name
-- "TimeoutError". Its timer alone does not keep `sse.run` running.
-- @tparam number ms milliseconds, at least 0
function AbortSignal.timeout(ms, ...)
  options.check_count("AbortSignal.timeout(ms)", ...)
  if type(ms) ~= "number" or not (ms >= 0 and ms < math.huge) then
    local message = "AbortSignal.timeout: expected milliseconds, a number >= 0, got %s"
    error(message:format(tostring(ms)), 2)
  end
  local signal = new_signal()
  local timer = core.timer(ms, function()
    local message = ("timed out after %s ms"):format(ms)
    signal_abort(signal, failure.new(message, "ETIMEDOUT", { name = "TimeoutError" }))
  end)
  timer:unref()
  return signal
end

--- Makes a signal that is aborted as soon as one of several signals is, with the same reason.
-- @tparam table signals a list; empty: the signal is never aborted
function AbortSignal.any(signals, ...)
  options.check_count("AbortSignal.any(signals)", ...)
  if type(signals) ~= "table" then
    error(("AbortSignal.any: expected a list of signals, got %s"):format(type(signals)), 2)
  end
  if abort.is_signal(signals) or #signals == 0 and next(signals) ~= nil then
    error("AbortSignal.any: expected a list of signals: { one, another }", 2)
  end
  local signal, sources = new_signal(), {}
  for i, source in ipairs(signals) do
    if not abort.is_signal(source) then
      error(("AbortSignal.any: item %d is not an AbortSignal"):format(i), 2)
    end
    if source.aborted then return AbortSignal.abort(source.reason) end
    local followed = event_target.state(source).sources or { source }
    table.move(followed, 1, #followed, #sources + 1, sources)
  end
  make_dependent(signal, sources)
  return signal
end

abort.AbortSignal = options.close_writes(AbortSignal, "AbortSignal class", "sse.AbortSignal")

return abort
