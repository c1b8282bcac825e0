--- AbortController and AbortSignal, as the DOM has them.
-- @module sse.abort
local core = require "sse.core"
local event = require "sse.event"
local eventtarget = require "sse.eventtarget"
local failure = require "sse.failure"

local abort = {}

local class = { name = "AbortSignal", methods = {}, getters = {}, handlers = { onabort = "abort" } }

local function new_signal()
  return eventtarget.new(class, { aborted = false, algorithms = {}, next = 0 })
end

function class.getters.aborted(state) return state.aborted end

function class.getters.reason(state) return state.reason end

--- Raises the reason where the signal is aborted.
function class.methods:throwIfAborted()
  if self.aborted then error(self.reason, 2) end
end

eventtarget.class(class)

-- Stops what was started with the signal first, then tells the listeners (DOM 3.2).
local function signal_abort(signal, reason)
  local state = eventtarget.state(signal)
  if state.aborted then return end
  if reason == nil then
    reason = failure.new("the operation was aborted", "EABORTED", { name = "AbortError" })
  end
  state.aborted, state.reason = true, reason
  local algorithms = state.algorithms
  state.algorithms = {}
  local order = {}
  for n in pairs(algorithms) do order[#order + 1] = n end
  table.sort(order)
  for _, n in ipairs(order) do
    if algorithms[n] then eventtarget.call(algorithms[n], reason) end
  end
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
  local n, algorithms = state.next, state.algorithms
  algorithms[n] = fn
  return function() algorithms[n] = nil end
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
  local signal, forgets = new_signal(), {}
  for i, source in ipairs(signals) do
    if not abort.is_signal(source) then
      error(("AbortSignal.any: item %d is not an AbortSignal"):format(i), 2)
    end
    if source.aborted then return AbortSignal.abort(source.reason) end
  end
  for _, source in ipairs(signals) do
    forgets[#forgets + 1] = abort.on_abort(source, function(reason)
      for _, forget in ipairs(forgets) do forget() end
      signal_abort(signal, reason)
    end)
  end
  return signal
end

abort.AbortSignal = AbortSignal

return abort
