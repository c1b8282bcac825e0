-- sse.redis when the server is killed, stopped or emptied, and when connections are cut: no
-- follower is disconnected, what was acknowledged comes once and in order, and where Redis itself
-- has lost events, a gap event says so.
local following = require "spec.support.following"
local load = require "spec.support.load"
local net = require "spec.support.net"
local raw = require "spec.support.raw"
local redis = require "spec.support.redis"
local redis_stores = require "spec.support.redis_stores"
local relay = require "spec.support.relay"
local stores = require "spec.support.stores"
local task = require "sse.task"
local wait = require "spec.support.wait"

local other, serve, states_of = redis_stores.other, redis_stores.serve, redis_stores.states_of

describe("sse.redis", function()
  local between

  after_each(function()
    redis_stores.stop()
    if between then between:close() end
    between = nil
    redis.stop()
  end)

  it("loads its scripts again where the server has forgotten them", function()
    local server = redis.start()
    local store, one, client = serve(server)
    local ids, is_done = load.start(one, 4, 30)
    wait.till(function()
      server:cli "SCRIPT FLUSH"
      return is_done()
    end, "the publishes")
    assert.equal(120, #client:till(function() return #client.events == 120 end).events)
    load.check(client, 4, 30)
    assert.equal(1, store:stats().connects)
    assert.truthy(ids[10001])
  end)

  it("goes on after SIGKILL and a restart from the append-only file", function()
    local server = redis.start "--appendonly yes --appendfsync always"
    local store, one, client = serve(server)
    local states = states_of(store)
    local _, is_done = load.start(one, 8, 100)
    for i = 1, net.stress and 1 or 3 do
      client:till(function() return #client.events > i * 100 end)
      server:kill "KILL"
      server:again()
      redis_stores.connected(store, i + 1)
      client:till(function() return #client.events > i * 150 end)
    end
    wait.till(is_done, "the publishes")
    load.check(client, 8, 100)
    assert.equal("up", states[#states])
    assert.is_falsy(client.ended or client.raw.eof)
  end)

  it("goes on over connections that are cut in the middle of replies", function()
    local server = redis.start("", true)
    between = relay.start(server.port)
    local _, one, client = serve(server, { url = "redis://127.0.0.1:" .. between.port })
    local _, is_done = load.start(one, 8, 100)
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
    load.check(client, 8, 100)
    assert.truthy(cuts > 5)
  end)

  it("has who follows get what is published next, though it asks twice where it begins", function()
    local server = redis.start("", true)
    between = relay.start(server.port)
    local prefix = redis.prefix()
    local store = redis_stores.open_used("redis://127.0.0.1:" .. between.port,
      { prefix = prefix, queue = 10 })
    local one = following.serve { history = 10000, store = store }
    assert(one:publish "before")
    local log = other(server, one, prefix)
    local sent = store:stats().commands
    between.pairs[1].down.blocked = true -- results are lost; announcements come
    local client = following.open()
    wait.till(function() return store:stats().commands > sent end, "the question")
    task.spawn(function() one:publish "next" end)
    wait.till(function() return stores.read(log, 0).head == 2 end, "the event to be added")
    between:cut_all()
    assert.equal("next", client:till_data "next":text())
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

  it("tells followers of a log that was empty what they missed while they were cut off", function()
    local server = redis.start("", true)
    between = relay.start(server.port)
    local url = "redis://127.0.0.1:" .. between.port
    local store = redis_stores.open_used(url, { check_interval = 60000 })
    local one = following.serve { store = store }
    local client = following.open()
    following.followers(one, 1)
    wait.till(function() return store:stats().reads > 2 end, "the channel to be loaded")
    local listener = between.listener
    between.listener = { accept = function() end, close = function() listener:close() end }
    between:cut_all()
    wait.till(function() return store:stats().losses == 1 end, "the loss")
    assert(stores.append(other(server, one, "sse:"), "1"))
    between.listener = listener
    client:till_data "1"
  end)

  it("takes no older event for a lost one of a log that was opened again", function()
    local server = redis.start("", true)
    between = relay.start(server.port)
    local store = redis_stores.open_used("redis://127.0.0.1:" .. between.port, { queue = 10 })
    local bounds, position = { history = 10, history_bytes = 1 << 20 }, nil
    local before = store:open("again", bounds)
    assert.equal(1, (stores.append(before, "1")))
    before:close()
    local log = store:open("again", bounds)
    assert.are_not.equal(before.shared, log.shared)
    for _, pair in ipairs(between.pairs) do pair.down.blocked = true end -- results are lost
    log:append({ event = stores.event "2" }, function(at) position = at end)
    wait.till(function() return server:cli "XLEN 'sse:{again}:events'" == "2\n" end, "the event")
    between:cut_all()
    wait.till(function() return position end, "the result")
    assert.equal(2, position)
    assert.equal("1 2", stores.text(stores.read(log, 0).records))
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
    server:go_on()
    wait.till(function() return #ids == 20 end, "the results")
    assert.equal(following.numbers(1, 20), client:till_data "20":text())
  end)

  it("leaves followers connected, who get heartbeats", function()
    local server = redis.start()
    local store = redis_stores.open_used(server.url, { timeout = 50, check_interval = 20 })
    local states, one = states_of(store), redis_stores.channel(store)
    following.handle(function(_, res) res:event_stream():follow(one) end, { heartbeat = 20 })
    local client = following.open()
    following.followers(one, 1)
    assert(one:publish "1")
    client:till_data "1"
    server:pause()
    wait.till(function() return states[1] end, "the loss")
    client:take()
    raw.pump(function()
      client.raw:take()
      return select(2, client.raw.buffer:gsub("\n:", "")) >= 3
    end, "heartbeats")
    server:go_on()
    wait.till(function() return states[#states] == "up" end, "the server to be back")
    assert(one:publish "2")
    assert.equal("1 2", client:till_data "2":text())
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
    assert.same({ nil, ("redis: %s: no connection within 100 ms [docs/errors.md#estore]")
      :format(server.path), "ESTORE" }, { id, message, code })
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
    server:cli(("XDEL '%s{%s}:events' 2-18"):format(prefix, one.name))
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
end)
