-- channel:count() where a Redis server, its data or the connections are lost; with Sentinel, and on
-- a cluster.
local core = require "sse.core"
local following = require "spec.support.following"
local redis = require "spec.support.redis"
local redis_cluster = require "spec.support.redis_cluster"
local redis_presence = require "spec.support.redis_presence"
local redis_stores = require "spec.support.redis_stores"
local stores = require "spec.support.stores"
local wait = require "spec.support.wait"

local BOUNDS = { history = 1000, history_bytes = 8 << 20 }
local SOON, till_count = redis_presence.SOON, redis_presence.till_count

describe("channel:count() where Redis fails", function()
  after_each(redis_presence.stop)

  it("tells its numbers again after FLUSHALL, and after a server's end", function()
    local its = redis_presence.begin(redis.start())
    local other = its:run(2)
    following.open()
    till_count(its.channel, 3)
    its.server:cli "FLUSHALL"
    its:till_fields "1 2"
    till_count(its.channel, 3)
    its.server:kill "KILL"
    following.open()
    following.followers(its.channel, 2)
    assert.equal(4, its.channel:count()) -- as heard last
    its.server:again()
    till_count(its.channel, 4)
    its:till_fields "2 2"
    other:write "one:close()\n"
    till_count(its.channel, 2)
  end)

  it("forgets nobody sooner because the server was away for long", function()
    local its = redis_presence.begin(redis.start())
    local other = its:run(2)
    till_count(its.channel, 2)
    other:sleep(0, function() -- so that it can't say that it is alive
      its.server:pause()
      wait.past(3 * SOON)
      local since = core.now()
      its.server:go_on()
      till_count(its.channel, 0)
      assert.truthy(core.now() - since > 1.5 * SOON)
    end)
    till_count(its.channel, 2)
  end)

  it("loses no number with a connection", function()
    local its = redis_presence.begin(redis.start())
    local other = its:run(2)
    till_count(its.channel, 2)
    for round = 1, 5 do
      its.server:cli "CLIENT KILL TYPE normal"
      following.open()
      other:write "clients[#clients + 1] = sse.EventSource(clients[1].url)\n"
      its.server:cli "CLIENT KILL TYPE pubsub"
      till_count(its.channel, 2 + 2 * round)
    end
    its:till_fields "5 7"
  end)

  it("is the same with a master that a Sentinel names, after a failover", function()
    local master = redis.start("", true)
    local replica, sentinel = redis.replica(master), redis.sentinel(master)
    local function open()
      return redis_stores.open_used { sentinels = { "127.0.0.1:" .. sentinel.port }, master = "m",
        check_interval = SOON }
    end
    local one = following.serve { store = open() }
    local log = redis_presence.add(open()):open(one.name, BOUNDS)
    log:announce(3)
    till_count(one, 3)
    wait.till(function() return sentinel:cli "SENTINEL FAILOVER m" == "OK\n" end,
      "the Sentinel to agree")
    wait.till(function() return replica:cli "ROLE":find "^master" end, "the failover")
    following.open()
    log:announce(4)
    till_count(one, 5)
    local command = ("--raw HVALS 'sse:{%s}:followers'"):format(one.name)
    wait.till(function() return replica:cli(command):find "^[14] %d+\n[14] " end, "the numbers")
  end)
end)

describe("channel:count() over a Redis Cluster", function()
  after_each(redis_presence.stop)

  local function open(cluster)
    local store = redis_stores.open { cluster = cluster:addresses(), check_interval = SOON }
    for i = 1, #cluster.nodes do stores.read(store:open(cluster:name_on(i), BOUNDS), 0) end
    return store
  end

  it("goes on where a slot moves, that of the channel and that of the processes", function()
    local cluster = redis_cluster.shared()
    local one = following.serve { store = open(cluster) }
    local log, expected = redis_presence.add(open(cluster)):open(one.name, BOUNDS), 0
    for _, key in ipairs { ("sse:{%s}:followers"):format(one.name), "sse:{%processes}" } do
      expected = expected + 1
      log:announce(expected)
      till_count(one, expected)
      local slot, from = cluster:place(key)
      local to = from % 3 + 1
      cluster:begin_move(slot, from, to)
      while cluster:move_keys(slot, from, to, 10) do core.turn() end
      expected = expected + 1
      log:announce(expected)
      cluster:end_move(slot, to)
      till_count(one, expected)
    end
    wait.past(3 * SOON)
    assert.equal(expected, one:count())
    log:close()
    till_count(one, 0)
  end)

  it("goes on where a node's data are lost, and with a replica in its place", function()
    local cluster = redis_cluster.start(3)
    local one = following.serve { store = open(cluster) }
    local other = redis_presence.add(open(cluster))
    local log = other:open(one.name, BOUNDS)
    following.open()
    log:announce(2)
    till_count(one, 3)
    for index = 1, 3 do cluster.nodes[index]:cli "FLUSHALL" end
    local function heard() -- by who comes now
      local store, count = open(cluster), nil
      store:open(one.name, BOUNDS):others(function(others) count = others end)
      wait.till(function() return count end, "the number")
      redis_stores.close { store }
      return count
    end
    wait.till(function() return heard() == 3 end, "the numbers")
    local _, index = cluster:place(("sse:{%s}"):format(one.name))
    local replica = cluster:add_replica(index)
    cluster.nodes[index]:kill "KILL"
    wait.till(function() return replica:cli "ROLE":find "master" end, "the replica")
    log:announce(5)
    till_count(one, 6)
    other:close()
    till_count(one, 1)
  end)
end)
