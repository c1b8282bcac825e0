--- How the random scripts of spec.support.script keep channels' logs in Redis: on one server, on
-- two, over connections that are cut, and in a cluster whose slots move.
local core = require "sse.core"
local new_redis = require "sse.redis"
local redis = require "spec.support.redis"
local redis_cluster = require "spec.support.redis_cluster"
local relay = require "spec.support.relay"
local rendezvous = require "sse.redis.rendezvous"
local stores = require "spec.support.stores"
local wait = require "spec.support.wait"

local redis_models = {}

local SET = "HSET '%s' epoch %s head 0 first 1 kept 1 middle 1 total 0 base 0 slack 0 time 0 ids 0 "
  .. "dedupes 0 expires 0 token '' left ''"

local losses, prefixes = 0, {}

-- Makes a store.
local function open(given)
  local prefix = redis.prefix()
  given.prefix, given.check_interval = prefix, 40
  local store = new_redis(given)
  prefixes[store] = prefix
  stores.read(store:open("opened", { history = 1, history_bytes = 1 }), 0)
  return store
end

local function key_of(store, name) return ("%s{%s}"):format(prefixes[store], name) end

-- Has a channel's log begin anew; returns the new epoch.
local function lose(server, key)
  losses = losses + 1
  local epoch = ("lost%d"):format(losses)
  local commands = ("DEL '%s' '%s:events' '%s:ids' '%s:dedupe'\n"):format(key, key, key, key)
  local said = server:cli(("<<'END'\nMULTI\n%s%s\nEXEC\nEND\n"):format(commands,
    SET:format(key, epoch)))
  assert(said:find "EXEC" == nil and not said:find "ERR" and not said:find "MOVED", said)
  return epoch
end

local function close(store)
  prefixes[store] = nil
  store:close()
  wait.till(function() return next(store:stats()) == nil end, "the store to close")
end

-- Calls fn() now and then until it is stopped, the next time so many ms later as fn() returns.
local function start_timer(fn)
  local self = {}
  local function wait_for_next(ms)
    self.timer = core.timer(ms, function() wait_for_next(fn()) end)
  end
  wait_for_next(20)
  return self
end

-- --- servers -------------------------------------------------------------------------------------

local function urls(count)
  local list = {}
  for i = 1, count do list[i] = redis.shared(i).url end
  return list
end

--- On one server, or on several.
function redis_models.on(count)
  return { make = function() return open(urls(count)) end, finish = close,
    lose = function(store, name)
      return lose(redis.shared(rendezvous(urls(count), name)), key_of(store, name))
    end }
end

--- The same over connections that are cut now and then, and servers that forget their scripts.
function redis_models.over_cuts(count)
  local storing, relays, servers, cutter = {}, {}, {}, nil

  local function cut(rnd)
    local i = rnd(count)
    if rnd(3) == 1 then redis.shared(i):cli "SCRIPT FLUSH" end
    relays[i]:cut_all()
    return 20 + rnd(200)
  end

  function storing.make(rnd)
    local given = { queue = 1000 }
    for i = 1, count do
      relays[i] = relay.start(redis.shared(i).port)
      given[i] = "redis://127.0.0.1:" .. relays[i].port
    end
    servers = { table.unpack(given) }
    local store = open(given)
    cutter = start_timer(function() return cut(rnd) end)
    return store
  end

  function storing.lose(store, name)
    return lose(redis.shared(rendezvous(servers, name)), key_of(store, name))
  end

  function storing.finish(store)
    cutter.timer:stop()
    close(store)
    for i = 1, count do relays[i]:close() end
  end

  return storing
end

-- --- a cluster -----------------------------------------------------------------------------------

-- What is known of a slot that is on its way, in `self`.
local function begin_move(self, key, rnd)
  self.slot, self.from = self.cluster:place(key)
  self.to = (self.from + rnd(2) - 1) % 3 + 1
  self.cluster:begin_move(self.slot, self.from, self.to)
end

-- Moves a few keys, or ends the move where there are none.
local function go_on(self, count)
  if self.cluster:move_keys(self.slot, self.from, self.to, count) then return end
  self.cluster:end_move(self.slot, self.to)
  self.slot = nil
end

local function end_move(self)
  while self.slot do go_on(self, 4) end
end

--- In a cluster of three, while the slots of the script's channels "model a" and "model b" move.
function redis_models.in_cluster()
  local storing, move = {}, {}

  function storing.make(rnd)
    move.cluster = redis_cluster.shared()
    local store = open { cluster = move.cluster:addresses(), queue = 1000 }
    local keys = { key_of(store, "model a"), key_of(store, "model b") }
    -- A channel that has not all its keys can't be asked while its slot is on its way, and pauses
    -- for up to 200 ms in between.
    move.mover = start_timer(function()
      if move.slot then go_on(move, rnd(2)) else begin_move(move, keys[rnd(2)], rnd) end
      return move.slot and rnd(10) or 50 + rnd(300)
    end)
    return store
  end

  function storing.lose(store, name)
    end_move(move)
    local key = key_of(store, name)
    local _, index = move.cluster:place(key)
    return lose(move.cluster.nodes[index], key)
  end

  function storing.finish(store)
    move.mover.timer:stop()
    end_move(move)
    close(store)
  end

  return storing
end

return redis_models
