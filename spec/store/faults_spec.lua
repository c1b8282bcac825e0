-- A store that answers appends late, out of turn, twice, with errors or never: publishers are told,
-- and followers get each event once and in order.
local core = require "sse.core"
local faulty_store = require "spec.support.faulty_store"
local following = require "spec.support.following"
local memory = require "sse.store.memory"
local raw = require "spec.support.raw"
local task = require "sse.task"
local wait = require "spec.support.wait"

describe("A faulty store", function()
  local store

  before_each(function() store = faulty_store.new(memory()) end)
  after_each(following.stop)

  local function live(options) return faulty_store.live(store, options) end

  describe("and publish:", function()
    local function held_back(name)
      local list = {}
      store[name] = function(_, go) list[#list + 1] = go end
      return list
    end

    it("waits in tasks, in the order of the calls", function()
      local channel, client = live()
      local waiting, got = held_back "on_done", {}
      for i = 1, 3 do
        task.spawn(function() got[i] = assert(channel:publish(tostring(i))) end)
      end
      wait.till(function() return #waiting == 3 end, "three appends")
      assert.same({}, got)
      for i = 3, 1, -1 do waiting[i]() end
      wait.till(function() return got[1] and got[2] and got[3] end, "three ids")
      for i = 1, 3 do assert.equal(i + 1, tonumber(got[i]:match "%d+$")) end
      assert.equal("1 2 3", client:till_data "3":text())
    end)

    it("is over where append raises, also for a channel that is closed meanwhile", function()
      local channel = live()
      store.on_append = function()
        channel:close()
        error "no"
      end
      assert.falsy(pcall(channel.publish, channel, "x"))
      local turns = 0
      wait.till(function()
        turns = turns + 1
        return turns > 20
      end, "turns")
      assert.equal(1, store.closed_logs)
    end)

    it("pumps the loop outside of tasks", function()
      local channel = live()
      store.on_done = function(_, go) core.timer(1, function() go() end) end
      assert.equal("2", channel:publish "x":match "%d+$")
    end)

    it("gives true in a callback, and a failure to on_error", function()
      local channel, client = live()
      local result, errors = nil, {}
      channel.on_error = function(err, context) errors[#errors + 1] = { err, context } end
      core.defer(function() result = { channel:publish "1" } end)
      client:till_data "1"
      assert.same({ true }, result)
      store.on_append = function() error("out of order", 0) end
      core.defer(function() result = { pcall(channel.publish, channel, "2") } end)
      wait.till(function() return result[2] == "out of order" end, "the error")
      store.on_append = nil
      store.on_done = function(_, go)
        core.defer(function() go(nil, "the disk is full", "EFULL") end)
      end
      core.defer(function() channel:publish "3" end)
      wait.till(function() return errors[1] end, "the failure")
      assert.equal("the disk is full (EFULL)", errors[1][1])
      assert.equal("publish", errors[1][2].what)
      assert.equal(channel, errors[1][2].channel)
    end)

    it("gives the store's error, and counts it", function()
      local channel = live()
      store.on_append = function() error("a bug", 0) end
      assert.same({ false, "a bug" }, { pcall(channel.publish, channel, "x") })
      store.on_append = nil
      store.on_done = function(_, go) go(nil, "down", "EDOWN") end
      assert.same({ nil, "down", "EDOWN" }, { channel:publish "x" })
      store.on_done = function(_, go) go(nil) end
      assert.same({ nil, "the store has failed", "ESYS" }, { channel:publish "x" })
      assert.equal(2, channel:stats().publishes.refused)
      store.on_done = function(_, go) go("1", "e") end
      assert.error_matches(function() channel:publish "x" end, "log:append gave")
    end)

    it("takes the first of two results", function()
      local channel, client = live()
      store.on_done = function(_, go)
        go()
        go()
        go(nil, "late", "ELATE")
      end
      assert.equal("2", channel:publish "1":match "%d+$")
      assert.equal("3", channel:publish "2":match "%d+$")
      assert.equal("1 2", client:till_data "2":text())
      assert.equal(3, channel:stats().events.published)
    end)

    it("that fails behind the append shows the event once, also when it is repeated", function()
      local channel, client = live()
      store.on_done = function(_, go) go(nil, "the store has died", "ECLOSED") end
      assert.same({ nil, "the store has died", "ECLOSED" },
        { channel:publish { data = "1", dedupe = "d" } })
      store.on_done = nil
      assert.equal("2", channel:publish { data = "1", dedupe = "d" }:match "%d+$")
      assert(channel:publish "2")
      assert.equal("1 2", client:till_data "2":text())
      assert.equal(1, channel:stats().publishes.repeated)
    end)

    it("that gets no answer holds up nobody else", function()
      local channel, client = live()
      local never = held_back "on_append"
      local over
      local stuck = task.spawn(function()
        channel:publish "never"
        over = true
      end)
      wait.till(function() return never[1] end, "the append")
      store.on_append = nil
      assert(channel:publish "1")
      client:till_data "1"
      assert.is_nil(over)
      stuck:cancel()
      never[1]()
      assert.equal("1 never", client:till_data "never":text())
    end)

    it("shows an event whose news comes late", function()
      local channel, client = live()
      store.on_news = function() end
      assert(channel:publish "1")
      assert.equal("1", client:till_data "1":text())
    end)

    it("refuses what can't be", function()
      local channel = live { history_bytes = 100 }
      assert.equal("ETOOBIG", select(3, channel:publish(("x"):rep(100))))
      assert.equal("EINVAL", select(3, channel:publish { data = "x", id = "a\nb" }))
      assert.equal("EINVAL", select(3, channel:publish { data = "x", event = "a\nb" }))
      assert.equal("EINVAL", select(3, channel:publish { data = "x",
        id = following.id(channel.last_id, 77) }))
      assert.error_matches(function() channel:publish { data = "x", meta = { [{}] = 1 } } end,
        "field 'meta'")
    end)
  end)

  describe("and close:", function()
    it("waits for publishes under way, and closes the log", function()
      local channel, client = live()
      local go
      store.on_append = function(_, go_on) go = go_on end
      local id
      task.spawn(function() id = channel:publish "1" end)
      wait.till(function() return go end, "the append")
      channel:close()
      channel:close()
      assert.is_true(channel.closed)
      assert.same({ nil, "the channel is closed", "ECLOSED" }, { channel:publish "2" })
      assert.equal(0, store.closed_logs)
      go()
      client:till_end()
      assert.equal("1", client:text())
      assert.truthy(id)
      raw.pump(function() return store.closed_logs == 1 end, "the log to be closed")
    end)

    it("of a channel that is collected closes the log", function()
      do
        local channel = require("sse.channel").new("collected", { store = store, idle = 0 })
        assert(channel:publish "1")
      end
      raw.pump(function()
        collectgarbage()
        return store.closed_logs == 1
      end, "the log to be closed")
    end)
  end)
end)
