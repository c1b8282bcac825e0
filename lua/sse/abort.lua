--- AbortController and AbortSignal, as the DOM has them.
-- @module sse.abort
require "sse.shared.lua_version"

local core = require "sse.core"
local event = require "sse.event"
local eventtarget = require "sse.shared.event_target"
local failure = require "sse.client.failure"
local options = require "sse.shared.options"

local abort = {}

local class = { name = "AbortSignal", methods = {}, getters = {}, handlers = { onabort = "abort" } }

local function new_signal()
  return eventtarget.new(class, { aborted = false, algorithms = {}, next = 0 })
end

function class.getters.aborted(state) return state.aborted end

function class.getters.reason(state) return state.reason end

--- Raises the reason where the signal is aborted.
function class.methods:throwIfAborted()
  eventtarget.check(self, class, "signal:throwIfAborted")
  if self.aborted then error(self.reason, 2) end
end

eventtarget.class(class)

local WEAK = { __mode = "k" }

-- A signal of `any` is known to those it follows weakly, and held by them while somebody hears it.
local function hold(state)
  local heard = not state.aborted
    and (next(state.algorithms) ~= nil or eventtarget.heard(state)) or nil
  for _, source in ipairs(state.sources) do
    eventtarget.state(source).held[state.signal] = heard
  end
end

local function follow(signal, sources)
  local state = eventtarget.state(signal)
  state.signal, state.sources, state.on_listeners = signal, sources, hold
  for _, source in ipairs(sources) do
    local other = eventtarget.state(source)
    other.followers = other.followers or setmetatable({}, WEAK)
    other.held = other.held or {}
    other.next = other.next + 1
    other.followers[signal] = other.next
  end
end

-- The keys of a table, in the order of their values.
local function in_order(numbers)
  local by_number, order = {}, {}
  for key, n in pairs(numbers) do by_number[n], order[#order + 1] = key, n end
  table.sort(order)
  for i, n in ipairs(order) do order[i] = by_number[n] end
  return order
end

-- Stops what was started with the signal first, then tells those that follow it, then the listeners
-- (DOM 3.2).
local function signal_abort(signal, reason)
  local state = eventtarget.state(signal)
  if state.aborted then return end
  if reason == nil then
    reason = failure.new("the operation was aborted", "EABORTED", { name = "AbortError" })
  end
  state.aborted, state.reason = true, reason
  local algorithms, followers = state.algorithms, in_order(state.followers or {})
  state.algorithms, state.followers, state.held = {}, nil, {}
  for _, fn in ipairs(in_order(algorithms)) do
    if algorithms[fn] then eventtarget.call(fn, reason) end
  end
  for _, follower in ipairs(followers) do signal_abort(follower, reason) end
  if state.sources then hold(state) end
  eventtarget.dispatch(signal, event.Event("abort"))
end

--- Whether a value is an AbortSignal.
function abort.is_signal(value)
  return type(value) == "table" and getmetatable(value) == class.metatable
end

--- Calls fn(reason) when the signal is aborted, before its listeners.
-- @treturn function which takes that back
function abort.on_abort(signal, fn)
  local state = eventtarget.state(signal)
  state.next = state.next + 1
  local algorithms, own = state.algorithms, function(reason) fn(reason) end -- fn may come twice
  algorithms[own] = state.next
  if state.on_listeners then state:on_listeners() end
  return function()
    algorithms[own] = nil
    if state.on_listeners then state:on_listeners() end
  end
end

eventtarget.set_signals(abort)

--- What an aborted signal makes of the work it stopped.
function abort.failure(reason)
  return failure.from(reason, "EABORTED")
end

local controllers = { __name = "AbortController" }
controllers.__index = controllers

--- Aborts the controller's signal; once.
-- @param[opt] reason
function controllers:abort(reason)
  options.method(self, controllers, "controller:abort")
  signal_abort(self.signal, reason)
end

--- Makes a controller: `controller.signal`, `controller:abort(reason)`.
function abort.AbortController()
  return setmetatable({ signal = new_signal() }, controllers)
end

local AbortSignal = {}

--- A signal that is aborted already.
function AbortSignal.abort(reason)
  local signal = new_signal()
  signal_abort(signal, reason)
  return signal
end

--- A signal that is aborted after ms milliseconds; it keeps no loop running.
-- @tparam number ms
function AbortSignal.timeout(ms)
  if type(ms) ~= "number" or not (ms >= 0 and ms < math.huge) then
    local message = "AbortSignal.timeout: expected milliseconds, a number >= 0, got %s"
    error(message:format(tostring(ms)), 2)
  end
  local signal = new_signal()
  local timer = core.after(ms, function()
    local message = ("timed out after %s ms"):format(ms)
    signal_abort(signal, failure.new(message, "ETIMEDOUT", { name = "TimeoutError" }))
  end)
  timer:unref()
  return signal
end

--- A signal that follows the first of several.
-- @tparam table signals a list
function AbortSignal.any(signals)
  if type(signals) ~= "table" then
    error(("AbortSignal.any: expected a list of signals, got %s"):format(type(signals)), 2)
  end
  local signal, sources = new_signal(), {}
  for i, source in ipairs(signals) do
    if not abort.is_signal(source) then
      error(("AbortSignal.any: item %d is not an AbortSignal"):format(i), 2)
    end
    if source.aborted then return AbortSignal.abort(source.reason) end
    local followed = eventtarget.state(source).sources or { source }
    table.move(followed, 1, #followed, #sources + 1, sources)
  end
  follow(signal, sources)
  return signal
end

abort.AbortSignal = AbortSignal

return abort
