--- What the script that appends announces: the epoch in a line, then for each event a line with its
-- position, time and token, and for an event that is not too large the lengths of its five texts,
-- which follow. -1: there is no such text.
-- @module sse.redis.announcement
local FIELDS = { "event", "id", "key", "dedupe", "meta" }
local PLACE = "^(%d+) (%d+) (%S+)([^\n]*)\n()"
local LENGTHS = "^ (%d+) (%-?%d+) (%-?%d+) (%-?%d+) (%-?%d+)$"

-- Cuts the texts off; returns the record and where the next one begins. nil: they are not there.
local function cut(text, at, record, lengths)
  local sizes = { lengths:match(LENGTHS) }
  if #sizes == 0 then return nil end
  for i, name in ipairs(FIELDS) do
    local size = math.tointeger(sizes[i])
    if not size or size > #text then return nil end
    if size >= 0 then
      record[name] = text:sub(at, at + size - 1)
      at = at + size
    end
  end
  if at > #text + 1 then return nil end
  return record, at
end

-- The next event: its position, token, record (nil: it is to be read) and where the next begins.
local function next_event(text, at)
  local position, time, token, lengths, body = text:match(PLACE, at)
  position, time = math.tointeger(position), math.tointeger(time)
  if not position or not time then return nil end
  if lengths == "" then return position, token, nil, body end
  local record, after = cut(text, body, { position = position, time = time }, lengths)
  if not record then return nil end
  return position, token, record, after
end

--- Reads an announcement.
-- @tparam string text
-- @return the epoch and a list of { position, token, record or nil }; nil: it is none
return function(text)
  local epoch, at = text:match "^([a-z0-9]+)\n()"
  if not epoch or #epoch > 16 then return nil end
  local list = {}
  while at <= #text do
    local position, token, record, after = next_event(text, at)
    if not position then return nil end
    list[#list + 1] = { position, token, record }
    at = after
  end
  return epoch, list
end
