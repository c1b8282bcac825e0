-- Where functions, which choose what a follower receives, whatever they do.
local following = require "spec.support.following"
local serve = require "spec.support.filtered"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"

local numbers = following.numbers

-- Pumps the loop until on_error was called, and forgets it; returns the error and its context.
local function reported()
  raw.pump(function() return serving.errors[1] end, "on_error")
  local first = table.remove(serving.errors)
  assert.is_nil(serving.errors[1])
  return first.message, first.context
end

local function even(event) return tonumber(event.data) and event.data % 2 == 0 end

describe("channel where", function()
  after_each(following.stop)

  it("chooses by type, data and id, replayed or live", function()
    local seen = {}
    local news, state = serve(function(event)
      seen[#seen + 1] = event.event .. " " .. event.data .. " " .. event.id
      return event.data ~= "two\nlines"
    end)
    local own = news:publish { event = "tick", data = { n = 1 }, id = "own" }
    local client = following.open()
    following.followers(news, 1)
    local second = news:publish "two\nlines"
    local third = news:publish "last"
    client:till_data "last"
    assert.equal('{"n":1} last', client:text())
    assert.same({ 'tick {"n":1} ' .. own, "message two\nlines " .. second,
      "message last " .. third }, seen)
    assert.equal(3, state.calls)
    assert.equal(1, news:stats().events.filtered)
  end)

  it("may write over what it is given, which others get as it was", function()
    local news = serve(function(event)
      event.data = tonumber(event.data) + 1
      event.id, event.event = nil, event.event .. event.data
      return event.event == "message" .. event.data
    end)
    local clients = { following.open(), following.open() }
    following.followers(news, 2)
    for n = 1, 2 do
      news:publish(("%d"):format(n))
      for _, client in ipairs(clients) do client:till_data(("%d"):format(n)) end
    end
    for _, client in ipairs(clients) do assert.equal("1 2", client:text()) end
  end)

  it("is called once for each event and follower that has one", function()
    local calls, plain = {}, 0
    local news = following.channel()
    following.handle(function(req, res)
      local name = req.query.name
      if not name then
        res:event_stream():follow(news)
        plain = plain + 1
        return
      end
      res:event_stream():follow(news, { where = function(event)
        calls[name .. event.data] = (calls[name .. event.data] or 0) + 1
        return true
      end })
    end)
    local clients = { following.open(), following.open(nil, { target = "/?name=a" }),
      following.open(nil, { target = "/?name=b" }) }
    following.followers(news, 3)
    following.count(news, 1, 300)
    for _, client in ipairs(clients) do
      assert.equal(numbers(1, 300), client:till_data(300):text())
    end
    for n = 1, 300 do
      assert.equal(1, calls["a" .. n])
      assert.equal(1, calls["b" .. n])
    end
    assert.equal(1, plain)
  end)

  it("resumes behind what was chosen, and asks for the rest again", function()
    local news = serve(even)
    following.count(news, 1, 9)
    local client = following.open():till_data(8)
    assert.equal("2 4 6 8", client:text())
    local again = following.open(client.events[2].id)
    assert.equal("6 8", again:till_data(8):text())
  end)

  it("goes on past any number of events that nobody wants", function()
    local news, state = serve(function(event) return event.data == "end" end, { history = 20000 })
    following.count(news, 1, 9000)
    local client = following.open()
    news:publish "end"
    assert.equal("end", client:till_data("end"):text())
    assert.equal(9001, state.calls)
  end)

  it("keeps up with a burst larger than the history", function()
    local news, state = serve(even, { history = 5 })
    local client = following.open()
    following.followers(news, 1)
    following.count(news, 1, 3000)
    client:till_data(3000)
    assert.equal(1500, #client.events)
    assert.equal(3000, state.calls)
    assert.equal(0, news:stats().slow.followers_closed)
  end)

  it("works with several channels", function()
    local a, b = following.channel(), following.channel()
    following.handle(function(_, res)
      res:event_stream():follow(a, b, { where = even, from = "oldest" })
    end)
    following.count(a, 1, 4)
    following.count(b, 11, 14)
    local client = following.open()
    client:till(function() return #client.events == 4 end)
    local seen = { {}, {} } -- channels come in any order, the events of one in theirs
    for _, event in ipairs(client.events) do
      local n = tonumber(event.data)
      table.insert(seen[n > 10 and 2 or 1], n)
    end
    assert.same({ { 2, 4 }, { 12, 14 } }, seen)
    local again = following.open(client.events[3].id)
    again:till(function() return #again.events == 1 end)
    assert.equal(client.events[4].data, again:text())
  end)

  describe("an error", function()
    it("ends that stream alone, and goes to on_error", function()
      local news, state = serve(function(event)
        if event.data == "2" then error "no idea" end
        return true
      end)
      local client = following.open()
      following.followers(news, 1)
      following.count(news, 1, 1)
      client:till_data(1)
      following.count(news, 2, 3)
      local err, context = reported()
      assert.matches("channel_where_spec.lua:%d+: no idea\nstack traceback:", err)
      assert.same({ what = "where", stream = state.stream, channel = news }, context)
      client:till_end()
      assert.is_false(client.ended)
      raw.pump(function() return state.reason end, "on_close")
      assert.equal("error", state.reason)
      assert.equal("1", client:text())
      assert.equal(0, news.followers)
    end)

    it("while its handler runs makes a 500 of it", function()
      local news, state = serve(function() error "no idea" end)
      news:publish "x"
      local client = following.open(nil, { slow = true })
      assert.matches("no idea", reported())
      assert.equal(500, client.raw:head().status)
      raw.pump(function() return state.reason end, "on_close")
      assert.equal("error", state.reason)
    end)

    it("comes of publishing to the channel, or closing it", function()
      for _, act in ipairs { "publish", "close" } do
        local news, state = serve(function(event, s)
          local argument = act == "publish" and "x" or nil
          if event.data == "go" then s.channel[act](s.channel, argument) end
          return true
        end)
        local client = following.open()
        following.followers(news, 1)
        news:publish "go"
        assert.matches("a where function can't", reported())
        raw.pump(function() return state.reason end, "on_close")
        assert.equal("error", state.reason)
        assert.is_false(news.closed)
        client:close()
        following.stop()
      end
    end)
  end)

  it("is released with its last follower", function()
    local held = setmetatable({}, { __mode = "v" })
    local news = following.channel()
    following.handle(function(_, res)
      local thing = { "x" }
      held.thing = thing
      res:event_stream():follow(news, { where = function(event) return thing[1] ~= event end })
    end)
    local client = following.open()
    following.followers(news, 1)
    collectgarbage()
    assert.is_table(held.thing)
    news:publish "x"
    client:till_data "x"
    client:close()
    following.followers(news, 0)
    raw.pump(function()
      collectgarbage()
      return not held.thing
    end, "the function to be collected")
  end)
end)
