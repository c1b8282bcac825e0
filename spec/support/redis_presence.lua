--- Processes that follow a channel of a Redis server, for specs of channel:count().
local child = require "spec.support.child"
local follower_process = require "spec.support.follower_process"
local following = require "spec.support.following"
local net = require "spec.support.net"
local redis = require "spec.support.redis"
local redis_stores = require "spec.support.redis_stores"
local wait = require "spec.support.wait"

local redis_presence = {}
redis_presence.__index = redis_presence

--- `check_interval` of all stores, in ms: a process is forgotten after two.
redis_presence.SOON = net.stress and 3000 or 500

local others = {} -- stores that are closed before it is checked which descriptors are left

--- A channel with a store on a server, and a way for clients to follow it.
-- @return an object with `channel`, `store`, `server`, `prefix`
function redis_presence.begin(server)
  local self = setmetatable({ server = server, prefix = redis.prefix() }, redis_presence)
  self.store = self:open()
  self.channel = following.serve { store = self.store }
  return self
end

--- Opens a store on the same server.
function redis_presence:open(given)
  local options = { prefix = self.prefix, check_interval = redis_presence.SOON }
  for name, value in pairs(given or {}) do options[name] = value end
  return redis_stores.open_used(self.server.url, options)
end

--- Has a store closed at the test's end before it is checked what is left.
function redis_presence.add(store)
  others[#others + 1] = store
  return store
end

--- The same store as another process would have it.
function redis_presence:open_other(given) return redis_presence.add(self:open(given)) end

--- Starts a process with so many followers of the channel.
function redis_presence:run(followers)
  local store = ("sse.redis(%q, { prefix = %q, check_interval = %d })"):format(self.server.url,
    self.prefix, redis_presence.SOON)
  return follower_process.start(store, self.channel.name, followers)
end

--- Waits until a channel has so many followers.
function redis_presence.till_count(channel, count)
  wait.till(function() return channel:count() == count end, count .. " followers")
end

--- The key of a channel's numbers.
function redis_presence:key(name)
  return ("%s{%s}:followers"):format(self.prefix, name or self.channel.name)
end

--- The numbers in the channel's hash, sorted, with spaces between them.
function redis_presence:fields()
  local list = {}
  local said = self.server:cli(("--raw HGETALL '%s'"):format(self:key()))
  for _, number in said:gmatch "(%x+)\n(%d+) %d+\n" do list[#list + 1] = number end
  table.sort(list)
  return table.concat(list, " ")
end

--- Waits until the hash has these numbers.
function redis_presence:till_fields(text)
  wait.till(function() return self:fields() == text end, "the numbers " .. text)
end

--- For after_each.
function redis_presence.stop()
  redis_stores.close(others)
  others = {}
  child.stop()
  redis_stores.stop()
  redis.stop()
end

return redis_presence
