--- JSON: lua-cjson, with what its older releases lack. Numbers that need more than 14 digits keep
-- them, an empty array can be encoded, and an error says where in the table it is. Requiring this
-- module lets the core encode tables that are given as an event's data.
-- @module sse.json
require "sse.shared.lua_version"

local cjson = require "cjson"
local core = require "sse.core"
local hints = require "sse.shared.hints"
local options = require "sse.shared.options"

local json = hints.close_fields({}, "sse.json", "sse.json")

local codec = cjson.new()
codec.decode_invalid_numbers(false)
local decode, null = codec.decode, codec.null

--- JSON's null: `decode` returns it in arrays, and `encode` encodes it as null anywhere.
json.null = null

local array_mt = { __name = "sse.json.array" }

--- Marks a table as an array, so that it is encoded as one even when it is empty. Raises if the
-- table has another metatable.
-- @tparam[opt] table t by default a new table
-- @treturn table t
function json.array(t, ...)
  options.check_count("json.array(t)", ...)
  if t ~= nil and type(t) ~= "table" then
    error(("json.array: expected a table, got %s"):format(type(t)), 2)
  elseif t and getmetatable(t) ~= nil and getmetatable(t) ~= array_mt then
    error("json.array: the table has a metatable of its own", 2)
  end
  return setmetatable(t or {}, array_mt)
end

-- A string that begins with MARK stands for JSON text, which replaces the string when lua-cjson has
-- encoded the rest. A peer that knew MARK could inject JSON by a string, so it is random.
local MARK = "lua_sse:" .. core.random(16):gsub(".", function(byte)
  return ("%02x"):format(byte:byte())
end) .. ":"
local MARKED = '"' .. MARK .. '([^"]*)"'

-- Raises an error with the place in the table that is being encoded.
local function raise_at(path, what)
  local where = #path > 0 and (" (at %s)"):format(table.concat(path, ".")) or ""
  error({ message = ("JSON: %s%s"):format(what, where) })
end

-- lua-cjson writes numbers with 14 digits at most. A number that needs more becomes a marked
-- string.
local function prepare_number(path, n)
  if n ~= n or n == math.huge or n == -math.huge then
    raise_at(path, (n ~= n and "NaN" or tostring(n)) .. " is not a number that JSON has")
  end
  if math.type(n) == "integer" then
    return n > -1e14 and n < 1e14 and n or MARK .. ("%d"):format(n)
  end
  if tonumber(("%.14g"):format(n)) == n then return n end
  return MARK .. ("%.17g"):format(n):gsub(",", ".") -- the decimal point of some locales
end

local function shallow_copy(t)
  local copy = {}
  for key, member in next, t do copy[key] = member end
  return copy
end

-- A copy of an object whose numbers are names. lua-cjson would take an object without other names
-- for an array with many holes, and write large integers with 14 digits.
local function name_numbers(path, t)
  local copy = {}
  for key, member in next, t do
    local name = key
    if type(key) == "number" then
      name = math.type(key) == "integer" and ("%d"):format(key)
        or ("%.14g"):format(key):gsub(",", ".")
    end
    if copy[name] ~= nil then raise_at(path, ("two keys that become the name %s"):format(name)) end
    copy[name] = member
  end
  return copy
end

local prepare

local function prepare_table(path, t)
  if path[t] then raise_at(path, "a table that contains itself") end
  local is_marked = getmetatable(t) == array_mt
  if next(t) == nil then return is_marked and MARK .. "[]" or t end
  local copy, has_numbers, is_object = t, false, not is_marked and rawget(t, 1) == nil
  path[t] = true
  for key, member in next, t do
    if math.type(key) == "integer" and key >= 1 then
      has_numbers = true
    elseif is_marked then
      raise_at(path, "an array with key " .. tostring(key))
    elseif type(key) == "string" then
      is_object = true
    elseif type(key) == "number" then
      has_numbers, is_object = true, true
    else
      raise_at(path, ("a %s can't be a key"):format(type(key)))
    end
    path[#path + 1] = type(key) == "number" and ("[%s]"):format(key) or key
    local prepared = prepare(path, member)
    path[#path] = nil
    if prepared ~= member then
      if copy == t then copy = shallow_copy(t) end
      copy[key] = prepared
    end
  end
  if is_object and has_numbers then copy = name_numbers(path, copy) end
  path[t] = nil
  return copy
end

-- The value as lua-cjson gets it: itself, or a copy if something in it had to be marked. Raises on
-- what JSON does not have. `path` is the list of keys that lead to the value, and holds the tables
-- on the way as keys.
function prepare(path, v)
  local kind = type(v)
  if kind == "number" then return prepare_number(path, v) end
  if kind == "table" then return prepare_table(path, v) end
  if kind ~= "string" and kind ~= "boolean" and v ~= null then
    raise_at(path, ("a %s can't be encoded"):format(kind))
  end
  return v
end

--- Encodes a value as JSON. A table with the key 1 whose keys are all whole numbers from 1 is an
-- array, and so is one that `json.array` marked; any other is an object, whose numbers become
-- names. An empty table is `{}` unless marked. Integers are written with all digits, floats so that
-- they decode to the same number. Metamethods are not used. Raises on what JSON does not have:
-- functions, tables that contain themselves, two keys of one name, NaN, infinities, arrays with too
-- many holes.
-- @param v
-- @treturn string
function json.encode(v, surplus)
  if surplus ~= nil then options.check_count("json.encode(value)", surplus) end
  local ok, prepared = pcall(prepare, {}, v)
  local text = prepared
  if ok then ok, text = pcall(codec.encode, prepared) end
  if not ok then
    local message = type(text) == "table" and text.message or "JSON: " .. tostring(text)
    error(message, 2)
  end
  if prepared ~= v then text = text:gsub(MARKED, "%1") end
  return text
end

-- What `json.decode` makes of lua-cjson's value: removes members of objects that are null, and
-- turns floats of integral value into integers.
local function normalize(v)
  if math.type(v) == "float" then
    return v > -2 ^ 53 and v < 2 ^ 53 and math.tointeger(v) or v
  end
  if type(v) ~= "table" then return v end
  for key, member in next, v do
    if member == null then
      if type(key) == "string" then v[key] = nil end
    elseif type(member) ~= "string" then
      v[key] = normalize(member)
    end
  end
  return v
end

--- Decodes a JSON text. Members of objects that are null are left out; in arrays, and as the whole
-- text, null is `json.null`. Numbers of integral value are integers below 2^53, and floats above.
-- @tparam string text
-- @return the value; or nil and a message if the text is not JSON
function json.decode(text, surplus)
  if surplus ~= nil then options.check_count("json.decode(text)", surplus) end
  if type(text) ~= "string" then
    error(("JSON: expected a string to decode, got %s"):format(type(text)), 2)
  end
  local ok, result = pcall(decode, text)
  if not ok then return nil, "JSON: " .. tostring(result) end
  return normalize(result)
end

core.set_json(json.encode)

return json
