-- Followers whose clients do not read: how they end or skip, and that other followers notice
-- nothing.
local following = require "spec.support.following"
local json = require "sse.json"
local raw = require "spec.support.raw"

local numbers = following.numbers

-- The number of places in the events' positions where some are missing without a gap event.
local function silent_gaps(client)
  local at, told, missing = nil, true, 0
  for _, event in ipairs(client.events) do
    if event.type == "sse-gap" then
      told = true
    else
      local n = tonumber(event.id:match "%d+$")
      if at and n ~= at + 1 and not (told and n > at) then missing = missing + 1 end
      at, told = n, false
    end
  end
  return missing
end

describe("channel slow", function()
  after_each(following.stop)

  -- Two followers, one that reads and one that does not.
  local function serve(options, follow)
    local news, streams, server = following.serve(options, follow)
    local reader = following.open()
    following.followers(news, 1)
    local slow = following.open(nil, { slow = true })
    following.followers(news, 2)
    return news, streams, reader, slow, server
  end

  describe("close", function()
    it("ends one that the history overtakes; the others miss nothing", function()
      local news, streams, reader, slow, server = serve { history = 5 }
      local filled = following.fill(news, streams[2])
      following.count(news, 1, 5)
      reader:till_data(5)
      assert.is_false(streams[2].closed)
      local last
      for n = 6, 100 do
        last = news:publish { data = n }
        reader:till_data(n)
      end
      assert.is_true(streams[2].closed)
      assert.equal(1, streams.slow)
      assert.equal(1, news.followers)
      assert.equal(1, news:stats().slow.followers_closed)
      assert.equal(filled + 100, #reader.events)
      assert.equal(0, silent_gaps(reader))
      slow:till_end()
      assert.is_true(slow.ended)
      assert.is_true(slow.retry >= 1000 and slow.retry <= 1500)
      assert.equal(0, silent_gaps(slow))
      local again = following.open(slow:last_id())
      again:till(function() return again:last_id() == last end)
      assert.equal("gap:expired " .. numbers(96, 100), again:text())
      assert.equal(0, server:stats().memory.pending_bytes)
    end)

    it("ends one that is more than max_lag behind", function()
      local news, streams, reader, slow = serve { max_lag = 2000 }
      following.fill(news, streams[2])
      local n = 0
      while not streams[2].closed do
        n = n + 1
        news:publish { data = n }
        reader:till_data(n)
        assert.is_true(n < 200)
      end
      assert.is_true(n > 20)
      slow:till_end()
      assert.is_true(slow.ended)
      local again = following.open(slow:last_id())
      news:publish "end"
      assert.equal(numbers(n - 10, n) .. " end", again:till_data("end"):text():match "%d+ ?.*"
        :sub(-#(numbers(n - 10, n) .. " end")))
      assert.is_nil(again:text():find "gap")
    end)

    it("never ends one that reads, however large the burst in one turn", function()
      local news, streams = following.serve { history = 10, max_lag = 300 }
      local client = following.open()
      following.followers(news, 1)
      for turn = 0, 9 do
        following.count(news, turn * 100 + 1, turn * 100 + 100, { event = ("x"):rep(turn) })
        client:till_data(turn * 100 + 100)
      end
      assert.equal(numbers(1, 1000), client:text())
      assert.is_false(streams[1].closed)
    end)

    it("never ends one for what waits for the turn's end: its head, an event of its own", function()
      local news = following.channel { history = 10 }
      following.handle(function(_, res)
        local stream = res:event_stream { retry = 7 }
        stream:follow(news)
        following.count(news, 1, 60)
        stream:send "its own"
        following.count(news, 61, 99)
      end)
      local client = following.open():till_data(99)
      assert.equal(numbers(1, 99), (client:text():gsub("its own ", "")))
      assert.equal(7, client.retry)
      assert.equal(0, news:stats().slow.followers_closed)
    end)

    it("tries a full socket once more before a burst overtakes it", function()
      local news, streams = following.serve { history = 50 }
      local client = following.open(nil, { slow = true })
      following.followers(news, 1)
      following.fill(news, streams[1], 100)
      for n = 1, 3000 do -- one turn of the loop, which does not see what the client reads
        news:publish { data = n }
        if n % 5 == 0 then client:take() end
      end
      client:till_data(3000)
      assert.equal(numbers(1, 3000), client:text():match "x (1 2 3 .*)")
      assert.is_false(streams[1].closed)
    end)

    it("does not call a follower slow whose client has gone", function()
      local news, streams = following.serve { history = 5 }
      local client = following.open()
      following.followers(news, 1)
      client.raw:reset()
      following.count(news, 1, 200) -- the server sees the end only when it writes
      raw.pump(function() return streams[1].closed end, "the stream to end")
      raw.pump(function() return streams.client end, "its reason")
      assert.equal(0, news:stats().slow.followers_closed)
      assert.equal(0, news.followers)
    end)

    it("gives a client that never reads no more than a moment to learn why", function()
      local news, streams, _, slow = serve { history = 2 }
      following.fill(news, streams[2])
      following.count(news, 1, 100)
      raw.pump(function() return streams[2].closed end, "the stream to end")
      raw.pump(function()
        slow.raw.socket:send "x"
        return select(2, slow.raw.socket:send "x") == "closed"
      end, "the connection to end")
    end)
  end)

  describe("skip", function()
    it("tells a gap, and goes on with what is held", function()
      local news, streams, reader, slow = serve { history = 5, slow = "skip" }
      following.fill(news, streams[2])
      following.count(news, 1, 100)
      reader:till_data(100)
      assert.is_false(streams[2].closed)
      local text = slow:till_data(100):text()
      assert.truthy(text:find("gap:slow " .. numbers(96, 100), 1, true), text)
      assert.equal(0, silent_gaps(slow))
      local gap
      for i, event in ipairs(slow.events) do gap = event.type == "sse-gap" and i or gap end
      assert.equal(slow.events[gap - 1].id, json.decode(slow.events[gap].data).lastEventId)
      assert.equal(select(2, text:gsub("gap:slow", "")), news:stats().gaps.slow)
      assert.is_true(news:stats().slow.events_skipped > 80)
      assert.equal("101 102", (function()
        local had = #slow.events
        following.count(news, 101, 102)
        slow:till_data(102)
        return slow.events[had + 1].data .. " " .. slow.events[had + 2].data
      end)())
    end)

    it("skips no more than max_lag asks for", function()
      local news, streams, reader, slow = serve { max_lag = 1000, slow = "skip" }
      following.fill(news, streams[2])
      following.count(news, 1, 100)
      reader:till_data(100)
      slow:till_data(100)
      local gap
      for i, event in ipairs(slow.events) do gap = event.type == "sse-gap" and i or gap end
      local kept = #slow.events - gap
      assert.is_true(kept > 10 and kept < 40, kept)
      assert.equal(numbers(101 - kept, 100), slow:text():match "gap:slow (.*)")
    end)

    it("skips nothing for one that catches up in time", function()
      local news, streams, _, slow = serve { slow = "skip" }
      following.fill(news, streams[2])
      following.count(news, 1, 100)
      slow:till_data(100)
      assert.equal(0, silent_gaps(slow))
      assert.is_nil(slow:text():find "gap")
    end)
  end)

  describe("latest", function()
    it("sends the newest event of each key alone, without a gap event", function()
      local news, streams, reader, slow = serve { history = 20, slow = "latest" }
      following.fill(news, streams[2])
      for n = 1, 200 do
        news:publish { data = n, key = n % 3 }
        reader:till_data(n)
      end
      news:publish { data = "no key" }
      local text = slow:till_data("no key"):text()
      assert.truthy(text:find "198 199 200 no key$", text)
      assert.is_nil(text:find "gap")
      assert.is_nil(text:find " 197 ")
      assert.equal(0, news:stats().gaps.slow)
    end)

    it("sends a gap event if an event was dropped that no newer one superseded", function()
      local news, streams, reader, slow = serve { history = 10, slow = "latest" }
      following.fill(news, streams[2])
      news:publish { data = "alone", key = "alone" }
      for n = 1, 50 do news:publish { data = n, key = "x" } end
      reader:till_data(50)
      assert.truthy(slow:till_data(50):text():find "gap:slow 50$")
    end)

    it("sends a client that comes back no superseded event either, and no gap event", function()
      local news = following.serve { history = 3, slow = "latest" }
      local id = news:publish { data = "first", key = "x" }
      for n = 1, 10 do news:publish { data = n, key = "x" } end
      assert.equal("10", following.open(id):all(news))
    end)

    it("is what keys are for: nothing is superseded elsewhere", function()
      for _, slow in ipairs { "close", "skip" } do
        local news = following.serve { slow = slow }
        local client = following.open()
        following.followers(news, 1)
        following.count(news, 1, 5, { key = "x" })
        assert.equal("1 2 3 4 5", client:all(news))
        client:close()
        following.stop()
      end
    end)
  end)

  it("costs memory for one frame, not for what is published", function()
    local news, streams, reader, _, server = serve { history = 50, slow = "skip" }
    following.fill(news, streams[2])
    for n = 1, 2000 do
      news:publish { data = ("y"):rep(200) .. n }
      if n % 50 == 0 then reader:till(function() return #reader.events >= n end) end
    end
    assert.is_true(streams[2].pending > 0 and streams[2].pending < 70000)
    assert.is_true(news:stats().history.bytes < 20000)
    assert.equal(2, server:stats().streams.open)
  end)
end)
