-- sse.redis on a Redis Cluster of three nodes whose slots move or can't be served: no follower is
-- disconnected, and what was acknowledged comes once and in order.
local load = require "spec.support.load"
local redis = require "spec.support.redis"
local redis_cluster = require "spec.support.redis_cluster"
local redis_stores = require "spec.support.redis_stores"
local stores = require "spec.support.stores"
local wait = require "spec.support.wait"

local BOUNDS = { history = 100, history_bytes = 1 << 20 }

describe("sse.redis on a cluster", function()
  after_each(function()
    redis_stores.stop()
    redis.stop()
  end)

  -- A store that is connected to all nodes.
  local function open_used(cluster, given)
    given = given or {}
    given.cluster = cluster:addresses()
    local store = redis_stores.open(given)
    for i = 1, #cluster.nodes do stores.read(store:open(cluster:name_on(i), BOUNDS), 0) end
    return store
  end

  -- A channel with one live client.
  local function serve(cluster, given)
    local store = open_used(cluster, given)
    return store, redis_stores.serve_over(store)
  end

  it("follows a slot that moves under load", function()
    local cluster = redis_cluster.shared()
    local store, one, client = serve(cluster)
    local slot, from = cluster:place(("sse:{%s}"):format(one.name))
    local _, is_done = load.start(one, 8, 100)
    local function meanwhile(count)
      local commands = store:stats().commands
      wait.till(function() return store:stats().commands >= commands + count or is_done() end,
        "commands")
    end
    for round = 1, 2 do
      local to = (from + round) % 3 + 1
      if to == from then to = to % 3 + 1 end
      client:till(function() return #client.events > round * 100 end)
      cluster:begin_move(slot, from, to)
      meanwhile(8)
      while cluster:move_keys(slot, from, to, 1) do meanwhile(2) end
      meanwhile(2)
      cluster:end_move(slot, to)
      meanwhile(8)
      from = to
    end
    wait.till(is_done, "the publishes")
    load.check(client, 8, 100)
    assert.is_falsy(client.ended or client.raw.eof)
  end)

  -- A publisher is at the slot's new node before the client's store has heard of that.
  local function hear_of_moved(cluster, rounds)
    local other = open_used(cluster)
    local _, one, client = serve(cluster, { check_interval = 60000 })
    local slot, from = cluster:place(("sse:{%s}"):format(one.name))
    local log = other:open(one.name, { history = 10000, history_bytes = 8 << 20 })
    local expected = {}
    for round = 1, rounds do
      local to = from % 3 + 1
      cluster:begin_move(slot, from, to)
      cluster:move_keys(slot, from, to, 10)
      cluster:end_move(slot, to)
      assert.equal(round + 1, (stores.append(log, round)))
      client:till(function() return #client.events == round end)
      from, expected[round] = to, round
    end
    assert.equal(table.concat(expected, " "), client:text())
  end

  it("hears of the events of a channel whose slot has moved", function()
    hear_of_moved(redis_cluster.shared(), 3)
  end)

  it("hears of them where nodes have no SPUBLISH", function()
    hear_of_moved(redis_cluster.start(3, nil, redis_cluster.UNSHARDED), 1)
  end)

  it("asks the node that a slot is on its way to", function()
    local cluster = redis_cluster.shared()
    local other = open_used(cluster)
    local store, one, client = serve(cluster, { check_interval = 100 })
    local slot, from = cluster:place(("sse:{%s}"):format(one.name))
    local to = from % 3 + 1
    assert(one:publish { data = "1", id = "own", dedupe = "d" }) -- all four keys are there now
    cluster:begin_move(slot, from, to)
    cluster:move_keys(slot, from, to, 10)
    assert(one:publish "2")
    assert(one:publish { data = "again", dedupe = "d" })
    assert(one:publish "3")
    assert.equal("1 2 3", client:till_data "3":text())
    cluster:end_move(slot, to)
    local log = other:open(one.name, { history = 10000, history_bytes = 8 << 20 })
    assert.equal(5, (stores.append(log, "4")))
    assert.equal("1 2 3 4", client:till_data "4":text())
    assert.equal(0, store:stats().failures)
  end)

  it("tells publishers of a cluster that is down, and goes on once it is not", function()
    local cluster = redis_cluster.start(3, "--appendonly yes --appendfsync always")
    local store, one, client = serve(cluster)
    local states = redis_stores.states_of(store)
    local _, index = cluster:place(("sse:{%s}"):format(one.name))
    local dead = cluster.nodes[index % 3 + 1]
    assert(one:publish "1")
    dead:kill "KILL"
    local message, code
    wait.till(function()
      local id
      id, message, code = one:publish "2"
      return not id
    end, "the cluster to be down")
    assert.equal("ESTORE", code)
    assert.truthy(message:find "^redis: .*CLUSTERDOWN", message)
    wait.till(function() return #states > 0 end, "the state")
    assert.truthy(states[1]:find "^down ", states[1])
    dead:again()
    cluster:settle()
    local id
    wait.till(function()
      id = one:publish { data = "3", dedupe = "3" }
      return id
    end, "the cluster to be back")
    client:till_data "3"
    assert.truthy(client:text():find "^1 .*3$", client:text())
    assert.is_falsy(client:text():find "gap")
    assert.is_falsy(client.ended or client.raw.eof)
    wait.till(function() return states[#states] == "up" end, "the state")
  end)

  it("goes on with a replica that takes a node's place", function()
    local cluster = redis_cluster.start(3)
    local _, one, client = serve(cluster)
    local _, index = cluster:place(("sse:{%s}"):format(one.name))
    local replica = cluster:add_replica(index)
    assert(one:publish "1")
    wait.till(function()
      return replica:cli "INFO replication" :match "slave_repl_offset:(%d+)"
        == cluster.nodes[index]:cli "INFO replication" :match "master_repl_offset:(%d+)"
    end, "replication")
    cluster.nodes[index]:kill "KILL"
    local id
    wait.till(function()
      id = one:publish { data = "2", dedupe = "2" }
      return id
    end, "the replica")
    assert.equal("3", id:match "%d+$")
    assert.equal("1 2", client:till_data "2":text())
    assert.is_falsy(client.ended or client.raw.eof)
  end)
end)
