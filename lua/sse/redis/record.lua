--- How a record lies in Redis: a line with its token, by which its publisher knows it, and the
-- lengths of its five texts, which follow. -1: there is no such text. csrc/redis/command.c writes
-- it.
-- @module sse.redis.record
local record = {}

local FIELDS = { "event", "id", "key", "dedupe", "meta" }
local LENGTHS = "^(%S+) (%d+) (%-?%d+) (%-?%d+) (%-?%d+) (%-?%d+)\n()"

--- Reads a record that begins somewhere in a text. Adds its texts to `fields`.
-- @tparam string text
-- @tparam int at
-- @tparam table fields
-- @return `fields`, where the record ends, and the token; nil: there is no record
function record.decode(text, at, fields)
  local found = { text:match(LENGTHS, at) }
  at = found[7]
  if not at then return nil end
  for i, name in ipairs(FIELDS) do
    local size = math.tointeger(found[i + 1])
    if not size or size > #text then return nil end
    if size >= 0 then
      fields[name] = text:sub(at, at + size - 1)
      at = at + size
    end
  end
  if at > #text + 1 then return nil end
  return fields, at, found[1]
end

return record
