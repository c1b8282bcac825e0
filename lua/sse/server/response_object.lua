--- The object that a response is: its fields, and how it is told what happens to the exchange. Its
-- methods are in sse.server.response and sse.server.replies.
-- @module sse.server.response_object
local hints = require "sse.shared.hints"
local options = require "sse.shared.options"

local response_object = {}

--- The methods of all responses, by name. The modules that define methods add them here.
local methods = {}
response_object.methods = methods

local getters = {}

function getters:closed()
  local state = self.exchange.state
  return state == "finished" or state == "closed"
end

function getters:pending() return self.exchange.pending end
function getters:on_close() return self.observer and self.observer.on_close or nil end

local metatable = {
  __name = "sse.response",
  __index = function(self, key)
    if methods[key] then return methods[key] end
    local getter = getters[key]
    if getter then return getter(self) end
    hints.raise_missing("response", "a response", key, methods, getters)
  end,
}
response_object.metatable = metatable

--- Ends the waits of `res:drain`.
-- @tparam table observer that of the response
function response_object.wake_waiters(observer)
  local waiters = observer.waiters
  if not waiters then return end
  observer.waiters = false
  for _, resume in ipairs(waiters) do resume() end
end

local wake_waiters = response_object.wake_waiters

--- The response's observer of the exchange, made at its first use: `waiters`, the functions that
-- resume those who wait in `res:drain`, or false; `on_close`. The exchange refers to the observer
-- to
-- its end, and the observer does not refer to the response: so the response, and what the program
-- refers to by it, can be collected earlier.
-- @param self the response
-- @treturn table
function response_object.observe(self)
  local observer = self.observer
  if observer then return observer end
  observer = { waiters = false, on_close = nil }
  rawset(self, "observer", observer)
  self.exchange.on_close = function(reason)
    local on_close = observer.on_close
    wake_waiters(observer)
    if on_close then on_close(reason) end
  end
  self.exchange.on_drain = function() wake_waiters(observer) end
  return observer
end

function metatable.__newindex(self, key, value)
  if key ~= "on_close" then
    options.raise_unknown_field("response", "a response", key, { on_close = true })
  end
  options.check_callback("on_close", value)
  response_object.observe(self).on_close = value
end

--- Makes the response of an exchange of the core. Its states, for the server: `answered`, a whole
-- response, the head of one or an event stream was begun; `begun`, the body follows piece by piece;
-- `detached`. `base` is the list of header fields that every response to the request gets, `kept`
-- the list of those that `res:header` keeps; both may be false.
-- @param exchange
-- @param req its request
-- @tparam[opt] boolean|string compress the server's option, for streams that have none of their own
function response_object.new(exchange, req, compress)
  return setmetatable({ exchange = exchange, req = req, base = false, kept = false,
    observer = false, stream = false, answered = false, begun = false, detached = false,
    compress = compress }, metatable)
end

return response_object
