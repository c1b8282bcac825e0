-- sse.redis on a Redis Cluster of three nodes: where channels are, and what is told of the cluster.
local misuse = require "spec.support.misuse"
local redis = require "spec.support.redis"
local redis_cluster = require "spec.support.redis_cluster"
local redis_stores = require "spec.support.redis_stores"
local slots = require "sse.redis.slots"
local sse = require "sse"
local stores = require "spec.support.stores"
local wait = require "spec.support.wait"

local BOUNDS = { history = 100, history_bytes = 1 << 20 }

describe("sse.redis on a cluster", function()
  after_each(function()
    redis_stores.stop()
    redis.stop()
  end)

  it("raises on misuse", function()
    local blames = misuse.blames
    blames("option 'cluster' is an empty list", function() sse.redis { cluster = {} } end)
    blames("option 'cluster' must be a list of strings", function()
      sse.redis { cluster = "a:1" }
    end)
    blames("option 'cluster': expected \"host:port\", got string \"a:x\"", function()
      sse.redis { cluster = { "a:x" } }
    end)
    blames("option 'cluster' has 'a:6379' twice", function()
      sse.redis { cluster = { "a", "a:6379" } }
    end)
    blames("a cluster has no database but 0", function()
      sse.redis { cluster = { "a" }, database = 1 }
    end)
    blames("option 'master' does not go with 'cluster'", function()
      sse.redis { cluster = { "a" }, master = "m" }
    end)
    blames("option 'unix_socket' does not go with 'cluster'", function()
      sse.redis { cluster = { "a" }, unix_socket = "/a" }
    end)
    blames("a URL does not go with option 'cluster'", function()
      sse.redis("redis://a", { cluster = { "a" } })
    end)
  end)

  it("knows a key's slot", function()
    assert.equal(12739, slots.of "123456789")
    assert.equal(slots.of "user1000", slots.of "sse:{user1000}:events")
    assert.equal(slots.of "{bar", slots.of "foo{{bar}}zap")
  end)

  it("reads what nodes say of slots, whatever it is", function()
    local ranges = slots.parse({ { 0, 5, { "a", 1, "id", {} }, { "b", 2 } }, { 6, 9, { "", 3 } } },
      "asked")
    assert.same({ { host = "a", port = 1 }, { host = "asked", port = 3 }, nil },
      { slots.find(ranges, 5), slots.find(ranges, 6), slots.find(ranges, 10) })
    assert.same({ { host = "b", port = 2 } }, ranges[1].replicas)
    for _, reply in ipairs { "x", 5, { 1 }, { {} }, { error = "x" }, { { 0, 1 } },
      { { 0, 16384, { "a", 1 } } }, { { -1, 1, { "a", 1 } } }, { { 0, 1, { "a", 0 } } },
      { { 0, 1, { "a" } } } } do
      assert.is_nil(slots.parse(reply, "asked"))
    end
    assert.same({ "::1", 7 }, { slots.redirection("MOVED 5 ::1:7", "asked") })
    assert.same({ "asked", 7 }, { slots.redirection("ASK 5 :7", "asked") })
    for _, err in ipairs { "MOVED", "MOVED 5 a", "MOVED 5 a:0", "ASK 5 a:99999", "MOVED x a:1" } do
      assert.is_nil((slots.redirection(err, "asked")))
    end
  end)

  it("has each channel on the node of its slot, and one pair of connections a node", function()
    local cluster = redis_cluster.shared()
    local store = redis_stores.open { cluster = { cluster.nodes[2].address } }
    wait.collect() -- what an earlier spec has left open
    local before, told = wait.fds(), {}
    store.on_state = function(state, why, server)
      told[#told + 1] = ("%s %s %s"):format(state, why, server)
    end
    for i = 1, 30 do
      local log = store:open("c" .. i, BOUNDS)
      local news = stores.watch(log)
      assert.equal(1, (stores.append(log, i)))
      wait.till(function() return news[1] end, "the news")
      assert.equal("sse:{c" .. i .. "}", log.shared.keys[1])
      assert.equal("1\n", cluster:ask(select(2, cluster:place(log.shared.keys[1])),
        ("EXISTS '%s'"):format(log.shared.keys[1])))
    end
    assert.equal(3, store:stats().connects)
    assert.equal(before + 6, wait.fds())
    assert.equal(30, store:stats().announcements)
    table.sort(told)
    local expected = {}
    for i, node in ipairs(cluster.nodes) do expected[i] = "up nil " .. node.address end
    table.sort(expected)
    assert.same(expected, told)
  end)

  it("announces to all nodes where they have no SPUBLISH", function()
    local cluster = redis_cluster.start(3, nil, redis_cluster.UNSHARDED)
    local store = redis_stores.open { cluster = cluster:addresses() }
    local other = redis_stores.open { cluster = cluster:addresses() }
    for i = 1, 3 do
      local name = cluster:name_on(i)
      local news = stores.watch(other:open(name, BOUNDS))
      stores.read(other:open(name, BOUNDS), 0)
      assert.equal(1, (stores.append(store:open(name, BOUNDS), i)))
      wait.till(function() return news[1] end, "the news")
    end
  end)

  it("logs in", function()
    local cluster = redis_cluster.start(3, "--user alice on '>a@b' '~sse:*' resetchannels "
      .. "'&sse:*' +@read +@write +@scripting +@pubsub +@connection +time '+cluster|slots' "
      .. "'+cluster|info'")
    local store = redis_stores.open { cluster = cluster:addresses(), user = "alice",
      password = "a@b" }
    for i = 1, 3 do
      local position, message = stores.append(store:open(cluster:name_on(i), BOUNDS), i)
      assert.equal(1, position, message)
    end
  end)

  it("says why no node can be used", function()
    local server, dead = redis.start("", true), redis.start("", true)
    dead:kill "KILL"
    local list = { "127.0.0.1:" .. dead.port, "127.0.0.1:" .. server.port }
    local store = redis_stores.open { cluster = list }
    local _, message, code = stores.append(store:open("a", BOUNDS), "x")
    assert.equal("ESTORE", code)
    assert.equal(("redis: no node of the cluster can be used (%s: Connection refused; %s: ERR This "
      .. "instance has cluster support disabled) [docs/errors.md#estore]")
      :format(table.unpack(list)), message)
  end)

  it("says that no node has the slot, until one has", function()
    local cluster = redis_cluster.start(3, "--cluster-require-full-coverage no")
    local name = cluster:name_on(2)
    local slot = slots.of(name)
    cluster:drop_slot(slot, 2)
    local store = redis_stores.open { cluster = cluster:addresses() }
    local states, log = redis_stores.states_of(store), store:open(name, BOUNDS)
    local _, message, code = stores.append(log, "x")
    assert.equal("ESTORE", code)
    assert.equal(("redis: no node of the cluster has the slot %d, that of '%s' ["
      .. "docs/errors.md#estore]"):format(slot, name), message)
    cluster:ask(3, "CLUSTER ADDSLOTS " .. slot)
    wait.till(function() return states[#states] == "up" end, "the slot")
    assert.equal(1, (stores.append(log, "x")))
  end)

  it("keeps the loop running for what waits, and for nothing else; ends when it is collected",
    function()
      local given = { cluster = redis_cluster.shared():addresses(), prefix = redis.prefix() }
      redis_stores.keeps_what_waits(given)
    end)

  it("closes once what was published has its result", function()
    local cluster = redis_cluster.shared()
    local store, got = redis_stores.open { cluster = cluster:addresses() }, 0
    local late = store:open("late", BOUNDS)
    for i = 1, 20 do
      store:open("closing" .. i, BOUNDS):append({ event = stores.event(i) }, function(position)
        got = got + assert(position)
      end)
    end
    store:close()
    assert.equal("ECLOSED", select(3, stores.append(late, "late")))
    wait.till(function() return got == 20 end, "the results")
    wait.till(function() return next(store:stats()) == nil end, "the end")
  end)
end)
