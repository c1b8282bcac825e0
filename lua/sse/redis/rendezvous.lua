--- Rendezvous hashing: each server has a number for each channel, and the greatest one has the
-- channel. When a server is added or taken away, the channels that are now its own, or were, move;
-- no others do.
-- @module sse.redis.rendezvous

-- FNV-1a over both texts, then MurmurHash3's mixer, since FNV's upper bits change too little with
-- the last bytes.
local function number_of(server, channel)
  local h = 0xcbf29ce484222325
  for byte in (server .. "\n" .. channel):gmatch "." do
    h = (h ~ byte:byte()) * 0x100000001b3
  end
  h = (h ~ h >> 33) * 0xff51afd7ed558ccd
  h = (h ~ h >> 33) * 0xc4ceb9fe1a85ec53
  return h ~ h >> 33
end

--- Which server has a channel, whatever the order of the list.
-- @tparam table servers names, all different
-- @tparam string channel
-- @treturn int the server's index
return function(servers, channel)
  local best, greatest = nil, nil
  for i, server in ipairs(servers) do
    local number = number_of(server, channel)
    local is_greater = not best or math.ult(greatest, number)
    if is_greater or greatest == number and servers[best] < server then
      best, greatest = i, number
    end
  end
  return best
end
