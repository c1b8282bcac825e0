-- sse.redis: its options, what is wrong with a server, and how it is told.
local core = require "sse.core"
local handles = require "sse.redis.core"
local misuse = require "spec.support.misuse"
local process = require "spec.process"
local redis = require "spec.support.redis"
local redis_stores = require "spec.support.redis_stores"
local socket = require "socket"
local sse = require "sse"
local stores = require "spec.support.stores"
local task = require "sse.task"
local wait = require "spec.support.wait"

local channel, open, states_of = redis_stores.channel, redis_stores.open, redis_stores.states_of

describe("sse.redis", function()
  after_each(function()
    redis_stores.stop()
    redis.stop()
  end)

  it("raises on misuse", function()
    local blames = misuse.blames
    blames("sse.redis: expected a URL", function() sse.redis() end)
    blames("sse.redis: expected a URL", function() sse.redis "localhost" end)
    blames("sse.redis: expected a URL", function() sse.redis "redis://a/b" end)
    blames("sse.redis: expected a URL", function() sse.redis "redis://a:b:1" end)
    blames("sse.redis: expected a URL", function() sse.redis "unix://" end)
    blames("sse.redis: expected a URL", function() sse.redis { 5 } end)
    blames("got string \"http://u:...@h\"", function() sse.redis "http://u:secret@h" end)
    for shown, url in pairs { ["u:...@h"] = "u:secret@h", ["http://u:...@h"] = "http://u:secr@et@h",
      ["redis:/:...@h"] = "redis:/:secret@h", ["redis://u:...@h"] = "redis://u:sec/ret@h" } do
      blames(("got string %q"):format(shown), function() sse.redis(url) end)
    end
    for _, url in ipairs { "redis://a/99999999999999999999", "unix:///a?db=99999999999999999999",
      "redis://a%00b", "unix:///a%00b" } do
      blames("expected a URL", function() sse.redis(url) end)
    end
    blames("server 1: expected a URL, got nil", function() sse.redis { nil, "redis://b" } end)
    blames("unknown option 'que'", function() sse.redis("redis://a", { que = 1 }) end)
    blames("option 'prefix' must be", function() sse.redis { prefix = "a{" } end)
    blames("option 'port' must be", function() sse.redis { port = 0 } end)
    for _, port in ipairs { "70000", "0", "99999999999999999999" } do
      blames("the URL's port", function() sse.redis("redis://a:" .. port) end)
    end
    blames("option 'user' needs 'password'", function() sse.redis { user = "u" } end)
    blames("goes with neither", function() sse.redis("unix:///a", { port = 1 }) end)
    blames("one argument too many", function() sse.redis("redis://a", {}, 1) end)
    local store = open "redis://a"
    blames("on_state must be a function or nil", function() store.on_state = 1 end)
    blames("field 'onstate' of a store is not to be written", function() store.onstate = 1 end)
  end)

  it("counts commands and bytes", function()
    local store = open(redis.shared().url, { prefix = redis.prefix() })
    local one = channel(store)
    assert(one:publish "x")
    local before = store:stats()
    assert(one:publish(("x"):rep(10000)))
    local stats = store:stats()
    assert.is_true(stats.commands > before.commands)
    assert.is_true(stats.bytes_sent - before.bytes_sent > 10000)
    assert.is_true(stats.bytes_received > before.bytes_received)
  end)

  describe("connects", function()
    local function check(...)
      local store = open(...)
      local states, one = states_of(store), channel(store)
      local id = assert(one:publish "x")
      assert.equal("1", id:match "%d+$")
      assert.same({ "up" }, states)
      assert.equal(1, store:stats().connects)
    end

    it("over a Unix socket", function()
      local server = redis.shared()
      check(server.url, { prefix = redis.prefix() })
      check { unix_socket = server.path, prefix = redis.prefix() }
      check { server.url .. "?db=3", prefix = redis.prefix() }
      assert.truthy(server:cli "-n 3 KEYS '*'" :find "events")
    end)

    it("over TCP, by an address or a name", function()
      local server = redis.start("", true)
      check(("redis://127.0.0.1:%d/2"):format(server.port))
      local name = socket.dns.toip "localhost" and "localhost" or "127.0.0.1"
      check(("redis://%s:%d"):format(name, server.port), { database = 1 })
      check { host = name, port = server.port, prefix = "other:" }
      check { port = server.port + 0.0, database = 3.0, expire = 1000.5 }
      check { port = server.port, database = 4, expire = 1e300 }
    end)

    it("by the second address of a name whose first one does not answer", function()
      local server, full = redis.start("", true), assert(socket.tcp4())
      local waiting = {}
      assert(full:bind("127.0.0.2", server.port))
      assert(full:listen(0))
      for i = 1, 4 do -- takes no connection any more
        waiting[i] = assert(socket.tcp4())
        waiting[i]:settimeout(0)
        waiting[i]:connect("127.0.0.2", server.port)
      end
      local right = handles.resolve
      finally(function()
        handles.resolve = right
        full:close()
        for _, one in ipairs(waiting) do one:close() end
      end)
      function handles.resolve(name)
        local lookup = assert(right "127.0.0.1")
        assert.equal("two.invalid", name)
        return { fd = function() return lookup:fd() end, close = function() lookup:close() end,
          take = function() return lookup:take() and { "127.0.0.2", "127.0.0.1" } end }
      end
      check(("redis://two.invalid:%d"):format(server.port), { connect_timeout = 1000 })
    end)

    it("with a user and a password", function()
      local server = redis.start("--requirepass 'the word' --user alice on '>a@b' '~*' '&*' +@all",
        true)
      check { ("redis://:the%%20word@127.0.0.1:%d"):format(server.port) }
      check(("redis://alice:a%%40b@127.0.0.1:%d/1"):format(server.port))
      check { unix_socket = server.path, user = "alice", password = "a@b", database = 2 }
    end)
  end)

  describe("tells by publish and on_state", function()
    local function check(message, ...)
      local store = open(...)
      local states, one = states_of(store), channel(store)
      local got = { one:publish "x" }
      assert.same({ nil, "ESTORE" }, { got[1], got[3] })
      assert.truthy(got[2]:find("redis: .*" .. message), got[2])
      local why = got[2]:match "^redis: (.*) %[docs/errors.md#estore%]$"
      assert.same({ ("down %s"):format(why) }, states)
      assert.equal(1, store:stats().failures)
      return store, one, states
    end

    it("that nobody is there, until somebody is", function()
      local server = redis.start()
      server:kill "KILL"
      local store, one, states = check("/socket: Connection refused", server.url)
      server:again()
      wait.till(function() return states[2] end, "the store to be up")
      assert.equal("up", states[2])
      assert(one:publish "x")
      assert.equal(1, store:stats().connects)
    end)

    it("that nobody is there, to a callback that publishes again and again", function()
      local store, one = check("here: No such file", "unix:///nobody/is/here", { queue = 0 })
      for _ = 1, 2 do
        local count = 0
        one.on_error = function()
          count = count + 1
          if count < 1000 then one:publish "x" end
        end
        core.defer(function() one:publish "x" end)
        wait.till(function() return count == 1000 end, "the failures")
        store:close() -- and once more, where it is closed
      end
    end)

    it("a name that nobody has", function()
      check("nosuch.invalid:6379: ", "redis://nosuch.invalid")
    end)

    it("a wrong password, or none", function()
      local server = redis.start "--requirepass word"
      check("WRONGPASS", server.url, { password = "other" })
      check("NOAUTH", server.url)
    end)

    it("that it knows no passwords, without the password", function()
      local server = redis.start("--rename-command AUTH ''")
      local store = check("unknown command .AUTH.", server.url, { password = "secret" })
      assert.is_nil(select(2, stores.append(store:open("a", { history = 1 }), "x")):find "secret")
    end)

    it("a database that is not there", function()
      check("DB index", redis.shared().url, { database = 99 })
    end)

    it("a user who may not subscribe", function()
      local server = redis.start "--user alice on '>a' '~*' resetchannels +@all"
      local store = open { unix_socket = server.path, user = "alice", password = "a" }
      local states, one = states_of(store), channel(store)
      -- It is in the log, and can't be announced. The connections are lost for that, perhaps first.
      local id, _, code = one:publish "x"
      assert.truthy(id or code == "ESTORE")
      wait.till(function() return states[2] end, "the state")
      local why = states[2]
      assert.truthy(why:find "NOPERM .* channel" or why:find "can't publish to the channel", why)
    end)

    it("a read-only replica", function()
      local server = redis.start("", true)
      local replica = redis.start(("--replicaof 127.0.0.1 %d"):format(server.port))
      wait.till(function() return replica:cli "INFO replication" :find "link_status:up" end,
        "replication")
      local store = open(replica.url)
      local states, one = states_of(store), channel(store)
      task.spawn(function() one:publish "x" end)
      wait.till(function() return states[2] end, "the state")
      assert.truthy(states[2]:find "READONLY", states[2])
      assert.is_true(store:stats().connects > 0)
    end)

    it("memory that is full", function()
      local server = redis.start "--maxmemory 2mb --maxmemory-policy noeviction"
      local one = channel(open(server.url), { history = 1e6, history_bytes = 1 << 30 })
      local id, message, code
      repeat id, message, code = one:publish(("x"):rep(10000)) until not id
      assert.equal("ESTORE", code)
      assert.truthy(message:find "^redis: OOM", message)
    end)
  end)

  it("refuses what is too large", function()
    local one = channel(open(redis.shared().url, { prefix = redis.prefix() }),
      { history_bytes = 1 << 30 })
    assert.equal("ETOOBIG", select(3, one:publish(("x"):rep(33 << 20))))
    assert.equal("ETOOBIG", select(3, one:publish { data = "x", meta = ("x"):rep(33 << 20) }))
    assert(one:publish(("x"):rep(1 << 20)))
  end)

  it("closes once what was published has its result", function()
    local store = open(redis.shared().url, { prefix = redis.prefix() })
    local log, got = store:open("closing", { history = 10, history_bytes = 1000 }), {}
    for i = 1, 3 do
      log:append({ event = stores.event(i) }, function(position) got[i] = position end)
    end
    store:close()
    assert.equal("ECLOSED", select(3, stores.append(log, "late")))
    wait.till(function() return got[3] end, "the results")
    assert.same({ 1, 2, 3 }, got)
    assert.same({}, store:stats())
  end)

  it("is closed when it is collected", function()
    local before = wait.fds()
    do
      local store = redis_stores.open_used(redis.shared().url)
      assert.equal(before + 2, wait.fds())
      assert(store)
    end
    redis_stores.forget()
    wait.collect()
    assert.equal(before, wait.fds())
  end)

  it("keeps the loop running for what waits, and for nothing else", function()
    local store = redis_stores.open_used(redis.shared().url, { prefix = redis.prefix() })
    local one, id = channel(store), nil
    sse.spawn(function() id = one:publish "x" end)
    wait.idle()
    assert.truthy(id)
  end)

  describe("with a queue", function()
    it("keeps what is published while the server is away, in order, up to a bound", function()
      local server = redis.start "--appendonly yes --appendfsync always"
      local store = open(server.url, { queue = 3 })
      local states, one, got = states_of(store), channel(store), {}
      assert(one:publish "0")
      server:kill "KILL"
      wait.till(function() return states[2] end, "the loss")
      for i = 1, 4 do task.spawn(function() got[i] = { one:publish(tostring(i)) } end) end
      wait.till(function() return got[4] end, "the refusal")
      assert.same({ nil, "redis: 3 events wait for the server already", "EFULL" }, got[4])
      assert.is_nil(got[1])
      server:again()
      wait.till(function() return got[1] and got[2] and got[3] end, "the results")
      for i = 1, 3 do assert.equal(tostring(i + 1), got[i][1]:match "%d+$") end
      assert.equal(3, store:stats().failures == 1 and 3)
    end)
  end)

  it("is of no use to a forked child, which leaves it to its parent", function()
    local store = redis_stores.open_used(redis.shared().url, { prefix = redis.prefix() })
    local one = channel(store)
    assert(one:publish "x")
    local id = process.fork()
    if id == 0 then
      local ok, _, message, code = pcall(one.publish, one, "y")
      local is_clear = ok and code == "ECLOSED"
        and message:find "the store is the parent process's; make one in this process"
      process.exit(is_clear and next(store:stats()) == nil and 0 or 1)
    end
    assert.equal(0, wait.till(function() return process.ended(id) end, "the child's end"))
    assert.equal("2", one:publish "z":match "%d+$")
    assert.equal(1, store:stats().connects)
  end)
end)
