-- Where functions that act on streams, channels and the collector.
local following = require "spec.support.following"
local serve = require "spec.support.filtered"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"

describe("channel where", function()
  after_each(following.stop)

  describe("may", function()
    -- What a client receives of "1", "go" and "2" if the where function calls fn at "go".
    local function act(fn)
      local news, state = serve(function(event, s)
        if event.data == "go" then fn(s) end
        return true
      end)
      local client = following.open()
      following.followers(news, 1)
      for _, data in ipairs { "1", "go", "2" } do news:publish(data) end
      return client, state, news
    end

    it("close the stream", function()
      local client, state, news = act(function(s) s.stream:close() end)
      client:till_end()
      raw.pump(function() return state.reason end, "on_close")
      assert.equal("server", state.reason)
      assert.is_true(client.ended)
      assert.equal(0, news.followers)
      assert.equal(2, state.calls)
    end)

    it("unfollow, after which nothing comes", function()
      local client, state, news = act(function(s) s.stream:unfollow(s.channel) end)
      raw.pump(function() return state.calls == 2 end, "the function")
      assert.equal(0, news.followers)
      state.stream:send "still open"
      client:till_data "still open"
      assert.is_nil(client:text():find "2")
    end)

    it("unfollow and follow again", function()
      local client, state, news = act(function(s)
        s.stream:unfollow(s.channel)
        s.stream:follow(s.channel)
      end)
      raw.pump(function() return state.calls == 2 end, "the function")
      assert.equal(1, news.followers)
      news:publish "3"
      client:till_data "3"
    end)

    it("follow another channel", function()
      local other = following.channel()
      other:publish "o1"
      local client, state = act(function(s) s.stream:follow(other, { from = 1 }) end)
      client:till(function() return #client.events == 4 end)
      assert.truthy(client:text():find "o1")
      assert.truthy(client:text():find "1.*go.*2")
      other:publish "o2"
      client:till_data "o2"
      state.stream:close()
      client:till_end()
    end)

    it("publish to another channel that the stream follows, and ids never go back", function()
      local other = following.channel { history = 1 }
      local news, state = serve(function(event, s)
        if event.data == "0" then return true end
        for n = 1, 3 do s.other:publish { data = event.data .. "." .. n } end
        return true
      end)
      state.other = other
      news:publish "0"
      local client = following.open()
      client:till_data(0)
      state.stream:follow(other)
      following.count(news, 1, 3)
      other:publish "end"
      client:till(function() return client:text():find "end" and #client.events == 14 end)
      local last = {} -- tag -> position
      for i = 2, #client.events do
        local parts = 0
        for tag, position in client.events[i].id:gmatch "(%w+):%w+%-(%d+)" do
          assert.is_true(tonumber(position) >= (last[tag] or 0), client.events[i].id)
          last[tag], parts = tonumber(position), parts + 1
        end
        assert.equal(2, parts)
      end
    end)

    it("have another stream follow the same channel, and still not publish", function()
      local second
      local news, state = serve(function(event, s)
        if event.data ~= "go" or s.done then return true end
        s.done = true
        second:follow(s.channel, { where = function() return true end, from = "oldest" })
        local ok, message = pcall(s.channel.publish, s.channel, "x")
        s.message = not ok and message
        return true
      end)
      local client = following.open()
      following.followers(news, 1)
      local first = state.stream
      client.other = following.open()
      following.followers(news, 2)
      second = state.stream
      second:unfollow(news)
      state.stream = first
      news:publish "go"
      client:till_data "go"
      assert.truthy(tostring(state.message):find "can't publish")
      assert.equal("go", client.other:till_data("go"):text())
    end)

    it("publish to the channel whose replay is next, which loses nothing by that", function()
      local first, second = following.channel {}, following.channel { history = 2 }
      local stream
      following.handle(function(_, res) stream = res:event_stream() end)
      local client = following.open()
      raw.pump(function() return stream end, "the stream")
      first:publish "go"
      for n = 1, 2 do second:publish("old " .. n) end
      stream:follow(first, second, { from = "oldest", where = function(event)
        if event.data == "go" then
          for n = 1, 3 do second:publish("new " .. n) end
        end
        return true
      end })
      client:till_data "new 3"
      local got = {}
      for i, event in ipairs(client.events) do got[i] = event.data end
      table.sort(got)
      assert.same({ "go", "new 1", "new 2", "new 3", "old 1", "old 2" }, got)
    end)

    it("let go of everything and collect", function()
      local client = act(function(s)
        s.stream:close()
        s.stream, s.channel = nil, nil
        collectgarbage()
        collectgarbage()
      end)
      client:till_end()
      assert.is_true(client.ended)
    end)
  end)

  -- `follow` and publish walk over the log while they call the function; events would expire
  -- meanwhile.
  it("may not wait, also outside of the loop", function()
    local news, stream = following.channel { max_age = 20 }, nil
    following.handle(function(_, res) stream = res:event_stream() end)
    local client = following.open()
    raw.pump(function() return stream end, "the stream")
    for n = 1, 20 do news:publish(tostring(n)) end
    stream:follow(news, { from = "oldest", where = function()
      sse.sleep(100)
      return true
    end })
    raw.pump(function() return serving.errors[1] end, "on_error")
    assert.matches("a callback can't wait", table.remove(serving.errors).message)
    client:till_end()
    assert.is_true(stream.closed)
  end)
end)
