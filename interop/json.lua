--- What sse.json makes of texts, for interop/json.mjs to compare with Node's JSON. The file named
-- by the first argument holds records: a line "<mode> <bytes of keys> <bytes of text>", the keys (a
-- JSON array) and the text. Prints a line for each record: "ok " and the JSON of the value; "nil";
-- "no " and the message; or "bad " and what was lost.
local json = require "sse.json"

local WHOLE = { null = true }
local MODES = { strict = WHOLE, replace = { null = true, utf8 = "replace" } }

local function line_of(value, message)
  if value == nil then return message and "no " .. message or "nil" end
  return "ok " .. json.encode(value)
end

-- Returns what is wrong if the value does not survive a round trip, in any layout.
local function check_again(value)
  local encoded = json.encode(value, { sort = true })
  for _, style in ipairs { {}, { indent = 2 }, { indent = "\t", sort = true } } do
    local again, message = json.decode(json.encode(value, style), WHOLE)
    if again == nil then return "bad " .. message end
    local encoded_again = json.encode(again, { sort = true })
    if encoded_again ~= encoded then return ("bad %s became %s"):format(encoded, encoded_again) end
  end
end

local function decode(text, options)
  local value, message = json.decode(text, options)
  return value ~= nil and check_again(value) or line_of(value, message)
end

local function get(text, keys)
  return line_of(json.get(text, table.unpack(assert(json.decode(keys)))))
end

local file <close> = assert(io.open(arg[1], "rb"))
for header in file:lines() do
  local mode, keys_size, size = header:match "^(%l+) (%d+) (%d+)$"
  local keys, text = file:read(tonumber(keys_size)), file:read(tonumber(size))
  io.write(mode == "get" and get(text, keys) or decode(text, MODES[mode]), "\n")
end
