--- JSON (RFC 8259): the core's reader and writer. Integers of 64 bits stay integers, all other
-- numbers become the nearest float, and are written so that they read back equal. A decoded array
-- knows that it is one, also when it is empty.
-- @module sse.json
require "sse.shared.lua_version"

local core = require "sse.core"
local hints = require "sse.shared.hints"
local options = require "sse.shared.options"

local json = hints.close_fields({}, "sse.json", "sse.json")

local function is_indent(v)
  if type(v) == "string" then return #v <= 16 and not v:find("[^ \t]") end
  return math.type(v) == "integer" and v >= 0 and v <= 16
end

local specs = {
  ["sse.json.decode"] = options.spec("sse.json.decode", {
    null = "boolean", utf8 = options.one_of("strict", "replace"),
  }),
  ["sse.json.encode"] = options.spec("sse.json.encode", {
    indent = { expected = "a whole number from 0 to 16, or up to 16 blanks", check = is_indent },
    sort = "boolean",
  }),
}

-- The core calls this where it is given options. Raises at the line of the program's call.
core.set_json_check(function(where, given) options.check(where, given, specs[where], 4) end)

--- JSON's null: `decode` returns it in arrays, and `encode` encodes it as null anywhere.
json.null = core.json_null

--- Marks a table as an array, so that it is encoded as one even when it is empty. Raises if the
-- table has another metatable.
-- @function json.array
-- @tparam[opt] table t by default a new table
-- @treturn table t
json.array = core.json_array

--- Encodes a value as JSON. A table with the key 1 whose keys are all whole numbers from 1 is an
-- array, and so is one that `json.array` marked or `json.decode` made of one; any other is an
-- object, whose numbers become names. An empty table is `{}` unless marked. Metamethods are not
-- used. Strings are UTF-8: what is none becomes U+FFFD. Raises on what JSON does not have:
-- functions, tables that contain themselves, two keys of one name, NaN, infinities, arrays with too
-- many holes, more than 1,000 tables in each other.
-- @function json.encode
-- @param v
-- @tparam[opt] table given `indent`: spaces, or a string of blanks, by which each level is set in;
-- `sort`: true for names in the order of their bytes
-- @treturn string
json.encode = core.json_encode

--- Decodes a JSON text. Members of objects that are null are left out; in arrays, and as the whole
-- text, null is `json.null`. Of members with one name the last counts.
-- @function json.decode
-- @tparam string text
-- @tparam[opt] table given `null`: true for `json.null` in objects, too; `utf8`: "replace" for
-- U+FFFD where a string is not UTF-8 or has half of a surrogate pair, which is otherwise an error
-- @return the value; or nil and a message with line, column and byte if the text is not JSON
json.decode = core.json_decode

--- Gets one value of a JSON text, without building the rest: what `json.decode` and the keys as
-- indexes would give.
-- @function json.get
-- @tparam string text
-- @tparam string|int ... names of members and places in arrays, from the outermost value in
-- @return the value; nil where there is none; nil and a message if the text is not JSON up to there
-- @usage local delta = sse.json.get(ev.data, "choices", 1, "delta", "content")
json.get = core.json_get

return json
