--- The object that a response is: its fields, and how it is told what happens to the exchange. Its
-- methods are in sse.server.response and sse.server.replies.
-- @module sse.server.response_object
local errors = require "sse.server.errors"
local hints = require "sse.shared.hints"
local keys = require "sse.server.keys"
local options = require "sse.shared.options"
local protected = require "sse.shared.protected"

local ANSWERED, EXCHANGE, OBSERVER = keys.ANSWERED, keys.EXCHANGE, keys.OBSERVER
local REQ, SERVER = keys.REQ, keys.SERVER

local response_object = {}

--- The methods of all responses, by name. The modules that define methods add them here.
local methods = {}
response_object.methods = methods

local getters = {}

function getters:closed()
  local state = self[EXCHANGE].state
  return state == "finished" or state == "closed"
end

function getters:pending() return self[EXCHANGE].pending end

-- That of the event stream, once the response is one.
function getters:on_close()
  local answered, observer = self[ANSWERED], rawget(self, OBSERVER)
  if type(answered) == "userdata" then return answered.on_close end
  return observer and observer.on_close
end

local metatable = {
  __name = "sse.response",
  __index = function(self, key)
    if methods[key] then return methods[key] end
    local getter = getters[key]
    if getter then return getter(self) end
    hints.raise_missing("response", "a response", key, methods, getters)
  end,
  __pairs = function(self)
    local fields = {}
    for name, getter in pairs(getters) do fields[name] = getter(self) end
    return next, fields
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
-- to its end, and the observer does not refer to the response, which can be collected earlier.
-- @param self the response
-- @treturn table
function response_object.observe(self)
  local observer = rawget(self, OBSERVER)
  if observer then return observer end
  observer = { waiters = false, on_close = nil }
  rawset(self, OBSERVER, observer)
  local exchange, req, server = self[EXCHANGE], self[REQ], self[SERVER]
  exchange.on_close = function(reason)
    local on_close = observer.on_close
    wake_waiters(observer)
    if not on_close then return end
    local ok, err = protected.call(on_close, reason)
    if not ok then errors.report(server.on_error, err, { what = "on_close", req = req }) end
  end
  exchange.on_drain = function() wake_waiters(observer) end
  return observer
end

function metatable.__newindex(self, key, value)
  if key ~= "on_close" then
    options.raise_unknown_field("response", "a response", key, { on_close = true })
  end
  options.check_callback("on_close", value)
  local answered = self[ANSWERED]
  local target = type(answered) == "userdata" and answered or response_object.observe(self)
  target.on_close = value
end

--- Makes the response of an exchange of the core.
-- @param exchange
-- @param req its request
-- @param server the state of its server (sse.server.server_object)
function response_object.new(exchange, req, server)
  return setmetatable({
    [EXCHANGE] = exchange, [REQ] = req, [SERVER] = server, [ANSWERED] = false,
  }, metatable)
end

return response_object
