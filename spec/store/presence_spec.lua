-- channel:count(): how many streams follow a channel in all processes that share its store.
local core = require "sse.core"
local faulty_store = require "spec.support.faulty_store"
local following = require "spec.support.following"
local memory = require "sse.store.memory"
local misuse = require "spec.support.misuse"
local sse = require "sse"
local stores = require "spec.support.stores"
local wait = require "spec.support.wait"

local BOUNDS = { history = 1000, history_bytes = 8 << 20 }

local function till_count(channel, count)
  wait.till(function() return channel:count() == count end, count .. " followers")
end

-- What a log tells of the others' followers: a list.
local function heard_by(log)
  local list = {}
  log:others(function(count) list[#list + 1] = count end)
  return list
end

describe("channel:count()", function()
  after_each(following.stop)

  it("is the number of followers without a store", function()
    local channel = following.serve()
    assert.equal(0, channel:count())
    local client = following.open()
    following.followers(channel, 1)
    assert.equal(1, channel:count())
    client.raw:close()
    till_count(channel, 0)
  end)

  it("is that, too, with a store that knows nothing of followers", function()
    local store = memory()
    local inner = store.open
    function store:open(...)
      local log = inner(self, ...)
      local metatable = { __index = function(_, name)
        if name == "announce" or name == "others" then error("no field " .. name) end
        return function(_, ...) return log[name](log, ...) end
      end }
      return setmetatable({}, metatable)
    end
    local channel = following.serve { store = store }
    following.open()
    till_count(channel, 1)
  end)

  it("raises on misuse", function()
    local channel = following.channel()
    misuse.blames("call it with ':' (channel:count)", function() channel.count() end)
    misuse.blames("channel:count(", function() channel:count(1) end)
    misuse.blames('expected "follow", "leave" or "count"', function()
      channel:on("counts", print)
    end)
    misuse.blames("expected a function", function() channel:on("count", 1) end)
  end)

  it("has no others once the channel is closed", function()
    local store = memory()
    local channel = following.channel { store = store }
    store:open(channel.name, BOUNDS):announce(3)
    assert.equal(3, channel:count())
    channel:close()
    till_count(channel, 0)
  end)
end)

stores.each("channel:count()", { describe = describe, after_each = after_each }, function(made)
  local channel, other

  before_each(function()
    channel = following.serve { store = made.store() }
    other = made.again():open(channel.name, BOUNDS)
  end)
  after_each(function()
    made.close()
    following.stop()
  end)

  it("adds what other processes have told", function()
    other:announce(2)
    till_count(channel, 2)
    assert.equal(0, channel.followers)
    following.open()
    till_count(channel, 3)
    assert.equal(1, channel.followers)
    local third = made.again():open(channel.name, BOUNDS)
    third:announce(5)
    till_count(channel, 8)
    other:announce(1)
    till_count(channel, 7)
    third:close()
    till_count(channel, 2)
    other:announce(0)
    till_count(channel, 1)
  end)

  it("tells the others what this process has", function()
    local heard = heard_by(other)
    local client = following.open()
    following.open()
    wait.till(function() return heard[#heard] == 2 end, "2")
    client.raw:close()
    wait.till(function() return heard[#heard] == 1 end, "1")
    channel:close()
    wait.till(function() return heard[#heard] == 0 end, "0")
  end)

  it("goes on where the channel is closed and made again", function()
    other:announce(4)
    local heard = heard_by(other)
    following.open()
    wait.till(function() return heard[#heard] == 1 end, "1")
    channel:close()
    local again = sse.channel(channel.name, { store = made.again() })
    till_count(again, 4)
    wait.till(function() return heard[#heard] == 0 end, "0")
    again:close()
  end)

  it("is told by channel:on", function()
    local counts, calls = {}, 0
    channel:on("count", function(count)
      counts[#counts + 1] = count
      if count == 3 then error "on purpose" end
    end):on("count", function() calls = calls + 1 end)
    local raised
    channel.on_error = function(err, context) raised = context.what .. ": " .. err end
    other:announce(2)
    till_count(channel, 2)
    local client = following.open()
    till_count(channel, 3)
    wait.till(function() return raised end, "the error")
    assert.truthy(raised:find "^channel:on: .*on purpose")
    client.raw:close()
    till_count(channel, 2)
    wait.till(function() return #counts == 3 end, "the listener")
    assert.same({ 2, 3, 2 }, counts)
    assert.equal(3, calls)
  end)

  it("forgets a channel that was collected", function()
    local name = "collected " .. channel.name
    local heard = heard_by(made.again():open(name, BOUNDS))
    local store = made.again()
    local log = store:open(name, BOUNDS)
    sse.channel(name, { store = store, idle = 0 })
    log:announce(2)
    wait.till(function() return heard[#heard] == 2 end, "2")
    wait.till(function()
      collectgarbage()
      for _, one in ipairs(sse.channels()) do
        if one.name == name then return false end
      end
      return true
    end, "the channel to be collected")
    log:close()
    wait.till(function() return heard[#heard] == 0 end, "0")
  end)
end)

describe("A faulty store and channel:count():", function()
  local store, channel, reports

  before_each(function()
    store = faulty_store.new(memory())
    reports = {}
  end)
  after_each(following.stop)

  local function serve()
    channel = following.serve { store = store }
    channel.on_error = function(err, context)
      reports[#reports + 1] = context.what .. ": " .. err
    end
  end

  it("is told of a few numbers, however many come and leave", function()
    local told, changes = {}, 0
    store.on_announce = function(followers, go)
      told[#told + 1] = followers
      go()
    end
    serve()
    channel:on("follow", function() changes = changes + 1 end)
    channel:on("leave", function() changes = changes + 1 end)
    local start = core.now()
    for _ = 1, 40 do
      local client = following.open()
      client.raw:close()
    end
    wait.till(function() return changes == 80 end, "all to come and leave")
    wait.till(function() return #told > 0 and told[#told] == 0 end, "the last number")
    assert.truthy(#told <= (core.now() - start) / 200 + 2, #told)
  end)

  it("may raise", function()
    store.on_announce = function() error "no announcing" end
    serve()
    following.open()
    wait.till(function() return reports[1] end, "the report")
    assert.truthy(reports[1]:find "^store: .*no announcing")
    assert.equal(1, channel:count())
  end)

  it("may tell nonsense, and late", function()
    local go
    store.on_count = function(_, pass) go = pass end
    serve()
    for _, value in ipairs { -1, 1.5, "2", false } do
      reports = {}
      go(value)
      assert.truthy(reports[1]:find "^store: .*log:others gave .*expected a number of followers")
      assert.equal(0, channel:count())
    end
    go(3)
    assert.equal(3, channel:count())
    channel:close()
    till_count(channel, 0)
    go(4)
    assert.equal(0, channel:count())
    assert.equal(1, #reports)
  end)
end)
