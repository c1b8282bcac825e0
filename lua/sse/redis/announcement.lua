--- What the script that appends announces: a line with the epoch, the position of the first event
-- and the time of all, then the records, of consecutive events. A large one is left out: a line
-- with its token stands for it.
-- @module sse.redis.announcement
local decode = require("sse.redis.record").decode

local HEAD = "^([a-z0-9]+) (%d+) (%d+)\n()"
local LEFT_OUT = "^(%S+)\n()"
local LAST <const> = 1 << 53

--- Reads an announcement.
-- @tparam string text
-- @return the epoch and a list of { position, token, record or nil }; nil: it is none
return function(text)
  local epoch, position, time, at = text:match(HEAD)
  position, time = math.tointeger(position), math.tointeger(time)
  if not position or not time or #epoch > 16 then return nil end
  if position < 1 or position > LAST then return nil end
  local list = {}
  while at <= #text do
    local record, after, token = decode(text, at, { position = position, time = time })
    if not record then
      token, after = text:match(LEFT_OUT, at)
      if not token then return nil end
    end
    list[#list + 1] = { position, token, record }
    position, at = position + 1, after
  end
  return epoch, list
end
