--- What the script that appends announces: the epoch in a line, then for each event its position,
-- time and token, and behind them in the same line its record, or for a large one nothing.
-- @module sse.redis.announcement
local decode = require("sse.redis.record").decode

local PLACE = "^(%d+) (%d+) (%S+)([ \n])()"

-- The next event: its position, token, record (nil: it is to be read) and where the next begins.
local function next_event(text, at)
  local position, time, token, mark, body = text:match(PLACE, at)
  position, time = math.tointeger(position), math.tointeger(time)
  if not position or not time then return nil end
  if mark == "\n" then return position, token, nil, body end
  local record, after = decode(text, body, { position = position, time = time })
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
