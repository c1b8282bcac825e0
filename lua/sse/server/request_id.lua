--- The id of a request, by which its lines in the logs of several programs are found: the one that
-- its X-Request-Id brings, or else a new one.
-- @module sse.server.request_id
local core = require "sse.core"

local request_id = {}

local MAX_LENGTH = 128

--- The id of a request. What a client sends counts if it is short and consists of letters, digits
-- and the punctuation that ids have, so that it can be written into a log or a header as it is. A
-- new one is 16 random hexadecimal digits.
-- @tparam string|nil given the value of X-Request-Id
-- @treturn string
function request_id.of(given)
  if given and #given <= MAX_LENGTH and given:find "^[%w._~+/=:;@-]+$" then return given end
  return ("%016x"):format(string.unpack("<i8", core.random(8)))
end

return request_id
