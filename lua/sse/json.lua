--- JSON. Decoding is lua-cjson's; encoding is done here, because lua-cjson writes numbers with 14
-- digits (and so loses part of a 64-bit integer) and can't say where in a table it met what it
-- can't encode. Requiring this module teaches the core to encode a table given as `data`.
-- @module sse.json
local cjson = require "cjson"
local core = require "sse.core"

local json = {}

local codec = cjson.new()
codec.decode_invalid_numbers(false)
local decode, null = codec.decode, codec.null

local MAX_DEPTH = 1000

--- What stands for JSON's null in arrays, and encodes as null anywhere.
json.null = null

local array_mt = { __name = "sse.json.array" }

--- Marks a table as an array, so that it is one even when empty.
-- @tparam[opt] table t
-- @treturn table t
function json.array(t)
  return setmetatable(t or {}, array_mt)
end

-- Encoding: `out` is the list of pieces, `path` the names on the way to the value at hand.

local function refuse(path, what)
  local where = #path > 0 and (" (at %s)"):format(table.concat(path, ".")) or ""
  error({ message = ("JSON: %s%s"):format(what, where) })
end

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function escape(c)
  return escapes[c] or ("\\u%04x"):format(c:byte())
end

local function quote(s)
  return '"' .. s:gsub('[%z\1-\31"\\\127]', escape) .. '"'
end

local function number(path, n)
  if math.type(n) == "integer" then return ("%d"):format(n) end
  if n ~= n or n == math.huge or n == -math.huge then
    refuse(path, (n ~= n and "NaN" or tostring(n)) .. " is not a number that JSON has")
  end
  local text = ("%.14g"):format(n)
  if tonumber(text) ~= n then text = ("%.17g"):format(n) end
  return (text:gsub(",", ".")) -- some locales
end

-- The length of an array, or nil for an object. Keys 1 to n; holes are allowed while they are few.
local function array_length(path, t)
  local count, max = 0, 0
  for key in next, t do
    if math.type(key) ~= "integer" or key < 1 then
      if getmetatable(t) == array_mt then refuse(path, "an array with key " .. tostring(key)) end
      return nil
    end
    count = count + 1
    if key > max then max = key end
  end
  if count == 0 and getmetatable(t) ~= array_mt then return nil end
  if max > 10 and max > 2 * count then refuse(path, "an array with too many holes") end
  return max
end

local value

local function object(out, path, t)
  local separator = "{"
  for key, member in next, t do
    if type(key) == "number" then key = number(path, key)
    elseif type(key) ~= "string" then refuse(path, ("a %s can't be a key"):format(type(key))) end
    path[#path + 1] = key
    out[#out + 1] = separator .. quote(key) .. ":"
    value(out, path, member)
    path[#path] = nil
    separator = ","
  end
  out[#out + 1] = separator == "{" and "{}" or "}"
end

local function array(out, path, t, length)
  out[#out + 1] = "["
  for i = 1, length do
    if i > 1 then out[#out + 1] = "," end
    path[#path + 1] = ("[%d]"):format(i)
    local member = rawget(t, i)
    value(out, path, member == nil and null or member)
    path[#path] = nil
  end
  out[#out + 1] = "]"
end

function value(out, path, v)
  local kind = type(v)
  if kind == "string" then out[#out + 1] = quote(v)
  elseif kind == "number" then out[#out + 1] = number(path, v)
  elseif kind == "boolean" or v == null then out[#out + 1] = v == null and "null" or tostring(v)
  elseif kind ~= "table" then refuse(path, ("a %s can't be encoded"):format(kind))
  elseif path[v] then refuse(path, "a table that contains itself")
  elseif #path > MAX_DEPTH then refuse({}, ("more than %d levels"):format(MAX_DEPTH))
  else
    path[v] = true
    local length = array_length(path, v)
    if length then array(out, path, v, length) else object(out, path, v) end
    path[v] = nil
  end
end

--- The JSON text of a value. Tables with the keys 1 to n are arrays, all others objects; an empty
-- table is `{}` unless `json.array` marked it. Integers are written whole, floats so that they read
-- back equal. Metamethods are not used. What JSON can't hold (functions, tables that contain
-- themselves, NaN, too many holes) raises.
-- @param v
-- @treturn string
function json.encode(v)
  local out = {}
  local ok, err = pcall(value, out, {}, v)
  if ok then return table.concat(out) end
  error(type(err) == "table" and err.message or err, 2)
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
