--- JSON by lua-cjson, with what its older releases lack: numbers that need more than 14 digits keep
-- them, an empty array can be written, and an error says where in the table it was met.
-- Requiring this module teaches the core to encode a table given as `data`.
-- @module sse.json
require "sse.shared.lua_version"

local cjson = require "cjson"
local core = require "sse.core"

local json = {}

local codec = cjson.new()
codec.decode_invalid_numbers(false)
local decode, null = codec.decode, codec.null

--- What stands for JSON's null in arrays, and encodes as null anywhere.
json.null = null

local array_mt = { __name = "sse.json.array" }

--- Marks a table as an array, so that it is one even when empty.
-- @tparam[opt] table t
-- @treturn table t
function json.array(t)
  if t ~= nil and type(t) ~= "table" then
    error(("json.array: expected a table, got %s"):format(type(t)), 2)
  elseif t and getmetatable(t) ~= nil and getmetatable(t) ~= array_mt then
    error("json.array: the table has a metatable of its own", 2)
  end
  return setmetatable(t or {}, array_mt)
end

-- A string that begins with the mark stands for JSON text until lua-cjson is done. Whoever knew the
-- mark could write JSON of their own into a string, so it comes from the system's random source.
local MARK = "lua_sse:" .. core.random(16):gsub(".", function(byte)
  return ("%02x"):format(byte:byte())
end) .. ":"
local MARKED = '"' .. MARK .. '([^"]*)"'

local function refuse(path, what)
  local where = #path > 0 and (" (at %s)"):format(table.concat(path, ".")) or ""
  error({ message = ("JSON: %s%s"):format(what, where) })
end

-- lua-cjson writes numbers with 14 digits at most; those that need more are marked.
local function number(path, n)
  if n ~= n or n == math.huge or n == -math.huge then
    refuse(path, (n ~= n and "NaN" or tostring(n)) .. " is not a number that JSON has")
  end
  if math.type(n) == "integer" then
    return n > -1e14 and n < 1e14 and n or MARK .. ("%d"):format(n)
  end
  if tonumber(("%.14g"):format(n)) == n then return n end
  return MARK .. ("%.17g"):format(n):gsub(",", ".") -- some locales
end

local function shallow(t)
  local copy = {}
  for key, member in next, t do copy[key] = member end
  return copy
end

local prepare

local function prepare_table(path, t)
  if path[t] then refuse(path, "a table that contains itself") end
  if next(t) == nil then return getmetatable(t) == array_mt and MARK .. "[]" or t end
  local copy = t
  path[t] = true
  for key, member in next, t do
    if getmetatable(t) == array_mt and (math.type(key) ~= "integer" or key < 1) then
      refuse(path, "an array with key " .. tostring(key))
    elseif type(key) ~= "string" and type(key) ~= "number" then
      refuse(path, ("a %s can't be a key"):format(type(key)))
    end
    path[#path + 1] = type(key) == "number" and ("[%s]"):format(key) or key
    local prepared = prepare(path, member)
    path[#path] = nil
    if prepared ~= member then
      if copy == t then copy = shallow(t) end
      copy[key] = prepared
    end
  end
  path[t] = nil
  return copy
end

-- The value as lua-cjson is to have it: itself where nothing in it must be marked, else a copy.
function prepare(path, v)
  local kind = type(v)
  if kind == "number" then return number(path, v) end
  if kind == "table" then return prepare_table(path, v) end
  if kind ~= "string" and kind ~= "boolean" and v ~= null then
    refuse(path, ("a %s can't be encoded"):format(kind))
  end
  return v
end

--- The JSON text of a value. Tables with the keys 1 to n are arrays, all others objects; an empty
-- table is `{}` unless `json.array` marked it. Integers are written whole, floats so that they read
-- back equal. Metamethods are not used. What JSON can't hold (functions, tables that contain
-- themselves, NaN, too many holes) raises.
-- @param v
-- @treturn string
function json.encode(v)
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

-- Members that are null are absent; numbers without a fraction are integers, where they are exact.
local function tidy(v)
  if math.type(v) == "float" then
    return v > -2 ^ 53 and v < 2 ^ 53 and math.tointeger(v) or v
  end
  if type(v) ~= "table" then return v end
  for key, member in next, v do
    if member == null then
      if type(key) == "string" then v[key] = nil end
    elseif type(member) ~= "string" then
      v[key] = tidy(member)
    end
  end
  return v
end

--- The value of a JSON text. A member of an object that is null is absent; in an array it is
-- `json.null`, and so is the text `null` itself. Numbers without a fraction are integers up to
-- 2^53.
-- @tparam string text
-- @return the value, or nil and a message where the text isn't JSON
function json.decode(text)
  if type(text) ~= "string" then
    error(("JSON: expected a string to decode, got %s"):format(type(text)), 2)
  end
  local ok, result = pcall(decode, text)
  if not ok then return nil, "JSON: " .. tostring(result) end
  return tidy(result)
end

core.set_json(json.encode)

return json
