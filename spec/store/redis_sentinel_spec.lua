-- sse.redis by Sentinel: which server is the master is asked before each connection, and followed.
local fake_redis = require "spec.support.fake_redis"
local following = require "spec.support.following"
local load = require "spec.support.load"
local misuse = require "spec.support.misuse"
local redis = require "spec.support.redis"
local redis_stores = require "spec.support.redis_stores"
local sse = require "sse"
local stores = require "spec.support.stores"
local wait = require "spec.support.wait"

local BOUNDS = { history = 100, history_bytes = 1 << 20 }

describe("sse.redis by Sentinel", function()
  local fake

  after_each(function()
    redis_stores.stop()
    if fake then fake:close() end
    fake = nil
    redis.stop()
  end)

  local function address(server) return "127.0.0.1:" .. server.port end

  -- A Sentinel that names the server that `fake.master` is, and no other master than "m".
  local function start_fake(master)
    fake = fake_redis.start(function(words, conn)
      if words[1] == "SENTINEL" then
        assert.same({ "SENTINEL", "GET-MASTER-ADDR-BY-NAME" }, { words[1], words[2] })
        if words[3] ~= "m" then return "*-1\r\n" end
        return fake_redis.encode { "127.0.0.1", tostring(fake.master.port) }
      elseif words[1] == "SUBSCRIBE" then
        fake.listener_conn = conn
      end
      return fake_redis.greet(words)
    end)
    fake.master = master
    return fake.url:match "//(.*)"
  end

  -- Has the Sentinel say that another server is the master now.
  local function switch(name, from, to)
    local conn = fake.listener_conn
    conn.to_send = conn.to_send .. fake_redis.encode { "message", "+switch-master",
      ("%s 127.0.0.1 %d 127.0.0.1 %d"):format(name, from.port, to.port) }
  end

  it("raises on misuse", function()
    local blames = misuse.blames
    blames("option 'sentinels' needs 'master'", function() sse.redis { sentinels = { "a" } } end)
    blames("option 'sentinels' is an empty list", function()
      sse.redis { sentinels = {}, master = "m" }
    end)
    blames("option 'sentinels' must be a list of strings", function()
      sse.redis { sentinels = "a:1", master = "m" }
    end)
    blames("option 'sentinels' must be a list of strings", function()
      sse.redis { sentinels = { 5 }, master = "m" }
    end)
    for _, wrong in ipairs { "", "a:", "a:0", "a:70000", "a:99999999999999999999", "a:b",
      "redis://a", "a b", "a\0b", "[::1", "u@a" } do
      blames("option 'sentinels': expected \"host:port\", got string", function()
        sse.redis { sentinels = { wrong }, master = "m" }
      end)
    end
    blames('got string "redis://:...@a:1"', function()
      sse.redis { sentinels = { "redis://:secret@a:1" }, master = "m" }
    end)
    blames("option 'sentinels' has 'a:26379' twice", function()
      sse.redis { sentinels = { "a", "b", "a:26379" }, master = "m" }
    end)
    blames("option 'cluster' does not go with 'sentinels'", function()
      sse.redis { sentinels = { "a" }, master = "m", cluster = { "b" } }
    end)
    blames("option 'host' does not go with 'sentinels'", function()
      sse.redis { sentinels = { "a" }, master = "m", host = "b" }
    end)
    blames("a URL does not go with option 'sentinels'", function()
      sse.redis("redis://a", { sentinels = { "a" }, master = "m" })
    end)
    blames("option 'master' needs 'sentinels'", function() sse.redis { master = "m" } end)
    blames("option 'sentinel_user' needs 'sentinel_password'", function()
      sse.redis { sentinels = { "a" }, master = "m", sentinel_user = "u" }
    end)
    for _, right in ipairs { "a", "a:1", "127.0.0.1", "[::1]", "[fe80::1%lo]:1", "::1" } do
      redis_stores.open { sentinels = { right }, master = "m" }
    end
  end)

  it("asks the Sentinels in turn, with their password and the server's", function()
    local server = redis.start("--user bob on '>word' '~sse:*' resetchannels '&sse:*' +@read "
      .. "+@write +@scripting +@pubsub +@connection +select +time +role", true)
    local dead = redis.start("", true)
    local list = { address(dead), start_fake(server), address(server), address(server) }
    dead:kill "KILL"
    local real = redis.start("--sentinel", true, "user alice on >secret resetchannels "
      .. "&+switch-master +auth +ping +subscribe +sentinel|get-master-addr-by-name\n"
      .. ("sentinel monitor other 127.0.0.1 %d 1"):format(server.port))
    list[3], list[4] = address(real), nil
    local store = redis_stores.open { sentinels = list, master = "other", user = "bob",
      password = "word", database = 2, sentinel_user = "alice", sentinel_password = "secret" }
    local position, message = stores.append(store:open("a", BOUNDS), "x")
    assert.equal(1, position, message)
    assert.equal("1\n", server:cli "-n 2 EXISTS 'sse:{a}'")
  end)

  it("says what each Sentinel says where none knows the master", function()
    local dead, server = redis.start("", true), redis.start("", true)
    dead:kill "KILL"
    local list = { address(dead), start_fake(server), address(server) }
    local refusal = server:cli "SENTINEL GET-MASTER-ADDR-BY-NAME other"
      :match "^ERR unknown command [^,]+" -- without the arguments
    local store = redis_stores.open { sentinels = list, master = "other" }
    local _, message, code = stores.append(store:open("a", BOUNDS), "x")
    assert.equal("ESTORE", code)
    assert.equal(("redis: no Sentinel names the master 'other' (%s: Connection refused; %s: knows "
      .. "no master 'other'; %s: %s) [docs/errors.md#estore]"):format(list[1], list[2], list[3],
      refusal), message)
  end)

  it("uses no server that is not a master, and asks again", function()
    local server = redis.start("", true)
    local replica = redis.replica(server)
    local list = { start_fake(replica) }
    local store = redis_stores.open { sentinels = list, master = "m" }
    local states = redis_stores.states_of(store)
    local log = store:open("a", BOUNDS)
    local _, message = stores.append(log, "x")
    assert.equal(("redis: %s is no master, but a slave [docs/errors.md#estore]")
      :format(address(replica)), message)
    fake.master = server
    wait.till(function() return states[2] end, "the master")
    assert.equal("up", states[2])
    assert.equal(1, (stores.append(log, "x")))
  end)

  it("asks another Sentinel where one names a server that can't be used", function()
    local server, dead = redis.start("", true), redis.start("", true)
    local replica = redis.replica(server)
    dead:kill "KILL"
    local real = redis.start("--sentinel", true, ("sentinel monitor m 127.0.0.1 %d 1")
      :format(server.port))
    for _, wrong in ipairs { dead, replica } do
      local list = { start_fake(wrong), address(real) }
      local store = redis_stores.open { sentinels = list, master = "m", queue = 1 }
      assert.equal("integer", math.type(stores.append(store:open("a", BOUNDS), "x")))
      redis_stores.close()
      fake:close()
    end
  end)

  it("asks again where a master has become a replica", function()
    local one, two = redis.start("", true), redis.start("", true)
    local list = { start_fake(one) }
    local store = redis_stores.open { sentinels = list, master = "m", queue = 10 }
    local log = store:open("a", BOUNDS)
    assert.equal(1, (stores.append(log, "x")))
    fake.master = two
    one:cli(("REPLICAOF 127.0.0.1 %d"):format(two.port))
    local states = redis_stores.states_of(store)
    local position, message = stores.append(log, "y")
    assert.equal(1, position, message) -- a new log: the other server had nothing
    assert.truthy(states[1]:find "^down ", states[1])
    assert.equal("y", stores.text(stores.read(log, 0).records))
    assert.equal(2, store:stats().connects)
  end)

  it("leaves a master for the one that the Sentinel tells of", function()
    local one, two = redis.start("", true), redis.start("", true)
    local list = { start_fake(one) }
    local store = redis_stores.open { sentinels = list, master = "m" }
    local states = redis_stores.states_of(store)
    local log = store:open("a", BOUNDS)
    assert.equal(1, (stores.append(log, "x")))
    switch("other", one, two)
    fake.master = two
    switch("m", one, two)
    wait.till(function() return states[3] end, "the other server")
    assert.same({ "up", ("down Sentinel names another master, %s"):format(address(two)), "up" },
      states)
    assert.equal(1, (stores.append(log, "y")))
    assert.truthy(two:cli "KEYS '*'" :find "sse:{a}")
  end)

  it("listens to another Sentinel where one ends, and hears of what it has missed", function()
    local one, two = redis.start("", true), redis.start("", true)
    local sentinel = redis.start("--sentinel", true, ("sentinel monitor m 127.0.0.1 %d 1")
      :format(one.port))
    local list = { address(sentinel), start_fake(two) }
    local store = redis_stores.open { sentinels = list, master = "m" }
    local states = redis_stores.states_of(store)
    assert.equal(1, (stores.append(store:open("a", BOUNDS), "x")))
    sentinel:kill "KILL"
    wait.till(function() return states[3] end, "the other server")
    assert.equal(("down Sentinel names another master, %s"):format(address(two)), states[2])
  end)

  it("keeps the loop running for what waits, and for nothing else; ends when it is collected",
    function()
      local sentinel = redis.start("--sentinel", true, ("sentinel monitor m 127.0.0.1 %d 1")
        :format(redis.start("", true).port))
      local given = { sentinels = { address(sentinel) }, master = "m" }
      redis_stores.keeps_what_waits(given)
    end)

  -- A channel with one live client, on a server with a replica and a Sentinel.
  local function serve()
    local server = redis.start("", true)
    local replica = redis.replica(server)
    local sentinel = redis.sentinel(server)
    local store = redis_stores.open_used { sentinels = { address(sentinel) }, master = "m" }
    local one = following.serve { history = 10000, store = store }
    local client = following.open()
    following.followers(one, 1)
    return { server = server, replica = replica, sentinel = sentinel, store = store, one = one,
      client = client }
  end

  it("follows a failover under load", function()
    local its = serve()
    local _, is_done = load.start(its.one, 8, 100)
    its.client:till(function() return #its.client.events > 200 end, "events")
    wait.till(function() return its.sentinel:cli "SENTINEL FAILOVER m" == "OK\n" end,
      "the Sentinel to agree")
    wait.till(is_done, "the publishes")
    load.check_with_gaps(its.client, 8, 100)
    wait.till(function() return its.replica:cli "ROLE" :find "^master" end, "the failover")
    redis_stores.connected(its.store, 2)
    assert(its.one:publish "last")
    its.client:till(function(c) return c.events[#c.events].data == "last" end)
    assert.truthy(its.replica:cli(("XREVRANGE 'sse:{%s}:events' + - COUNT 1"):format(its.one.name))
      :find "data: last")
    assert.is_falsy(its.client.ended or its.client.raw.eof)
  end)

  it("tells followers by a gap that the new master lacks events", function()
    local its = serve()
    for i = 1, 3 do assert(its.one:publish(tostring(i))) end
    local head = ("HGET 'sse:{%s}' head"):format(its.one.name)
    wait.till(function() return its.replica:cli(head) == "3\n" end, "replication")
    its.server:cli "CONFIG SET requirepass secret" -- the replica does not come back
    its.server:cli "-a secret --no-auth-warning CLIENT KILL TYPE replica"
    wait.till(function() return its.replica:cli "INFO replication" :find "link_status:down" end,
      "the end of replication")
    for i = 4, 5 do assert(its.one:publish(tostring(i))) end
    its.client:till_data "5"
    its.server:kill "KILL"
    wait.till(function() return its.store:stats().connects == 2 end, "the failover")
    assert.equal("1", its.one:publish "6":match "%d+$")
    assert.equal("1 2 3 4 5 gap:unknown 6", its.client:till_data "6":text())
    assert.is_falsy(its.client.ended or its.client.raw.eof)
  end)
end)
