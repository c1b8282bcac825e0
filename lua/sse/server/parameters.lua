--- The parameters of a header field's value (RFC 9110 5.6.6): `form-data; name="a"; filename="b"`.
-- @module sse.server.parameters
local parameters = {}

-- Reads the value of a parameter, a token or a quoted string, from a position on. Returns the value
-- and the position behind it; nil if there is neither.
local function read_value(text, at)
  if text:byte(at) ~= 34 then -- a quote
    local value, stop = text:match("^([^%s;\"]+)()", at)
    return value, stop
  end
  local stop = text:find('"', at + 1, true)
  if not stop then return nil end
  return text:sub(at + 1, stop - 1), stop + 1
end

--- Reads a value. A quoted string ends at the next quote: browsers write `%22` for one, and
-- backslashes stand for themselves.
-- @tparam string text
-- @treturn string|nil the part before the first ";", in lower case; nil if the rest is malformed
-- @treturn table the parameters, by lower-case name
function parameters.parse(text)
  local first, at = text:match "^[ \t]*([^%s;]*)[ \t]*()"
  local values = {}
  while at <= #text do
    local name, from = text:match("^;[ \t]*([%w!#$&+.^_`|~*-]+)=()", at)
    if not name then
      local stop = text:match("^;[ \t]*()$", at) -- a semicolon at the end
      return stop and first:lower() or nil, values
    end
    local value, stop = read_value(text, from)
    name = name:lower()
    if not value or values[name] then return nil end
    values[name], at = value, text:match("^[ \t]*()", stop)
  end
  return first:lower(), values
end

return parameters
