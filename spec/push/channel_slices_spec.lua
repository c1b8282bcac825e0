-- Rounds, replay and closing leave what takes long to the next turns of the loop, whatever happens
-- between two slices.
local core = require "sse.core"
local following = require "spec.support.following"
local raw = require "spec.support.raw"
local turns = require "spec.support.turns"

local numbers = following.numbers

describe("channel slices", function()
  before_each(turns.begin)
  after_each(turns.finish)
  after_each(following.stop)

  -- Starts a server whose GET / follows channels; channels and the function of `follow` by the
  -- number of the stream. Returns the streams.
  local function serve(follow)
    local streams = {}
    following.handle(function(_, res)
      local stream = res:event_stream()
      streams[#streams + 1] = stream
      stream.on_close = function(reason) streams[reason] = (streams[reason] or 0) + 1 end
      follow(stream, #streams)
    end)
    return streams
  end

  it("flush one channel after the other", function()
    local seen, channels, clients = {}, {}, {}
    for i = 1, 4 do channels[i] = following.channel() end
    serve(function(stream, i) stream:follow(channels[i], { where = turns.noted(seen) }) end)
    for i = 1, 4 do
      clients[i] = following.open()
      following.followers(channels[i], 1)
    end
    for i = 1, 4 do channels[i]:publish(tostring(i)) end
    for i = 1, 4 do clients[i]:till_data(i) end
    turns.check(seen, 4)
  end)

  it("flush one follower after the other, and what is published meanwhile", function()
    local seen, clients = {}, {}
    local news = following.channel()
    serve(function(stream) stream:follow(news, { where = turns.noted(seen) }) end)
    for i = 1, 4 do clients[i] = following.open() end
    following.followers(news, 4)
    news:publish "1"
    raw.pump(function() return #seen >= 2 end, "half of a round")
    assert.truthy(#seen < 4, "all were served in one turn")
    news:publish "2"
    for i = 1, 4 do
      clients[i]:till_data(2)
      assert.equal("1 2", clients[i]:text())
    end
    turns.check(seen, 8)
  end)

  -- A channel with events 1 to 8, which a client reads from the oldest on with a filter that takes
  -- long; fn(channel, seen, stream) is called once it has seen three of them.
  local function replay(fn)
    local seen = {}
    local news = following.channel()
    following.count(news, 1, 8)
    local streams = serve(function(stream)
      stream:follow(news, { from = "oldest", where = turns.noted(seen) })
    end)
    local client = following.open()
    raw.pump(function() return #seen >= 3 end, "a part of the replay")
    assert.truthy(#seen < 8, "all was replayed in one turn")
    fn(news, seen, streams, client)
  end

  it("replay one event after the other", function()
    replay(function(_, seen, _, client)
      client:till_data(8)
      assert.equal(numbers(1, 8), client:text())
      turns.check(seen, 8)
    end)
  end)

  it("send what is published during a replay behind it, once", function()
    replay(function(news, seen, _, client)
      following.count(news, 9, 10)
      client:till_data(10)
      assert.equal(numbers(1, 10), client:text())
      turns.check(seen, 10)
    end)
  end)

  it("end a replay with its stream", function()
    replay(function(news, seen, streams, client)
      local before = #seen
      streams[1]:close()
      client:till_end()
      assert.equal(0, news.followers)
      assert.equal(before, #seen)
      assert.equal(numbers(1, before), client:text())
    end)
  end)

  it("end a replay with its client", function()
    replay(function(news, _, _, client)
      client:close()
      raw.pump(function() return news.followers == 0 end, "the end")
    end)
  end)

  it("finish a replay though the channel is closed", function()
    replay(function(news, seen, streams, client)
      news:close()
      client:till_end()
      assert.equal(numbers(1, 8), client:text())
      raw.pump(function() return streams.server == 1 end, "the end")
      turns.check(seen, 8)
    end)
  end)

  it("keep what a replay still needs from being trimmed", function()
    local seen = {}
    local news = following.channel { history = 4 }
    following.count(news, 1, 4)
    serve(function(stream)
      stream:follow(news, { from = "oldest", where = turns.noted(seen) })
    end)
    local client = following.open()
    raw.pump(function() return #seen >= 1 end, "a part of the replay")
    assert.truthy(#seen < 4, "all was replayed in one turn")
    following.count(news, 5, 8)
    client:till_data(8)
    assert.equal(numbers(1, 8), client:text())
    raw.pump(function() return news:stats().history.events == 4 end, "the trim")
  end)

  it("keep what one replay needs while another that began before goes on", function()
    local news = following.channel { history = 6, max_age = 400 }
    following.count(news, 1, 6)
    serve(function(stream)
      stream:follow(news, { from = "oldest", where = turns.noted {} })
    end)
    local one = following.open()
    local two = following.open()
    one:till_data(6)
    two:till_data(6)
    assert.equal(numbers(1, 6), one:text())
    assert.equal(numbers(1, 6), two:text())
    raw.pump(function() return news:stats().history.events == 0 end, "aging")
  end)

  it("close a channel's followers one after the other", function()
    local seen, clients = {}, {}
    local news = following.channel()
    local streams = serve(function(stream) stream:follow(news, { where = turns.noted(seen) }) end)
    for i = 1, 4 do clients[i] = following.open() end
    following.followers(news, 4)
    core.defer(function()
      news:publish "last"
      news:close()
    end)
    for i = 1, 4 do
      clients[i]:till_end()
      assert.equal("last", clients[i]:text())
    end
    turns.check(seen, 4)
    raw.pump(function() return streams.server == 4 end, "the ends")
    assert.equal(0, news.followers)
  end)

  it("let go of a closed channel between two slices", function()
    local seen = {}
    local news = following.channel()
    serve(function(stream) stream:follow(news, { where = turns.noted(seen) }) end)
    local clients = { following.open(), following.open(), following.open() }
    following.followers(news, 3)
    news:publish "1"
    raw.pump(function() return #seen >= 1 end, "a part of the round")
    assert.truthy(#seen < 3, "all were served in one turn")
    news:close()
    news = nil
    following.drop_references()
    collectgarbage()
    collectgarbage()
    for _, client in ipairs(clients) do
      client:till_end()
      assert.equal("1", client:text())
    end
  end)
end)
