-- sse.redis: how a log's keys are kept, what is announced how, and what a failover does to
-- followers.
local following = require "spec.support.following"
local redis = require "spec.support.redis"
local redis_stores = require "spec.support.redis_stores"
local relay = require "spec.support.relay"
local socket = require "socket"
local stores = require "spec.support.stores"
local task = require "sse.task"
local wait = require "spec.support.wait"

local open_used, other, serve = redis_stores.open_used, redis_stores.other, redis_stores.serve

describe("sse.redis", function()
  after_each(function()
    redis_stores.stop()
    redis.stop()
  end)

  it("announces large events by their position", function()
    local server = redis.shared()
    local _, one, client, prefix = serve(server)
    local log, large = other(server, one, prefix), ("x"):rep(50000)
    assert(stores.append(log, large))
    assert(one:publish("own" .. large))
    assert(stores.append(log, "small"))
    client:till_data "small"
    assert.same({ large, "own" .. large, "small" },
      { client.events[1].data, client.events[2].data, client.events[3].data })
  end)

  it("serves a client that is older than the window in pages", function()
    local server = redis.shared()
    local _, one, client = serve(server)
    local first = one.last_id
    for t = 1, 20 do
      task.spawn(function()
        for n = 1, 100 do assert(one:publish(tostring(t * 1000 + n))) end
      end)
    end
    client:till(function() return #client.events == 2000 end, "2,000 events")
    local later = following.open(first):till(function(c) return #c.events == 2000 end)
    assert.equal(client:text(), later:text())
  end)

  it("forgets who has sent a run again long ago", function()
    local server = redis.start("", true)
    local between = relay.start(server.port)
    finally(function() between:close() end)
    local store = open_used("redis://127.0.0.1:" .. between.port, { queue = 1 })
    local log, position = store:open("fences", { history = 10, history_bytes = 1 << 20 }), nil
    assert(stores.append(log, "1"))
    local fields = {}
    for i = 1, 200 do fields[i] = ("f:%d 5"):format(i) end
    server:cli("HSET 'sse:{fences}' " .. table.concat(fields, " "))
    for _, pair in ipairs(between.pairs) do pair.down.blocked = true end -- results are lost
    log:append({ event = stores.event "2" }, function(at) position = at end)
    wait.till(function() return server:cli "HGET 'sse:{fences}' head":find "2" end, "the event")
    between:cut_all()
    wait.till(function() return position end, "the result")
    assert.equal(2, position)
    assert.equal(1, select(2, server:cli "HKEYS 'sse:{fences}'":gsub("f:%x+", "")))
  end)

  it("has the server take no more large events than are asked for", function()
    local server = redis.start("", true)
    local store = open_used(server.url, { timeout = 60000 })
    local log = store:open("large", { history = 40, history_bytes = 10 << 20, max_age = 1e9 })
    local large = ("x"):rep(1 << 20)
    for i = 1, 9 do assert(stores.append(log, large, { id = tostring(i) })) end
    local monitor = assert(socket.connect("127.0.0.1", server.port))
    assert(monitor:send "MONITOR\r\n")
    assert(monitor:receive "*l")
    for i = 0, 3 do assert.equal(1, #stores.read(log, i, 100).records) end
    for i = 10, 12 do assert(stores.append(log, large, { id = tostring(i) })) end
    assert.equal("PONG\n", server:cli "PING")
    local ranges = 0
    repeat
      local line = assert(monitor:receive "*l")
      local count = line:match 'lua%] "XRANGE".* "COUNT" "(%d+)"'
      ranges = ranges + (count and 1 or 0)
      assert.truthy(not count or count == "1", line)
    until line:find '"PING"$'
    monitor:close()
    assert.truthy(ranges >= 5, ranges)
  end)

  it("keeps no more than the bounds and a little", function()
    local server = redis.shared()
    local store = open_used(server.url, { prefix = redis.prefix() })
    local log = store:open("bounded", { history = 10, history_bytes = 1 << 20 })
    local count = 0
    for i = 1, 2000 do
      log:append({ event = stores.event(i), id = "own" .. i, dedupe = tostring(i) }, function(p)
        count = count + (p and 1 or 0)
      end)
    end
    wait.till(function() return count == 2000 end, "the appends")
    local keys = store:open("bounded", { history = 1, history_bytes = 1 }).shared.keys
    local function number(command, key)
      return tonumber(server:cli(("%s '%s'"):format(command, key)):match "%d+")
    end
    assert.truthy(number("XLEN", keys[2]) <= 10 + 256)
    assert.same({ 10, 10 }, { number("ZCARD", keys[3]), number("ZCARD", keys[4]) })
  end)

  it("gives large events that are held already to many who publish them again", function()
    local store = open_used(redis.shared().url, { prefix = redis.prefix() })
    local log, got = store:open("held", { history = 10, history_bytes = 1 << 30 }), {}
    local large = ("x"):rep(1 << 20)
    assert.equal(1, (stores.append(log, large, { dedupe = "d" })))
    for i = 1, 200 do
      local record = { event = stores.event(i), dedupe = i % 100 ~= 0 and "d" or nil }
      log:append(record, function(position, _, held) got[i] = { position, held } end)
    end
    wait.till(function() return got[200] end, "the results")
    for i = 1, 200 do
      assert.equal(i % 100 == 0 and 1 + i // 100 or 1, got[i][1])
      assert.equal(i % 100 ~= 0 and stores.event(large) or nil, got[i][2] and got[i][2].event)
    end
    assert.same({ 0, 3 }, { store:stats().losses, store:stats().appends })
  end)

  it("forgets a log that nobody has open, once it is watched no more", function()
    local store = open_used(redis.shared().url, { prefix = redis.prefix(), check_interval = 20 })
    local log = store:open("left", { history = 10 })
    local state = log.state
    stores.watch(log)
    assert(stores.append(log, "x"))
    local news = stores.watch(store:open("left"))
    log:close()
    local again = store:open("left")
    assert.equal(log.shared, again.shared)
    assert(stores.append(again, "y"))
    wait.till(function() return news[1] end, "news")
    again:close()
    assert.truthy(state.logs.left)
    local other_log = store:open("other")
    other_log:close()
    assert.is_nil(state.logs.other)
    store:close()
    assert.is_nil(next(state.logs))
  end)

  it("forgets channels that nobody uses, and keeps those that somebody follows", function()
    local server = redis.shared()
    local prefix = redis.prefix()
    local store = open_used(server.url, { prefix = prefix, expire = 1000, check_interval = 50 })
    local log = store:open("idle", { history = 10, history_bytes = 1000 })
    local followed = store:open("followed", { history = 10, history_bytes = 1000 })
    local _, epoch = stores.append(log, "x", { id = "own", dedupe = "d" })
    local position, same = stores.append(followed, "x", { id = "own" })
    assert.equal(1, position)
    stores.watch(followed)
    wait.till(function() return server:cli(("KEYS '%s{idle}*'"):format(prefix)) == "\n" end,
      "the keys to expire")
    assert.equal(same, stores.read(followed, 0).epoch)
    assert.are_not.equal(epoch, stores.read(log, 0).epoch)
    assert.equal("-1", tostring(stores.append(log, "y") - 2)) -- position 1 of a new log
  end)

  it("keeps a channel as long as it says since it was used last", function()
    local server, prefix = redis.shared(), redis.prefix()
    local store = open_used(server.url, { prefix = prefix, expire = 60000 })
    local log = store:open("kept", { history = 10, history_bytes = 1000 })
    local function check()
      for _, key in ipairs(log.shared.keys) do
        assert.truthy(tonumber(server:cli(("PTTL '%s'"):format(key)):match "%-?%d+") >= 60000)
      end
    end
    assert(stores.append(log, "x", { id = "own", dedupe = "d" }))
    check()
    local soon = math.tointeger(server:cli "TIME" :match "%d+") * 1000 + 59000
    server:cli(("HSET '%s' expires %d"):format(log.shared.keys[1], soon))
    for _, key in ipairs(log.shared.keys) do server:cli(("PEXPIRE '%s' 59000"):format(key)) end
    assert(stores.append(log, "y", { id = "other", dedupe = "e" }))
    check()
  end)

  describe("and a failover to a server that lacks the last events:", function()
    -- A server with the events 1 to 3, and another one that takes its place without 4 and 5.
    local function fail_over(meanwhile)
      local server = redis.start("", true)
      local store, one, client, prefix = serve(server)
      for i = 1, 3 do assert(one:publish(tostring(i))) end
      local replica = redis.start(("--replicaof 127.0.0.1 %d"):format(server.port))
      wait.till(function()
        return replica:cli "INFO replication" :find "link_status:up"
          and replica:cli(("HGET '%s{%s}' head"):format(prefix, one.name)):find "4"
      end, "replication")
      replica:cli "REPLICAOF NO ONE"
      for i = 4, 5 do assert(one:publish(tostring(i))) end
      client:till_data "5"
      if meanwhile then meanwhile(replica, one, prefix) end
      server:kill "KILL"
      assert(os.rename(replica.path, server.path))
      redis_stores.connected(store, 2)
      return one, client
    end

    it("a publish begins a new log", function()
      local one, client = fail_over()
      assert.equal("1", one:publish "6":match "%d+$")
      assert.equal("1 2 3 4 5 gap:unknown 6", client:till_data "6":text())
    end)

    it("followers are told, although others have published there already", function()
      local log, theirs
      local one, client = fail_over(function(replica, one, prefix)
        log = other(replica, one, prefix)
        theirs = stores.watch(log)
        for i = 4, 8 do assert.equal(i + 1, (stores.append(log, "other " .. i))) end
        wait.till(function() return theirs[5] end, "their news")
      end)
      client:till(function() return client.events[6] end, "the gap")
      assert(one:publish "9")
      assert.equal("1 2 3 4 5 gap:unknown 9", client:till_data "9":text())
      wait.till(function() return theirs[6] end, "their news")
      assert.equal("9", theirs[#theirs].data)
      assert.are_not.equal(theirs[1].epoch, theirs[#theirs].epoch)
    end)

    it("nothing happens where nothing is missing", function()
      local server = redis.start("", true)
      local store, one, client = serve(server)
      for i = 1, 3 do assert(one:publish(tostring(i))) end
      local replica = redis.start(("--replicaof 127.0.0.1 %d"):format(server.port))
      wait.till(function() return replica:cli "INFO replication" :find "link_status:up" end,
        "replication")
      replica:cli "REPLICAOF NO ONE"
      server:kill "KILL"
      assert(os.rename(replica.path, server.path))
      redis_stores.connected(store, 2)
      assert(one:publish "4")
      assert.equal("1 2 3 4", client:till_data "4":text())
    end)
  end)
end)
