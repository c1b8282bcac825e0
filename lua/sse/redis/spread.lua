--- Several servers that know nothing of each other. Each channel belongs to one of them, the same
-- for all processes, and each server is up or down for itself.
-- @module sse.redis.spread
local rendezvous = require "sse.redis.rendezvous"
local store = require "sse.redis.store"
local totals = require "sse.redis.totals"

local Spread = {}
Spread.__index = Spread

totals(Spread, function(self) return self.stores end)

--- The log of a channel.
function Spread:log(name) return self.stores[rendezvous(self.names, name)]:log(name) end

--- Whether the stores can be used; not once they are closed, nor in a forked child.
function Spread:is_usable()
  local is_usable = true
  for _, one in ipairs(self.stores) do is_usable = one:is_usable() and is_usable end
  return is_usable and not self.closing
end

--- Whether all have ended.
function Spread:is_closed()
  for _, one in ipairs(self.stores) do
    if not one:is_closed() then return false end
  end
  return true
end

--- Closes each once all that was appended there has its result.
function Spread:close()
  self.closing = true
  for _, one in ipairs(self.stores) do one:close() end
end

--- Closes at once; what waits fails.
function Spread:finish()
  for _, one in ipairs(self.stores) do one:finish() end
end

--- Makes what is behind a store on several servers.
-- @tparam table targets as of sse.redis.places
-- @param public what the program has
return function(targets, public)
  local numbers = store.numbers()
  local self = setmetatable({ names = {}, stores = {}, numbers = numbers, closing = false }, Spread)
  for i, target in ipairs(targets) do
    self.names[i] = target.written
    self.stores[i] = store.new(target, public, { numbers = numbers, server_name = target.written })
  end
  return self
end
