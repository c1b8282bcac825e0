-- sse.redis when the server is killed, stopped, emptied or replaced, and when connections are cut: no
-- follower is disconnected, what was acknowledged comes once and in order, and where Redis itself has
-- lost events, a gap event says so.
local following = require "spec.support.following"
local net = require "spec.support.net"
local redis = require "spec.support.redis"
local redis_stores = require "spec.support.redis_stores"
local relay = require "spec.support.relay"
local stores = require "spec.support.stores"
local task = require "sse.task"
local wait = require "spec.support.wait"

local channel, open_used = redis_stores.channel, redis_stores.open_used
local states_of = redis_stores.states_of

describe("sse.redis", function()
  local between, others

  before_each(function() others = {} end)

  after_each(function()
    redis_stores.close(others)
    following.stop()
    redis_stores.close()
    if between then between:close() end
    between = nil
    redis.stop()
  end)

  -- A channel over a server of its own or a relay to it, with one live client.
  local function serve(server, given, options)
    given = given or {}
    given.prefix = redis.prefix()
    local store = open_used(given.url or server.url, {
      prefix = given.prefix, queue = given.queue, timeout = given.timeout,
      connect_timeout = given.timeout, check_interval = given.check_interval,
    })
    options = options or { history = 10000 }
    options.store = store
    local one = following.serve(options)
    local client = following.open()
    following.followers(one, 1)
    assert(one:publish "first")
    client:till_data "first"
    client.events = {}
    return store, one, client, given.prefix
  end

  -- Another process's store.
  local function other(server, one, prefix, options)
    local store = open_used(server.url, { prefix = prefix })
    others[#others + 1] = store
    return store:open(one.name, options or { history = 10000, history_bytes = 8 << 20 })
  end

  -- Publishes from some tasks: each number again until it is acknowledged. Gives a table with the
  -- acknowledged ids by number, and a function that says whether all are done.
  local function publish_all(one, tasks, each)
    local ids, done = {}, 0
    for t = 1, tasks do
      task.spawn(function()
        for n = 1, each do
          local number = t * 10000 + n
          repeat
            ids[number] = one:publish { data = ("%d"):format(number), dedupe = number }
            if not ids[number] then task.sleep(5) end
          until ids[number]
        end
        done = done + 1
      end)
    end
    return ids, function() return done == tasks end
  end

  -- Checks that a client has had each event once, those of a task in order, and no gap.
  local function check_all(client, tasks, each)
    client:till(function() return #client.events >= tasks * each end, "all events")
    local last = {}
    for _, event in ipairs(client.events) do
      local number = assert(math.tointeger(event.data), event.data)
      local t = number // 10000
      assert.equal((last[t] or t * 10000) + 1, number)
      last[t] = number
    end
    assert.equal(tasks * each, #client.events)
  end

  it("loads its scripts again where the server has forgotten them", function()
    local server = redis.start()
    local store, one, client = serve(server)
    local ids, is_done = publish_all(one, 4, 30)
    wait.till(function()
      server:cli "SCRIPT FLUSH"
      return is_done()
    end, "the publishes")
    assert.equal(120, #client:till(function() return #client.events == 120 end).events)
    check_all(client, 4, 30)
    assert.equal(1, store:stats().connects)
    assert.truthy(ids[10001])
  end)

  it("goes on after SIGKILL and a restart from the append-only file", function()
    local server = redis.start "--appendonly yes"
    local store, one, client = serve(server)
    local states = states_of(store)
    local _, is_done = publish_all(one, 8, 100)
    for i = 1, net.stress and 1 or 3 do
      client:till(function() return #client.events > i * 100 end)
      server:kill "KILL"
      server:again()
      redis_stores.connected(store, i + 1)
      client:till(function() return #client.events > i * 150 end)
    end
    wait.till(is_done, "the publishes")
    check_all(client, 8, 100)
    assert.equal("up", states[#states])
    assert.is_falsy(client.ended or client.raw.eof)
  end)

  it("goes on over connections that are cut in the middle of replies", function()
    local server = redis.start("", true)
    between = relay.start(server.port)
    local _, one, client = serve(server, { url = "redis://127.0.0.1:" .. between.port })
    local _, is_done = publish_all(one, 8, 100)
    local cuts = 0
    wait.till(function()
      client:take()
      if #client.events > cuts * 80 then
        cuts = cuts + 1
        for _, pair in ipairs(between.pairs) do
          if not pair.closed then pair.down.held = pair.down.held:sub(1, -2) end
        end
        between:cut_all()
      end
      return is_done()
    end, "the publishes")
    check_all(client, 8, 100)
    assert.truthy(cuts > 5)
  end)

  it("adds an event once whose result was lost, and which a slow server does late", function()
    local server = redis.start("", true)
    between = relay.start(server.port)
    local url = "redis://127.0.0.1:" .. between.port
    local store, one, client, prefix = serve(server, { url = url, queue = 10 })
    for _, pair in ipairs(between.pairs) do pair.down.blocked = true end -- results are lost
    local id
    task.spawn(function() id = one:publish "once" end)
    local log = other(server, one, prefix)
    wait.till(function() return stores.read(log, 0).head == 2 end, "the event to be added")
    between:cut_all()
    wait.till(function() return id end, "the result")
    assert.equal("2", id:match "%d+$")
    assert.equal("once", client:till_data "once":text())
    -- Now the server gets the first copy after the second one.
    for _, pair in ipairs(between.pairs) do pair.up.blocked = true end
    id = nil
    task.spawn(function() id = one:publish "late" end)
    local held
    wait.till(function()
      for _, pair in ipairs(between.pairs) do
        if not pair.closed and pair.up.held:find "late" then
          held, pair.closed = pair.up, true
        end
      end
      return held
    end, "the first copy")
    held.from:close() -- the store sees the end; the server does not yet
    redis_stores.connected(store, 3)
    wait.till(function() return id end, "the result")
    assert.equal("3", id:match "%d+$")
    held.to:settimeout(5)
    assert(held.to:send(held.held))
    local said = ""
    while not said:find "FENCED" do said = said .. assert(held.to:receive(1)) end
    held.to:close()
    wait.till(function()
      local open = 0
      for _, pair in ipairs(between.pairs) do
        pair.up.blocked = nil
        open = open + (pair.closed and 0 or 1)
      end
      return open == 2
    end, "the old connections to end")
    assert.equal("once late", client:till_data "late":text())
    assert.equal(3, stores.read(log, 0).head)
  end)

  it("waits for a server that is stopped, with a queue", function()
    local server = redis.start()
    local store, one, client = serve(server, { queue = 100, timeout = 100, check_interval = 50 })
    server:pause()
    local ids = {}
    for i = 1, 20 do
      task.spawn(function() ids[i] = assert(one:publish { data = ("%d"):format(i) }) end)
    end
    wait.till(function() return store:stats().losses > 0 end, "the loss")
    assert.equal("no answer within 100 ms", store.on_state or "no answer within 100 ms")
    server:go_on()
    wait.till(function() return #ids == 20 end, "the results")
    assert.equal(following.numbers(1, 20), client:till_data "20":text())
  end)

  it("tells publishers of a server that is stopped", function()
    local server = redis.start()
    local store, one, client = serve(server, { timeout = 100, check_interval = 50 })
    local states = states_of(store)
    server:pause()
    local id, message, code = one:publish "x"
    assert.same({ nil, "ESTORE" }, { id, code })
    assert.truthy(message:find "whether the event was added is not known", message)
    id, message, code = one:publish "y"
    assert.same({ nil, "redis: no connection within 100 ms", "ESTORE" }, { id, message, code })
    assert.equal("down no answer within 100 ms", states[1])
    server:go_on()
    wait.till(function() return states[#states] == "up" end, "the server to be back")
    assert(one:publish "z")
    client:till_data "z"
    assert.truthy(client:text() == "z" or client:text() == "x z") -- it was never acknowledged
  end)

  it("tells followers that everything is lost, by a gap event", function()
    local server = redis.start()
    local _, one, client = serve(server, { check_interval = 30 })
    assert(one:publish "1")
    client:till_data "1"
    server:cli "FLUSHALL"
    client:till(function() return client.events[2] end, "the gap")
    assert.equal("1", one:publish "2":match "%d+$")
    assert.equal("1 gap:unknown 2", client:till_data "2":text())
  end)

  it("takes a log that lacks its stream, or events of it, for another one", function()
    local server = redis.start()
    local _, one, client, prefix = serve(server, { check_interval = 30 })
    server:cli(("DEL '%s{%s}:events'"):format(prefix, one.name))
    client:till(function() return client.events[1] end, "the gap")
    for i = 1, 3 do assert(one:publish(tostring(i))) end
    server:cli(("XDEL '%s{%s}:events' 2-0"):format(prefix, one.name))
    assert.equal("1", one:publish "4":match "%d+$")
    assert.equal("gap:unknown 1 2 3 gap:unknown 4", client:till_data "4":text())
  end)

  it("reads what was not announced", function()
    local server = redis.start("", true)
    between = relay.start(server.port)
    local url = "redis://127.0.0.1:" .. between.port
    local store, one, client, prefix = serve(server, { url = url, check_interval = 50 })
    between.pairs[2].down.blocked = true
    between.pairs[1].down.blocked = false
    local log = other(server, one, prefix)
    for i = 1, 3 do assert(stores.append(log, i)) end
    assert.equal("1 2 3", client:till_data "3":text())
    assert.equal("5", one:publish "4":match "%d+$")
    assert.equal("1 2 3 4", client:till_data "4":text())
    assert.equal(1, store:stats().connects)
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
    assert.same({ 10, 10 }, { number("HLEN", keys[3]), number("HLEN", keys[4]) })
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
