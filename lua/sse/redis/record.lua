--- How a record lies in Redis: a line with the lengths of its five texts, which follow. -1: there
-- is no such text.
-- @module sse.redis.record
local record = {}

local FIELDS = { "event", "id", "key", "dedupe", "meta" }
local LENGTHS = "^(%d+) (%-?%d+) (%-?%d+) (%-?%d+) (%-?%d+)\n()"

local function length_of(text) return text and #text or -1 end

--- The record as one text.
function record.encode(r)
  local id, key, dedupe, meta = r.id, r.key, r.dedupe, r.meta
  if not (id or key or dedupe or meta) then return #r.event .. " -1 -1 -1 -1\n" .. r.event end
  return ("%d %d %d %d %d\n%s%s%s%s%s"):format(#r.event, length_of(id), length_of(key),
    length_of(dedupe), length_of(meta), r.event, id or "", key or "", dedupe or "", meta or "")
end

--- Reads a record that begins somewhere in a text. Adds its texts to `fields`.
-- @tparam string text
-- @tparam int at
-- @tparam table fields
-- @return `fields`, and where the record ends; nil: there is no record
function record.decode(text, at, fields)
  local sizes = { text:match(LENGTHS, at) }
  at = sizes[6]
  if not at then return nil end
  for i, name in ipairs(FIELDS) do
    local size = math.tointeger(sizes[i])
    if not size or size > #text then return nil end
    if size >= 0 then
      fields[name] = text:sub(at, at + size - 1)
      at = at + size
    end
  end
  if at > #text + 1 then return nil end
  return fields, at
end

return record
