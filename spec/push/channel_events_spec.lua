-- channel:events: a loop within the process over a channel's events.
local collecting = require "spec.support.collecting"
local core = require "sse.core"
local following = require "spec.support.following"
local misuse = require "spec.support.misuse"
local sse = require "sse"
local wait = require "spec.support.wait"

local blames = misuse.blames
local collect, publish = collecting.collect, collecting.publish
local till, till_over = collecting.till, collecting.till_over

describe("channel:events", function()
  after_each(following.stop)

  it("gives what is published, as a client's events", function()
    local news, seen = following.channel(), nil
    local list = collect(news, nil, function(ev) seen = ev end)
    local id = news:publish { event = "tick", data = { x = 1 } }
    assert.equal('{"x":1}', till(list, 1))
    assert.same({ "tick", id, "", 1 }, { seen.type, seen.lastEventId, seen.origin, seen:json().x })
    news:publish { id = "own", data = "two\nlines" }
    till(list, 2)
    assert.same({ "message", "own", "two\nlines" }, { seen.type, seen.lastEventId, seen.data })
    assert.is_nil(list.over)
    news:close()
    till_over(list)
  end)

  it("begins where `from` says, at the call", function()
    local news = following.channel()
    publish(news, 1, 3)
    local lists = {
      collect(news), collect(news, { from = "newest" }), collect(news, { from = "oldest" }),
      collect(news, { from = 2 }), collect(news, { from = 0 }), collect(news, { from = 99 }),
    }
    local begun, _, _, closing = news:events()
    publish(news, 4, 4)
    news:close()
    local got = {}
    for i, list in ipairs(lists) do got[i] = till_over(list) end
    assert.same({ "4", "4", "1 2 3 4", "2 3 4", "4", "1 2 3 4" }, got)
    assert.equal("4", begun().data)
    assert.is_nil(begun())
    closing:close()
  end)

  it("asks `where`, whose error comes out of the loop", function()
    local news, asked = following.channel(), {}
    local list = collect(news, { where = function(ev)
      asked[#asked + 1] = ev
      return ev.data ~= "2"
    end })
    publish(news, 1, 3)
    assert.equal("1 3", till(list, 2))
    assert.same({ id = news.last_id, event = "message", data = "3" }, asked[3])
    local ok, err = pcall(function()
      for _ in news:events { from = 1, where = function() error("oh", 0) end } do break end
    end)
    assert.same({ false, "oh" }, { ok, err })
    news:close()
    till_over(list)
  end)

  it("pumps the loop outside of a task", function()
    local news, got = following.channel(), {}
    sse.after(1, function() publish(news, 1, 2) end)
    sse.after(5, function()
      publish(news, 3, 3)
      news:close()
    end)
    for ev in news:events() do got[#got + 1] = ev.data end
    assert.equal("1 2 3", table.concat(got, " "))
  end)

  it("says so where nothing is left that could publish, or in a callback", function()
    local news = following.channel()
    blames("channel:events: nothing is left that could end this wait", function()
      for _ in news:events() do break end
    end)
    local ok, message
    core.timer(0, function() ok, message = pcall(news:events()) end)
    wait.till(function() return ok ~= nil end, "the callback")
    assert.is_false(ok)
    assert.matches("a callback can't wait", message)
    assert.equal(0, news:stats().followers)
  end)

  it("has everything that was published before the close, and ends", function()
    local news = following.channel()
    local list = collect(news, { from = "oldest" }, function() sse.sleep(1) end)
    publish(news, 1, 5)
    news:close()
    assert.equal("1 2 3 4 5", till_over(list))
    assert.equal("", till_over(collect(news, { from = "oldest" })))
    assert.equal(0, news:stats().history.events)
  end)

  it("can be left, and then holds nothing", function()
    local news = following.channel()
    local list = collect(news, nil, function() return true end)
    publish(news, 1, 2)
    assert.equal("1", till_over(list))
    sse.sleep(0)
    local failed = collect(news, nil, function() return true end)
    local co = coroutine.create(function()
      for ev in news:events { from = 1 } do coroutine.yield(ev.data) end
    end)
    assert.same({ true, "2" }, { coroutine.resume(co) })
    assert.is_true(coroutine.close(co))
    news:close()
    till_over(failed)
    sse.sleep(0)
    assert.equal(0, news:stats().history.events)
  end)

  it("ends for who waits, where its closing value is closed", function()
    local news, over = following.channel(), 0
    local take, _, _, closing = news:events()
    for _ = 1, 2 do
      sse.spawn(function()
        assert(take() == nil)
        over = over + 1
      end)
    end
    sse.sleep(0)
    closing:close()
    assert.equal(2, over)
    closing:close()
    assert.is_nil(take())
  end)

  it("is shared by tasks: each event goes to one", function()
    local news, got, over = following.channel(), {}, 0
    local take = news:events()
    for i = 1, 3 do
      sse.spawn(function()
        for ev in take do
          got[#got + 1] = ev.data
          sse.sleep(i)
        end
        over = over + 1
      end)
    end
    sse.sleep(0)
    publish(news, 1, 6)
    news:close()
    wait.till(function() return over == 3 end, "the tasks")
    table.sort(got)
    assert.equal("1 2 3 4 5 6", table.concat(got, " "))
  end)

  it("is no follower, and stands beside those there are", function()
    local news = following.serve()
    local client = following.open()
    following.followers(news, 1)
    local joined = 0
    news:on("follow", function() joined = joined + 1 end)
    local list = collect(news)
    publish(news, 1, 3)
    assert.equal("1 2 3", till(list, 3))
    wait.till(function() return news:stats().events.delivered == 3 end, "the follower's events")
    assert.same({ 1, 0 }, { news.followers, joined })
    client:till_data "3"
    news:close()
    till_over(list)
  end)

  it("may publish, close and follow within the loop", function()
    local news, other = following.channel(), following.channel { history = 0 }
    local echo = collect(other)
    local list = collect(news, nil, function(ev)
      other:publish("echo " .. ev.data)
      if ev.data == "1" then news:publish "2" end
      if ev.data == "2" then
        news:close()
        other:close()
      end
    end)
    news:publish "1"
    assert.equal("1 2", till_over(list))
    assert.equal("echo 1 echo 2", till_over(echo))
  end)

  it("raises misuse at the caller's line", function()
    local news = following.channel()
    blames("call it with ':' (channel:events)", function() news.events() end)
    blames("channel:events: option 'from' must be \"newest\", \"oldest\" or a whole number",
      function() news:events { from = "x" } end)
    blames("option 'where' must be function", function() news:events { where = 1 } end)
    blames("unknown option 'filter'", function() news:events { filter = print } end)
    blames("expected a table of options", function() news:events "tick" end)
    blames("one argument too many", function() news:events({}, 1) end)
  end)
end)
