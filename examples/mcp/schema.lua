--- Checks a tool's arguments against the part of JSON Schema that tools mostly use: `type`,
-- `properties`, `required`, `additionalProperties = false`, `items`, `enum`, `minimum`, `maximum`,
-- `minLength`, `maxLength`. Any other keyword is for the model to read, and not checked.
local schema = {}

local check

local is = {
  string = function(value) return type(value) == "string" end,
  boolean = function(value) return type(value) == "boolean" end,
  number = function(value) return type(value) == "number" end,
  integer = function(value) return type(value) == "number" and value == math.floor(value) end,
  object = function(value) return type(value) == "table" and value[1] == nil end,
  array = function(value)
    return type(value) == "table" and (value[1] ~= nil or next(value) == nil)
  end,
}

local function check_object(rule, value, name)
  for _, key in ipairs(rule.required or {}) do
    if value[key] == nil then return ("%s.%s is missing"):format(name, key) end
  end
  for key, member in pairs(value) do
    local own = rule.properties and rule.properties[key]
    local fault
    if own then
      fault = check(own, member, name .. "." .. key)
    elseif rule.additionalProperties == false then
      fault = ("%s.%s is unknown"):format(name, key)
    end
    if fault then return fault end
  end
end

local function check_array(rule, value, name)
  for i, item in ipairs(value) do
    local fault = check(rule.items, item, ("%s[%d]"):format(name, i - 1))
    if fault then return fault end
  end
end

local function check_range(rule, value, name)
  local size, low, high, what = value, rule.minimum, rule.maximum, ""
  if type(value) == "string" then
    size, low, high, what = utf8.len(value) or #value, rule.minLength, rule.maxLength, "length of "
  end
  if low and size < low then return ("%s%s must be at least %s"):format(what, name, low) end
  if high and size > high then return ("%s%s must be at most %s"):format(what, name, high) end
end

local function check_enum(list, value, name)
  local names = {}
  for i, allowed in ipairs(list) do
    if allowed == value then return end
    names[i] = tostring(allowed)
  end
  return ("%s must be one of: %s"):format(name, table.concat(names, ", "))
end

function check(rule, value, name)
  local fits = is[rule.type]
  if fits and not fits(value) then
    return ("%s must be of type %s"):format(name, rule.type)
  end
  local fault = rule.enum and check_enum(rule.enum, value, name)
  if fault then return fault end
  if type(value) == "number" or type(value) == "string" then
    return check_range(rule, value, name)
  elseif type(value) == "table" then
    return (rule.items and check_array or check_object)(rule, value, name)
  end
end

--- What is wrong with the arguments; nil if nothing is.
function schema.fault(rule, arguments)
  return check(rule, arguments, "arguments")
end

return schema
