--- JSON by lua-cjson, with failures as values.
-- @module sse.json
local cjson = require "cjson.safe"

local json = { null = cjson.null }

-- An older lua-cjson reads every number as a float; whole ones are integers to Lua's users.
local reads_integers = math.type(cjson.decode("1")) == "integer"

local function whole(value)
  if type(value) == "table" then
    for key, part in pairs(value) do value[key] = whole(part) end
  elseif math.type(value) == "float" and value >= -2.0 ^ 53 and value <= 2.0 ^ 53 then
    return math.tointeger(value) or value
  end
  return value
end

--- Decodes JSON text.
-- @tparam string text
-- @return the value (`json.null` for null), or nil and a message
function json.decode(text)
  local value, message = cjson.decode(text)
  if value == nil then return nil, message or "not JSON" end
  if value == false then return false end
  return reads_integers and value or whole(value)
end

--- Encodes a value as JSON.
-- @return the text, or nil and a message
function json.encode(value)
  local text, message = cjson.encode(value)
  if text == nil then return nil, message or "not representable as JSON" end
  return text
end

return json
