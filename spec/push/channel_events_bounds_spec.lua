-- channel:events: what a slow loop gets and what a loop holds.
local collecting = require "spec.support.collecting"
local following = require "spec.support.following"
local sse = require "sse"

local collect, publish = collecting.collect, collecting.publish
local till, till_over = collecting.till, collecting.till_over

describe("the bounds of channel:events", function()
  after_each(following.stop)

  it("loses nothing that is published while it waits, whatever the history", function()
    for _, history in ipairs { 0, 1, 5 } do
      local news = following.channel { history = history }
      local list = collect(news)
      publish(news, 1, 5)
      till(list, 5)
      publish(news, 6, 6) -- before the round of the turn: it must not trim what was not read
      sse.sleep(0)
      publish(news, 7, 9)
      assert.equal("1 2 3 4 5 6 7 8 9", till(list, 9))
      news:close()
      till_over(list)
      assert.is_true(news:stats().history.events <= history)
    end
  end)

  it("gets a gap event where it is slower than the history, whatever `slow` says", function()
    for _, slow in ipairs { "close", "skip", "latest" } do
      local news = following.channel { history = 3, slow = slow }
      local gate, seen = true, {}
      local list = collect(news, { where = function() return true end }, function(ev)
        seen[#seen + 1] = ev
        while gate do sse.sleep(1) end
      end)
      local first = news:publish "1"
      till(list, 1)
      publish(news, 2, 3)
      sse.sleep(5)
      publish(news, 4, 9)
      sse.sleep(5) -- the log is trimmed to 7, 8, 9
      gate = false
      till(list, 5)
      local gap = seen[2]
      assert.same({ "sse-gap", first }, { gap.type, gap.lastEventId })
      assert.same({ lastEventId = first, reason = "slow" }, gap:json())
      assert.equal("7 8 9", table.concat(list, " ", 3))
      local stats = news:stats()
      assert.same({ 1, 5 }, { stats.gaps.slow, stats.slow.events_skipped })
      news:close()
      till_over(list)
    end
  end)

  it("leaves out superseded events where the channel keeps the latest", function()
    local news = following.channel { slow = "latest" }
    local list = collect(news)
    for i = 1, 3 do news:publish { key = "a", data = "a" .. i } end
    news:publish { key = "b", data = "b" }
    assert.equal("a3 b", till(list, 2))
    news:close()
    till_over(list)
  end)

  it("holds the bound of the log against a burst", function()
    local news = following.channel { history = 10 }
    local list = collect(news)
    publish(news, 1, 1000)
    assert.is_true(news:stats().history.events <= 10)
    local text = till(list, 2)
    assert.truthy(text:find('"reason":"slow"', 1, true), text)
    assert.equal("1000", list[#list])
    news:close()
    till_over(list)
  end)

  it("keeps its channel while a task waits in it, and no program running", function()
    local name, got = "kept by a loop", nil
    sse.spawn(function()
      for ev in sse.channel(name):events() do got = ev.data end
      got = "over"
    end)
    sse.run()
    collectgarbage()
    collectgarbage()
    local channel = sse.channel(name)
    channel:publish "x"
    sse.run()
    assert.equal("x", got)
    channel:close()
    sse.run()
    assert.equal("over", got)
  end)

  it("is collected with its place where it was dropped", function()
    local news = following.channel()
    local weak = setmetatable({}, { __mode = "v" })
    do
      local take, _, _, closing = news:events()
      weak.take, weak.closing = take, closing
    end
    collectgarbage()
    collectgarbage()
    assert.same({}, weak)
    publish(news, 1, 3)
    news:close()
    sse.sleep(0)
    assert.equal(0, news:stats().history.events)
  end)
end)
