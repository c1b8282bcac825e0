-- The random scripts of spec/push/channel_model_spec.lua over stores, also over one that tells of
-- news late, twice, out of turn and with holes, answers late, and fails. SSE_MODEL_SEED is the seed
-- of the first script, SSE_MODEL_SCRIPTS their number.
local core = require "sse.core"
local databases = require "spec.support.databases"
local faulty_store = require "spec.support.faulty_store"
local memory = require "sse.store.memory"
local net = require "spec.support.net"
local new_redis = require "sse.redis"
local redis = require "spec.support.redis"
local relay = require "spec.support.relay"
local rendezvous = require "sse.redis.rendezvous"
local run = require "spec.support.scripts"
local stores = require "spec.support.stores"
local wait = require "spec.support.wait"

local many = tonumber(os.getenv "SSE_MODEL_SCRIPTS") or net.stress and 10 or 150
local few = (many + 4) // 5
local first = tonumber(os.getenv "SSE_MODEL_SEED") or 1

local function inner_of(store) return store.inner or store end

local plain = {
  make = function() return memory() end,
  lose = function(store, name)
    stores.list[1].lose(inner_of(store), name)
    local data = inner_of(store).logs[name]
    for _, log in ipairs(data.watchers) do log.on_news(nil) end
    return data.epoch
  end,
}

local losses, paths = 0, {}

local in_file = {
  make = function()
    local name = databases.path()
    local store = databases.open_used(name)
    paths[store] = name
    return store
  end,
  lose = function(store, name)
    losses = losses + 1
    local epoch = ("lost%d"):format(losses)
    local sql = "BEGIN IMMEDIATE; DELETE FROM events WHERE channel = (SELECT id FROM channels "
      .. "WHERE name = '%s'); INSERT INTO channels (name, epoch) VALUES ('%s', '%s') ON CONFLICT "
      .. "(name) DO UPDATE SET epoch = excluded.epoch, head = 0, first = 1, kept = 1, bytes = 0, "
      .. "time = 0, left_id = NULL; COMMIT;"
    local said = databases.shell(paths[store], sql:format(name, name, epoch))
    assert(said == "", said)
    return epoch
  end,
  finish = function(store)
    paths[store] = nil
    databases.close()
  end,
}

local prefixes = {}

-- On one server, or on two.
local function in_redis(count)
  local storing = {}

  local function urls()
    local list = {}
    for i = 1, count do list[i] = redis.shared(i).url end
    return list
  end

  function storing.make()
    local prefix, given = redis.prefix(), urls()
    given.prefix, given.check_interval = prefix, 40
    local store = new_redis(given)
    prefixes[store] = prefix
    stores.read(store:open("opened", { history = 1, history_bytes = 1 }), 0)
    return store
  end

  function storing.lose(store, name)
    losses = losses + 1
    local epoch, key = ("lost%d"):format(losses), ("%s{%s}"):format(prefixes[store], name)
    local set = "HSET '%s' epoch %s head 0 first 1 kept 1 middle 1 total 0 base 0 slack 0 time 0"
      .. " ids 0 dedupes 0 expires 0 token '' left ''"
    local server = redis.shared(rendezvous(urls(), name))
    local commands = ("DEL '%s' '%s:events' '%s:ids' '%s:dedupe'\n"):format(key, key, key, key)
    local said = server:cli(("<<'END'\nMULTI\n%s%s\nEXEC\nEND\n"):format(commands,
      set:format(key, epoch)))
    assert(said:find "EXEC" == nil and not said:find "ERR", said)
    return epoch
  end

  function storing.finish(store)
    prefixes[store] = nil
    store:close()
    wait.till(function() return next(store:stats()) == nil end, "the store to close")
  end

  return storing
end

local in_one, in_two = in_redis(1), in_redis(2)

-- Connections are cut now and then, and the server forgets its scripts.
local over_cuts, relays = setmetatable({}, { __index = in_one }), {}

function over_cuts.make(rnd)
  local server = redis.shared()
  local between = relay.start(server.port)
  local prefix = redis.prefix()
  local store = new_redis({ port = between.port, prefix = prefix, check_interval = 40,
    queue = 1000 })
  prefixes[store], relays[store] = prefix, between
  stores.read(store:open("opened", { history = 1, history_bytes = 1 }), 0)
  between.cutter = core.timer(20 + rnd(60), function() over_cuts.cut(between, rnd) end)
  return store
end

function over_cuts.cut(between, rnd)
  if rnd(3) == 1 then redis.shared():cli "SCRIPT FLUSH" end
  between:cut_all()
  between.cutter = core.timer(20 + rnd(200), function() over_cuts.cut(between, rnd) end)
end

function over_cuts.finish(store)
  local between = relays[store]
  relays[store] = nil
  between.cutter:stop()
  in_one.finish(store)
  between:close()
end

local faulty = setmetatable({}, { __index = plain })

function faulty.make(rnd)
  local store = faulty_store.new(memory())
  local function maybe_late(_, go)
    if rnd(2) == 1 then return go() end
    core.defer(function() go() end)
  end
  store.on_done, store.on_append = maybe_late, nil
  function store.on_result(results, go)
    -- A look that fails would have a client without an id begin later.
    if results.limit > 0 and rnd(25) == 1 then return go(nil, "down", "EDOWN") end
    maybe_late(nil, go)
  end
  function store.on_news(news, go)
    local what = news[1] and rnd(6) or 6
    if what > 2 then maybe_late(nil, go) end
    if what == 3 then core.defer(function() go() end) end
    if what < 3 then core.defer(function() go(nil) end) end -- lost, and read again
  end
  return store
end

describe("channel model", function()
  it(("over memory: %d scripts from seed %d"):format(many, first), function()
    run(first, many, plain)
  end)

  it(("over a faulty store: %d scripts from seed %d"):format(many, first), function()
    run(first, many, faulty)
  end)

  it(("over Redis: %d scripts from seed %d"):format(few, first), function()
    run(first, few, in_one)
  end)

  it(("over two Redis servers: %d scripts from seed %d"):format(few, first), function()
    run(first, few, in_two)
  end)

  it(("over Redis and connections that are cut: %d scripts from seed %d"):format(few, first),
    function() run(first, few, over_cuts) end)

  -- Each script has a file of its own, and losses are noticed within a second.
  it(("over SQLite: %d scripts from seed %d"):format(few, first), function()
    run(first, few, in_file)
  end)
end)
