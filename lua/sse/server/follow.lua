--- A handler that answers with an event stream which follows channels (`sse.follow`).
-- @module sse.server.follow
local stream = require "sse.stream"

local follow = {}

local MAX_FOLLOWED = 64 -- channels that a stream can follow

-- Raises at the line of the caller's caller.
local function check_channels(channels)
  if channels.n > MAX_FOLLOWED then
    error(("sse.follow: a stream follows at most %d channels"):format(MAX_FOLLOWED), 3)
  end
  local seen = {}
  for i = 1, channels.n do
    local channel = channels[i]
    if seen[channel] then
      error(("sse.follow: channel '%s' comes twice"):format(channel.name), 3)
    end
    seen[channel] = true
  end
end

local function has_closed(channels)
  for i = 1, channels.n do
    if channels[i].closed then return true end
  end
  return false
end

--- Makes a handler that answers with an event stream, which follows channels as `stream:follow`
-- does. A request is answered with 410 once one of the channels is closed: an EventSource does not
-- come back after it.
-- @function sse.follow
-- @param channel
-- @param ... more channels
-- @tparam[opt] table given the last argument; docs/reference/server.md describes them
-- @treturn function the handler
function follow.handler(...)
  local channels, given = stream.check_follow("sse.follow", ...)
  check_channels(channels)
  local from, where = given.from, given.where
  return function(req, res)
    if has_closed(channels) then return res:reply(410, "Gone\n") end
    local opened = res:event_stream()
    if not opened then return end
    local arguments = table.move(channels, 1, channels.n, 1, {})
    local filter = where and function(event) return where(event, req) end
    arguments[channels.n + 1] = { from = from, where = filter }
    if not opened:follow(table.unpack(arguments)) then opened:close() end
  end
end

return follow
