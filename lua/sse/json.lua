--- JSON by lua-cjson, with failures as values.
-- @module sse.json
local cjson = require "cjson.safe"

local json = { null = cjson.null }

--- Decodes JSON text.
-- @tparam string text
-- @return the value (`json.null` for null), or nil and a message
function json.decode(text)
  local value, message = cjson.decode(text)
  if value == nil then return nil, message or "not JSON" end
  return value
end

--- Encodes a value as JSON.
-- @return the text, or nil and a message
function json.encode(value)
  local text, message = cjson.encode(value)
  if text == nil then return nil, message or "not representable as JSON" end
  return text
end

return json
