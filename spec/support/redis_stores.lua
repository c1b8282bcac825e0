--- The stores of one test on a Redis server, and their channels.
local databases = require "spec.support.databases"
local following = require "spec.support.following"
local redis = require "spec.support.redis"
local sse = require "sse"
local stores = require "spec.support.stores"
local wait = require "spec.support.wait"

local redis_stores = {}

local opened, others = {}, {}

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

--- As of SQLite's.
redis_stores.channel, redis_stores.states_of = databases.channel, databases.states_of

--- Waits until the store has connected that often.
function redis_stores.connected(store, count)
  wait.till(function() return store:stats().connects >= count end, "the store to connect")
end

--- A channel over a store with one live client; returns both.
function redis_stores.serve_over(store)
  local one = following.serve { history = 10000, store = store }
  local client = following.open()
  following.followers(one, 1)
  assert(one:publish "first")
  client:till_data "first"
  client.events = {}
  return one, client
end

--- The same with a store on a server; returns the store, the channel, the client and the
-- prefix of the keys.
-- @param server
-- @tparam[opt] table given options of the store; `url` instead of the server's
function redis_stores.serve(server, given)
  local own = { prefix = redis.prefix() }
  for name, value in pairs(given or {}) do own[name] = value end
  local url = own.url or server.url
  own.url, own.connect_timeout = nil, own.timeout
  local store = redis_stores.open_used(url, own)
  local one, client = redis_stores.serve_over(store)
  return store, one, client, own.prefix
end

--- The log of a channel as another process has it.
function redis_stores.other(server, one, prefix)
  local store = redis_stores.open_used(server.url, { prefix = prefix })
  others[#others + 1] = store
  return store:open(one.name, { history = 10000, history_bytes = 8 << 20 })
end

--- Checks that a store keeps the loop running for what waits and for nothing else, and that it ends
-- when it is collected.
-- @tparam table given the store's options
function redis_stores.keeps_what_waits(given)
  wait.collect()
  local before = wait.fds()
  do
    local log = redis_stores.open(given):open("kept", { history = 100, history_bytes = 1 << 20 })
    local position
    stores.watch(log)
    log:append({ event = stores.event(1) }, function(got) position = got end)
    wait.idle()
    assert(position == 1, position)
    assert(wait.fds() > before)
    log:close() -- who watches keeps the store
  end
  redis_stores.forget()
  wait.collect()
  assert(before == wait.fds(), "descriptors are left")
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

--- For after_each: ends the channels and their stores.
function redis_stores.stop()
  redis_stores.close(others) -- the check for descriptors that are left does not know of these
  others = {}
  following.stop()
  redis_stores.close()
end

return redis_stores
