-- The random scripts of spec/push/channel_model_spec.lua over stores, also over one that tells of
-- news late, twice, out of turn and with holes, answers late, and fails. SSE_MODEL_SEED is the seed
-- of the first script, SSE_MODEL_SCRIPTS their number.
local core = require "sse.core"
local databases = require "spec.support.databases"
local faulty_store = require "spec.support.faulty_store"
local memory = require "sse.store.memory"
local net = require "spec.support.net"
local redis_models = require "spec.support.redis_models"
local run = require "spec.support.scripts"
local stores = require "spec.support.stores"

local many = tonumber(os.getenv "SSE_MODEL_SCRIPTS") or net.stress and 10 or 150
-- Over connections that are cut, most of a script's time is pauses; in a cluster it is moves.
local few, fewer, fewest = (many + 4) // 5, (many + 14) // 15, (many + 29) // 30
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

  for _, kind in ipairs {
    { "Redis", few, redis_models.on(1) },
    { "two Redis servers", few, redis_models.on(2) },
    { "Redis and connections that are cut", fewer, redis_models.over_cuts(1) },
    { "two Redis servers and connections that are cut", fewest, redis_models.over_cuts(2) },
    { "a Redis Cluster whose slots move", fewest, redis_models.in_cluster() },
  } do
    local name, count, storing = table.unpack(kind)
    it(("over %s: %d scripts from seed %d"):format(name, count, first), function()
      run(first, count, storing)
    end)
  end

  -- Each script has a file of its own, and losses are noticed within a second.
  it(("over SQLite: %d scripts from seed %d"):format(few, first), function()
    run(first, few, in_file)
  end)
end)
