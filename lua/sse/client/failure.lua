--- The one shape of a failure, wherever one is handed over: a table with message and code; status,
-- headers and body (its first 64 KiB) where an answer came; and where attempts are made one after
-- the other: attempt (which one in the row it was), willRetry, and delay (ms until the next). As a
-- string it is its message.
-- @module sse.client.failure
local failure = {}

local metatable = {
  __name = "sse.failure",
  __tostring = function(self) return self.message end,
}

--- Makes a failure.
-- @tparam string message
-- @tparam string code "ECONNREFUSED" ...
-- @tparam[opt] table more further fields, taken over
function failure.new(message, code, more)
  local self = more or {}
  self.message, self.code = message, code
  return setmetatable(self, metatable)
end

--- Whatever was raised or given as a reason, as a failure.
function failure.from(value, code)
  if getmetatable(value) == metatable then return value end
  local message = type(value) == "table" and rawget(value, "message") or tostring(value)
  return failure.new(tostring(message), code, { reason = value })
end

return failure
