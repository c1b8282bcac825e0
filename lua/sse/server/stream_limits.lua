--- How many event streams there may be at a time, by key.
--
-- A response to which such limits apply has a list of them: limit, key, limit, key ... A limit has
-- `streams`, the most, and `open`, the number by key.
-- @module sse.server.stream_limits
local core = require "sse.core"

local stream_limits = {}

local counted = {} -- what core.tally returned for an open stream -> the list of its limits

core.set_on_tallied_end(function(stream)
  local list = counted[stream]
  counted[stream] = nil
  for i = 1, list and #list or 0, 2 do
    local open, key = list[i].open, list[i + 1]
    open[key] = open[key] > 1 and open[key] - 1 or nil
  end
end)

--- The first limit whose key has as many streams as it may have; nil if there is none.
-- @tparam table list
-- @treturn table|nil the limit
function stream_limits.find_full(list)
  for i = 1, #list, 2 do
    local limit = list[i]
    if (limit.open[list[i + 1]] or 0) >= limit.streams then return limit end
  end
end

--- Counts a stream that has been opened, until it ends.
-- @tparam table list
-- @param stream
function stream_limits.count(list, stream)
  local tallied = core.tally(stream)
  if not tallied then return end
  counted[tallied] = list
  for i = 1, #list, 2 do
    local open, key = list[i].open, list[i + 1]
    open[key] = (open[key] or 0) + 1
  end
end

return stream_limits
