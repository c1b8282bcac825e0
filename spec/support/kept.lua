-- Streams that stay open while no handler sends on them.
local streams = {}

--- Keeps a stream until it has ended: the collector ends a stream that nothing refers to and that
-- follows no channel.
-- @param stream an sse.stream
-- @return the stream
return function(stream)
  for other in pairs(streams) do
    if other.closed then streams[other] = nil end
  end
  streams[stream] = true
  return stream
end
