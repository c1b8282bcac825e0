-- A store whose news and reads come in any way, fail, or are nonsense, or that loses its log:
-- followers get each event once and in order, or a gap event.
local core = require "sse.core"
local faulty_store = require "spec.support.faulty_store"
local following = require "spec.support.following"
local memory = require "sse.store.memory"
local stores = require "spec.support.stores"
local wait = require "spec.support.wait"

local numbers = following.numbers

describe("A faulty store", function()
  local store

  before_each(function() store = faulty_store.new(memory()) end)
  after_each(following.stop)

  local function serve(options, follow) return faulty_store.serve(store, options, follow) end
  local function live(options) return faulty_store.live(store, options) end

  describe("and news:", function()
    local function other(channel)
      return store.inner:open(channel.name, { history = 100000, history_bytes = 8 << 20 })
    end

    for name, on_news in pairs {
      twice = function(_, go)
        go()
        go()
      end,
      late = function(_, go) core.timer(1, function() go() end) end,
      ["without the event"] = function(_, go) go(nil, "look") end,
    } do
      it(("%s: each event once"):format(name), function()
        local channel, client = live()
        store.on_news = on_news
        local log = other(channel)
        for i = 1, 50 do stores.append(log, i) end
        client:till_data "50"
        assert.equal(numbers(1, 50), client:text())
      end)
    end

    it("for which it can't be asked at first: each event once", function()
      local said, tries = {}, 0
      store.on_watch = function(_, go)
        tries = tries + 1
        if tries < 3 then error "no news yet" end
        go()
      end
      local channel = serve {}
      channel.on_error = function(err) said[#said + 1] = tostring(err) end
      local client = following.open()
      following.followers(channel, 1)
      wait.till(function() return tries == 3 end, "the third try")
      stores.append(other(channel), "1")
      client:till_data "1"
      assert.equal(2, #said)
      assert.truthy(said[2]:find "no news yet")
    end)

    it("in any order, and with holes: each event once", function()
      local channel, client = live()
      local held, n = nil, 0
      store.on_news = function(_, go)
        n = n + 1
        if n % 3 == 0 then
          held = go
        elseif n % 7 ~= 0 then
          go()
          if held then held() end
        end
      end
      local log = other(channel)
      for i = 1, 100 do
        stores.append(log, i)
        if i % 10 == 0 then wait.till(function() return true end) end
      end
      store.on_news = nil
      stores.append(log, 101)
      client:till_data "101"
      assert.equal(numbers(1, 101), client:text())
    end)

    it("of a hole wider than the window: by pages", function()
      local channel, client = live { history = 100000 }
      store.on_news = function() end
      local log = other(channel)
      for i = 1, 4000 do stores.append(log, i) end
      store.on_news = nil
      stores.append(log, 4001)
      client:till_data "4001"
      assert.equal(numbers(1, 4001), client:text())
    end)

    it("while each read is under way: a stream begins all the same", function()
      local channel, n = serve({}, function() return { from = "oldest" } end), 0
      local log, client = other(channel), nil
      local function append()
        n = n + 1
        stores.append(log, n)
      end
      append()
      store.on_result = function(_, go)
        if not client or not client.events[1] then append() end
        core.defer(function() go() end)
      end
      client = following.open()
      client:till(function() return client.events[1] end, "the first event")
      client:till_data(n)
      assert.equal(numbers(1, n), client:text())
    end)

    it("while a read of a log that is lost is under way: all of the new one", function()
      local channel = serve({}, function() return { from = "oldest" } end)
      following.count(channel, 1, 3)
      local log, inner = other(channel), store.inner
      local held = {}
      store.on_result = function(_, go) held[#held + 1] = go end
      local client = following.open()
      wait.till(function() return #held >= 2 end, "the stream's reads")
      stores.append(log, 4)
      stores.list[1].lose(inner, channel.name)
      stores.append(log, "a")
      store.on_news = function() end
      stores.append(log, "b")
      store.on_news, store.on_result = nil, nil
      stores.append(log, "c")
      for _, go in ipairs(held) do go() end
      client:till_data "c"
      local text = client:text()
      assert.truthy(text:find "a b c$", text)
    end)
  end)

  describe("and reads:", function()
    it("that fail are repeated, and streams stay open", function()
      local channel = serve({}, function() return { from = "oldest" } end)
      following.count(channel, 1, 3)
      local failures, said = 0, nil
      channel.on_error = function(err) said = err end
      store.on_read = function(_, go)
        failures = failures + 1
        if failures == 1 then error("a bug", 0) end
        if failures < 4 then return go and store.on_fail(go) end
        go()
      end
      store.on_fail = function(go)
        store.on_result = function(_, pass)
          store.on_result = nil
          pass(nil, "down", "EDOWN")
        end
        go()
      end
      local client = following.open()
      client:till_data "3"
      assert.equal("1 2 3", client:text())
      assert.truthy(said:find "^a bug\n")
    end)

    it("that give nonsense are told, and repeated", function()
      local channel = serve({}, function() return { from = "oldest" } end)
      following.count(channel, 1, 3)
      local list, said = {
        { "no" }, { {} }, { { epoch = "E!", first = 1, head = 3, records = {} } },
        { { epoch = "e", first = 9, head = 3, records = {} } },
        { { epoch = "e", first = 1, head = 3, records = {} } },
      }, {}
      channel.on_error = function(err) said[#said + 1] = err end
      store.on_result = function(_, go)
        local result = table.remove(list, 1)
        if result then return go(table.unpack(result)) end
        go()
      end
      local client = following.open()
      client:till_data "3"
      assert.truthy(#said >= 3)
      for _, err in ipairs(said) do assert.truthy(err:find "store: ") end
    end)

    it("of pages that fail are repeated", function()
      local channel = serve({ history = 5000 }, function() return { from = "oldest" } end)
      following.count(channel, 1, 2500)
      local n = 0
      store.on_result = function(_, go)
        n = n + 1
        if n % 4 == 3 then return go(nil, "down", "EDOWN") end
        core.defer(function()
          go()
          go()
        end)
      end
      local client = following.open()
      client:till_data "2500"
      assert.equal(numbers(1, 2500), client:text())
    end)
  end)

  describe("that has lost its log", function()
    local function lose(channel) stores.list[1].lose(store.inner, channel.name) end

    it("has each follower get a gap event, and what there is now", function()
      local channel, client = live()
      local id = channel.last_id
      assert(channel:publish "1")
      client:till_data "1"
      lose(channel)
      assert(channel:publish "2")
      assert(channel:publish "3")
      client:till_data "3"
      assert.equal("1 gap:unknown 2 3", client:text())
      assert.truthy(client.events[2].data:find(following.id(id, 2), 1, true))
      assert.equal("gap:unknown 2 3", following.open(id):all(channel))
      assert.equal("2 3", channel:publish "x" and following.open(client:last_id()):text() ~= nil
        and "2 3")
    end)

    it("while clients are replaying, goes on with the new log", function()
      local channel = serve({ history = 5000 }, function() return { from = "oldest" } end)
      following.count(channel, 1, 3000)
      local client = following.open()
      client:till(function() return #client.events > 100 end, "some events")
      lose(channel)
      local n = #client.events
      assert(channel:publish "new")
      client:till_data "new"
      assert.equal("gap:unknown new", (client:text():match "gap:unknown new$"))
      assert.truthy(#client.events >= n)
    end)

    it("is noticed where the head falls", function()
      local channel, client = live()
      for i = 1, 5 do assert(channel:publish(tostring(i))) end
      client:till_data "5"
      local data = store.inner.logs[channel.name]
      data.records[5], data.records[6], data.head = nil, nil, 4 -- a backup was put back
      data.watchers[1].on_news(nil)
      client:till(function() return client:text():find "gap:unknown first 1 2 3$" end, "a gap")
      assert(channel:publish "other 4")
      client:till_data "other 4"
    end)
  end)
end)
