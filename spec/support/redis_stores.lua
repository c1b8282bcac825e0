--- The stores of one test on a Redis server, and their channels.
local following = require "spec.support.following"
local sse = require "sse"
local stores = require "spec.support.stores"
local wait = require "spec.support.wait"

local redis_stores = {}

local opened = {}

--- Makes a store.
function redis_stores.open(...)
  local store = sse.redis(...)
  opened[#opened + 1] = store
  return store
end

--- The same, once it is connected.
function redis_stores.open_used(...)
  local store = redis_stores.open(...)
  stores.read(store:open("opened", { history = 1, history_bytes = 1 }), 0)
  return store
end

--- A channel that a store keeps.
function redis_stores.channel(store, options)
  options = options or {}
  options.store = store
  return following.channel(options)
end

--- The states that a store tells from now on, a list.
function redis_stores.states_of(store)
  local list = {}
  store.on_state = function(state, why) list[#list + 1] = state .. (why and " " .. why or "") end
  return list
end

--- Waits until the store has connected that often.
function redis_stores.connected(store, count)
  wait.till(function() return store:stats().connects >= count end, "the store to connect")
end

--- Drops the references to the stores.
function redis_stores.forget() opened = {} end

--- Closes stores, and waits until that is done.
-- @tparam[opt] table list all of them without it
function redis_stores.close(list)
  for _, store in ipairs(list or opened) do store:close() end
  for _, store in ipairs(list or opened) do
    wait.till(function() return next(store:stats()) == nil end, "the store to close")
  end
  if not list then opened = {} end
end

return redis_stores
