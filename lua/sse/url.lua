--- Percent-encoding (RFC 3986 2.1) of the parts of a URL: a segment of a path, or a name or value
-- of a query.
--
--    local target = "/search?q=" .. sse.url.encode(text)
-- @module sse.url
require "sse.shared.lua_version"

local hints = require "sse.shared.hints"
local options = require "sse.shared.options"
local pages = require "sse.shared.pages"
local percent = require "sse.shared.percent"

local url = hints.close_fields({}, "sse.url", "sse.url")

-- Raises at the line of the caller's caller.
local function check(name, text)
  if type(text) ~= "string" and type(text) ~= "number" then
    local message = "%s: expected a string or a number, got %s%s"
    error(message:format(name, options.show(text), pages.at "arguments"), 3)
  end
  return tostring(text)
end

--- Encodes all but letters, digits and `-._~`: also "/", "?", "&", "=", "+" and the space.
-- @function sse.url.encode
-- @tparam string|number text
-- @treturn string
function url.encode(text, ...)
  options.check_count("sse.url.encode(text)", ...)
  return (percent.encode(check("sse.url.encode", text)))
end

--- Decodes percent-encoding. A "%" without two hexadecimal digits stays, and so does "+", which is
-- a space in forms and queries alone: `req.query` and `req:form` know that.
-- @function sse.url.decode
-- @tparam string|number text
-- @treturn string any bytes
function url.decode(text, ...)
  options.check_count("sse.url.decode(text)", ...)
  return (percent.decode(check("sse.url.decode", text)))
end

return url
