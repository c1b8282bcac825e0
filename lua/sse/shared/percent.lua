--- Percent-encoding (RFC 3986 2.1).
-- @module sse.shared.percent
local percent = {}

local function byte(digits)
  return string.char(tonumber(digits, 16))
end

--- Decodes percent-encoding. A "%" without two hexadecimal digits stays as it is.
-- @tparam string text
-- @treturn string
function percent.decode(text)
  if not text:find("%", 1, true) then return text end
  return (text:gsub("%%(%x%x)", byte))
end

--- Percent-encodes all bytes but the unreserved characters (RFC 3986 2.3).
-- @tparam string text
-- @treturn string
function percent.encode(text)
  return (text:gsub("[^%w._~-]", function(c) return ("%%%02X"):format(c:byte()) end))
end

return percent
