-- Publishes that go from a task into a store's queue by C alone (csrc/wire/direct.h).
local child = require "spec.support.child"
local databases = require "spec.support.databases"
local following = require "spec.support.following"
local process = require "spec.process"
local redis = require "spec.support.redis"
local redis_stores = require "spec.support.redis_stores"
local sse = require "sse"
local stores = require "spec.support.stores"
local wait = require "spec.support.wait"
local window = require "sse.store.window"

local channel = databases.channel

-- Each with `open()` -> a store that has its descriptors; `close()`; `text()`, how a program makes
-- one; `added`, which of its numbers tells of what was added.
local kinds = {
  { name = "SQLite", close = databases.close, added = "commits",
    open = function() return databases.open_used(databases.path()) end,
    text = function() return ("sse.sqlite(%q)"):format(databases.path()) end },
  { name = "Redis", close = redis_stores.close, added = "appends",
    open = function()
      return redis_stores.open_used(redis.shared().url, { prefix = redis.prefix() })
    end,
    text = function()
      return ("sse.redis(%q, { prefix = %q })"):format(redis.shared().url, redis.prefix())
    end },
}

for _, kind in ipairs(kinds) do describe("A publish in a task, with " .. kind.name, function()
  local store, one

  -- The log of the channel; log:append is counted, and called for publishes that need Lua.
  local by_lua
  local function count_lua()
    local log = window.of(one).log
    local append = log.append
    by_lua = 0
    log.append = function(...)
      by_lua = by_lua + 1
      return append(...)
    end
  end

  before_each(function()
    store = kind.open()
    one = channel(store)
    count_lua()
  end)
  after_each(function()
    child.stop()
    following.stop()
    kind.close()
  end)

  local function records() return stores.read(window.of(one).log, 0).records end

  -- Calls behind(task) right behind the first wait of a task that runs fn.
  local function wait_and(fn, behind)
    local waiting = sse.spawn(fn)
    sse.spawn(function() behind(waiting) end):wait()
  end

  local function publishing(n)
    wait.till(function() return one:stats().events.published == n end, "the publishes")
  end

  it("gives the event's id, or the publisher's, or the one held already", function()
    local got = {}
    sse.spawn(function()
      got[1] = one:publish "1"
      got[2] = one:publish { data = "2", id = "own", dedupe = "a" }
      got[3] = one:publish { data = "3", id = "another", dedupe = "a" }
      got[4] = one:publish { data = "4", dedupe = "b", key = "k" }
      got[5] = one:publish { data = "5", dedupe = "b" }
      got[6] = table.pack(one:publish { data = "6", id = "own" })
    end):wait()
    local epoch = got[1]:match "^(%x+)-1$"
    assert.same({ "own", "own", epoch .. "-3", epoch .. "-3" }, table.move(got, 2, 5, 1, {}))
    assert.same({ n = 3, nil, "field 'id': an event with that id is held already "
      .. "[docs/errors.md#eexist]", "EEXIST" }, got[6])
    assert.equal(got[4], one.last_id)
    assert.equal(0, by_lua)
    local stats = one:stats()
    assert.same({ 3, 1, 2 }, { stats.events.published, stats.publishes.refused,
      stats.publishes.repeated })
    assert.equal("k", records()[3].key)
  end)

  it("keeps the order of the calls, whatever way they go", function()
    for i = 1, 90 do
      sse.spawn(function()
        assert(one:publish { data = tostring(i), meta = i % 3 == 0 and { i } or nil })
      end)
    end
    publishing(90)
    assert.equal(30, by_lua)
    assert.equal(following.numbers(1, 90), stores.text(records()))
  end)

  it("has its event sent before it returns", function()
    one = following.serve { store = store }
    count_lua()
    local client = following.open()
    following.followers(one, 1)
    client:till(function() return window.of(one).loaded end)
    local id, last
    sse.spawn(function()
      id = one:publish "x"
      last = one.last_id
    end):wait()
    assert.equal(id, last)
    assert.equal("x", client:till_data "x":text())
    assert.equal(id, client:last_id())
    assert.equal(0, by_lua)
  end)

  it("goes on when its task is cancelled", function()
    local returned
    wait_and(function()
      one:publish { data = "x", id = "own" }
      returned = true
    end, function(waiting) waiting:cancel() end)
    publishing(1)
    assert.is_nil(returned)
    assert.equal("own", one.last_id)
    assert.equal("x", stores.text(records()))
  end)

  it("goes on when nothing refers to its task and channel", function()
    local name = one.name
    wait_and(function() sse.channel(name):publish "x" end, function(waiting)
      waiting:cancel()
    end)
    following.stop()
    one = nil
    collectgarbage()
    collectgarbage()
    wait.till(function()
      collectgarbage()
      return store:stats()[kind.added] == 1
    end, "the event")
    one = channel(store)
  end)

  it("waits on when the program resumes the task itself", function()
    local co, got
    wait_and(function()
      co = coroutine.running()
      got = one:publish "x"
    end, function()
      assert.is_true(coroutine.resume(co, "an id", 2, 3))
      assert.is_nil(got)
    end)
    wait.till(function() return got end, "the id")
    assert.equal(one.last_id, got)
  end)

  it("passes an error of its task on, and others have their results", function()
    local got = {}
    local failing = sse.spawn(function()
      one:publish "1"
      error("a bug", 0)
    end)
    for i = 1, 3 do
      sse.spawn(function() got[i] = one:publish "x" end)
    end
    local _, message, code = failing:wait()
    assert.matches("^a bug\nstack traceback", message)
    assert.equal("ECALLBACK", code)
    wait.till(function() return got[1] and got[2] and got[3] end, "three ids")
    for _ = 1, 2 do
      sse.spawn(function()
        one:publish "2"
        error("not waited for", 0)
      end)
      local _, err = pcall(publishing, -1)
      assert.matches("^not waited for\n", err)
    end
    publishing(6)
  end)

  it("can't wait while its task is closed", function()
    local result
    wait_and(function()
      local closes <close> = setmetatable({}, { __close = function()
        result = table.pack(one:publish "closed")
      end })
      sse.sleep(1e6)
      return closes
    end, function(waiting) waiting:cancel() end)
    assert.same({ n = 1, true }, result)
    publishing(1)
  end)

  it("is waited for by channel:close", function()
    one = following.serve { store = store }
    local client = following.open()
    following.followers(one, 1)
    local got = {}
    for i = 1, 40 do
      sse.spawn(function() got[i] = one:publish(tostring(i)) end)
    end
    wait_and(function() one:close() end, function()
      assert.equal("ECLOSED", select(3, one:publish "late"))
    end)
    assert.equal(following.numbers(1, 40), client:till_end():text())
    assert.equal(40, #got)
  end)

  it("has its result when the store closes", function()
    local got = {}
    for i = 1, 40 do
      sse.spawn(function() got[i] = one:publish(tostring(i)) end)
    end
    wait_and(function() store:close() end, function()
      assert.same({ n = 3, nil, "the store is closed", "ECLOSED" },
        table.pack(one:publish "late"))
    end)
    wait.till(function() return #got == 40 end, "the ids")
  end)

  it("fails in a forked child, which leaves those of its parent alone", function()
    local got
    local id
    wait_and(function() got = table.pack(one:publish "by the parent") end, function()
      id = process.fork()
    end)
    if id == 0 then
      local ok = pcall(function()
        sse.spawn(function()
          assert.equal("ECLOSED", select(3, one:publish "by the child"))
        end):wait()
      end)
      process.exit(ok and 0 or 1)
    end
    assert.equal(0, wait.till(function() return process.ended(id) end, "the child's end"))
    wait.till(function() return got end, "the parent's id")
    assert.equal("by", stores.text(records()):sub(1, 2))
    assert.equal(1, #records())
  end)

  it("brings followers what is more than the thread tells of at once", function()
    one = following.serve({ store = store, history_bytes = 64 << 20 })
    local client = following.open()
    following.followers(one, 1)
    local data = ("x"):rep(300000)
    for i = 1, 60 do
      sse.spawn(function() assert(one:publish { event = tostring(i), data = data }) end)
    end
    publishing(60)
    local list = {}
    client:till(function() return #client.events == 60 end)
    for i, event in ipairs(client.events) do list[i] = event.type end
    assert.equal(following.numbers(1, 60), table.concat(list, " "))
  end)

  it("leaves nothing behind in a store that is closed", function()
    local program = child.script(([[
      local sse = require "sse"
      local store = %s
      sse.run(function()
        local one = sse.channel("a", { store = store })
        assert(one:publish "x")
        one:close()
        store:close()
      end)
      store = nil
      collectgarbage()
      print "over"
    ]]):format(kind.text()))
    program:till "over\n"
    assert.equal(0, program:wait())
    assert.equal("over\n", program:output())
  end)

  it("may be under way when the program ends", function()
    local program = child.script(([[
      local sse = require "sse"
      local store = %s
      local one = sse.channel("a", { store = store })
      sse.run(function()
        for i = 1, 100 do sse.spawn(function() one:publish "x" end) end
        sse.sleep(0)
        sse.stop()
      end)
      print "over"
    ]]):format(kind.text()))
    program:till "over\n"
    assert.equal(0, program:wait())
    assert.equal("over\n", program:output())
  end)
end) end
