--- A failure: the table by which the client reports why a request or a connection failed. Error
-- events, `source.failure`, `res.failure`, `onerror` and the log hook all carry this one shape.
--
-- Fields: `message` and `code` ("ECONNREFUSED", "EHTTP" ...), always. Where a response came, its
-- `status` and `headers`, and the first 64 KiB of its `body`. Where attempts are repeated:
-- `attempt`, which one in the row of failures this was (1 is the first); `willRetry`, a boolean;
-- `delay`, milliseconds until the next attempt. Where something else than a failure was raised or
-- given as a signal's reason: that value, as `reason`. `tostring(failure)` is its message.
-- @module sse.client.failure
local options = require "sse.shared.options"
local pages = require "sse.shared.pages"

local failure = {}

local metatable = {
  __name = "sse.failure",
  __tostring = function(self) return self.message end,
}

--- Makes a failure. Where docs/errors.md says what to do about its code, the message ends in that
-- place.
-- @tparam string message
-- @tparam string code
-- @tparam[opt] table more further fields; this table itself becomes the failure
-- @treturn table the failure
function failure.new(message, code, more)
  local self = more or {}
  self.message, self.code = pages.add(message, code), code
  return setmetatable(self, metatable)
end

--- Says more in a failure's message, before the name of its page.
-- @tparam table self the failure
-- @tparam string text
function failure.say(self, text)
  local message, page = self.message:match "^(.*)( %[docs/errors%.md#%w+%])$"
  self.message = (message or self.message) .. text .. (page or "")
end

--- Makes a failure of whatever was raised, or was given as the reason of an abort.
-- @param value a failure is returned as it is
-- @tparam string code the code if the value is no failure
-- @treturn table the failure
function failure.from(value, code)
  if getmetatable(value) == metatable then return value end
  local message = type(value) == "table" and rawget(value, "message") or value
  return failure.new(options.text_of(message), code, { reason = value })
end

return failure
