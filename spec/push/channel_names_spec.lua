-- Channels by name: which channel a name gives, and for how long the process keeps one and what it
-- holds.
local following = require "spec.support.following"
local misuse = require "spec.support.misuse"
local raw = require "spec.support.raw"
local sse = require "sse"
local wait = require "spec.support.wait"

local blames = misuse.blames
local number = 0

local function new_name()
  number = number + 1
  return "named " .. number
end

-- The number of events that the channel of that name holds.
local function held(name, options)
  wait.collect()
  return sse.channel(name, options):stats().history.events
end

describe("a channel's name", function()
  after_each(following.stop)

  it("gives the one there is, also with the same options", function()
    local name, options = new_name(), {
      history = 10, history_bytes = 1000, max_age = 5000, idle = 60000, slow = "skip",
      max_lag = 100, gap_event = "gap",
    }
    local channel = sse.channel(name, options)
    assert.equal(channel, sse.channel(name, options))
    assert.equal(channel, sse.channel(name, { slow = "skip" }))
    assert.equal(channel, sse.channel(name, { history = 10.0 }))
    assert.equal(channel, sse.channel(name))
    channel:close()
    local plain = sse.channel(name)
    assert.not_equal(channel, plain)
    assert.equal(plain, sse.channel(name, { history = 1000, slow = "close" }))
    assert.equal(plain, sse.channel(name, { gap_event = "sse-gap" }))
    plain:close()
  end)

  it("raises at the caller's line where an option is another", function()
    local name = new_name()
    local channel = sse.channel(name, { history = 10 })
    for option, value in pairs {
      history = 11, history_bytes = 1, max_age = 1, idle = 1, slow = "latest", max_lag = 1,
      gap_event = "gap",
    } do
      blames("with another '" .. option .. "', ",
        function() sse.channel(name, { [option] = value }) end)
    end
    blames("with another 'history', 10 (leave the option out, or close the channel first)",
      function() sse.channel(name, { history = 1000 }) end)
    blames("unknown option 'histroy'", function() sse.channel(name, { histroy = 10 }) end)
    channel:close()
  end)

  it("gives a second client of a handler the channel of the first", function()
    local name = new_name()
    following.handle(function(_, res)
      local channel = sse.channel(name, { history = 5 })
      res:event_stream():follow(channel)
      channel:publish "joined"
    end)
    local first, second = following.open(), following.open()
    first:till(function() return #first.events == 2 end)
    second:till(function() return #second.events == 1 end)
    sse.channel(name):close()
  end)
end)

describe("a channel that nobody refers to", function()
  after_each(following.stop)

  it("keeps what it holds", function()
    local name = new_name()
    sse.channel(name):publish "x"
    assert.equal(1, held(name))
    sse.channel(name):close()
  end)

  it("is dropped when it was idle for long enough", function()
    local name = new_name()
    sse.channel(name, { idle = 30 }):publish "x"
    raw.pump(function() return held(name) == 0 end, "the channel's end")
    sse.channel(name):close()
  end)

  it("is not dropped while it is published to", function()
    local name = new_name()
    local began = sse.now()
    sse.channel(name, { idle = 100 }):publish "x"
    while sse.now() - began < 300 do
      wait.past(5)
      sse.channel(name):publish "x"
    end
    assert.is_true(held(name) > 10)
    sse.channel(name):close()
  end)

  it("is not dropped while it holds an event younger than max_age", function()
    local name = new_name()
    sse.channel(name, { idle = 1, max_age = 400 }):publish "x"
    local began = sse.now()
    raw.pump(function() return held(name) == 0 end, "the channel's end")
    assert.is_true(sse.now() - began >= 395)
    sse.channel(name):close()
  end)

  it("is not dropped while it has followers, and then idles", function()
    local name = new_name()
    following.handle(function(_, res)
      res:event_stream():follow(sse.channel(name, { idle = 30 }))
    end)
    local client = following.open()
    raw.pump(function() return sse.channel(name).followers == 1 end, "a follower")
    wait.past(60)
    wait.collect()
    sse.channel(name):publish "x"
    client:till_data "x"
    client:close()
    raw.pump(function() return held(name) == 0 end, "the channel's end")
    sse.channel(name):close()
  end)

  it("stays where the program refers to it, and is kept again when it is used", function()
    local name = new_name()
    local channel = sse.channel(name, { idle = 20 })
    channel:publish "x"
    wait.past(50)
    wait.collect()
    assert.equal(1, channel:stats().history.events)
    channel:publish "y"
    channel = nil
    assert.is_nil(channel)
    assert.equal(2, held(name))
    raw.pump(function() return held(name) == 0 end, "the channel's end")
    sse.channel(name):close()
  end)

  it("with idle = 0 is dropped at once", function()
    local name = new_name()
    sse.channel(name, { idle = 0 }):publish "x"
    raw.pump(function() return held(name) == 0 end, "the channel's end")
    sse.channel(name):close()
  end)

  it("keeps no loop running", function()
    sse.channel(new_name()):publish "x"
    sse.run()
  end)
end)
