-- Streams that nobody can send on any more: they follow nothing, and nothing refers to them.
local following = require "spec.support.following"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

-- Lets the collector find what is lost.
local function collect()
  wait.collect()
  wait.past(0)
end

serving.each("a stream that nobody can send on", function()
  after_each(serving.stop)

  local fields = { ["Accept-Encoding"] = "identity" }

  it("line 51: is ended with a retry, though its handler only returned", function()
    local reason
    serving.start({ heartbeat = false }, function(server)
      server:get("/", function(_, res) res:event_stream():send "x" end)
      server:get("/told", function(_, res)
        local stream = res:event_stream()
        stream.on_close = function(why) reason = stream.closed and why end
        stream.user = stream
      end)
    end)
    local client, told = serving.listen("/", fields), serving.listen("/told", fields)
    local text, failure = client:rest() -- nothing collects here but the server
    assert.matches("^data: x\n\nretry: 1%d%d%d\n\n$", text)
    assert.is_nil(failure)
    assert.matches("^:\n\nretry: 1%d%d%d\n\n$", (told:rest()))
    raw.pump(function() return reason end, "on_close")
    assert.equal("server", reason)
  end)
end)

describe("a stream", function()
  after_each(following.stop)

  -- Starts a server whose GET / runs fn with the stream; returns a client, and the server.
  local function open(fn, options, given)
    local server = following.handle(function(_, res) fn(res:event_stream(options)) end)
    return following.open(nil, given), server
  end

  local function assert_open(client)
    collect()
    collect()
    client:take()
    assert.is_nil(client.ended or client.raw.eof)
  end

  it("line 51: whose sending loop ended by 'full' is ended as slow", function()
    local reason
    local client = open(function(stream)
      stream.on_close = function(why) reason = why end
      while stream:send(("x"):rep(60000)) do sse.sleep(0) end
    end, { max_pending = 100000 }, { slow = true })
    raw.pump(function() return reason end, "the end", 10000)
    assert.equal("slow", reason)
    client:till_end()
    assert.is_true(client.ended)
    assert.is_true(client.retry >= 1000 and client.retry <= 1500)
  end)

  it("line 51: that finishes by itself breaks off where its loop ended by 'full'", function()
    local reason
    local client = open(function(stream)
      stream.on_close = function(why) reason = why end
      while stream:send(("x"):rep(60000)) do sse.sleep(0) end
    end, { max_pending = 100000, finish = true }, { slow = true })
    raw.pump(function() return reason end, "the end", 10000)
    assert.equal("slow", reason)
    raw.pump(function()
      client:take()
      return client.raw.eof
    end, "the connection's end")
    assert.is_nil(client.ended)
    assert.is_nil(client.retry)
  end)

  it("line 51: whose task ended by 'full' is ended as slow", function()
    local ended
    local _, server = open(function(stream)
      sse.spawn(function()
        while stream:send(("x"):rep(60000)) do sse.sleep(0) end
        ended = true
      end)
    end, { max_pending = 100000 }, { slow = true })
    raw.pump(function() return ended end, "full")
    raw.pump(function() return server:stats().streams.ended.slow == 1 end, "the end")
  end)

  it("stays open while something refers to it", function()
    local held
    local client = open(function(stream) held = stream end)
    assert_open(client)
    assert.is_true(held:send "still")
    client:till_data "still"
    held:close()
  end)

  it("stays open while a timer, a task or a handler has it", function()
    local go
    local client = open(function(stream)
      stream:send "0"
      sse.after(150, function() stream:send "1" end)
      sse.spawn(function()
        sse.sleep(200)
        stream:send "2"
      end)
      sse.await(function(resume) go = resume end)
      stream:send "3"
      stream:close()
    end)
    assert_open(client)
    client:till_data "2"
    assert_open(client)
    go()
    client:till_end()
    assert.equal("0 1 2 3", client:text())
  end)

  it("stays open while it follows a channel, with and without callbacks", function()
    for _, callbacks in ipairs { false, true } do
      local reason
      local news = following.channel()
      local client = open(function(stream)
        if callbacks then stream.on_close = function(why) reason = why end end
        stream:follow(news)
        if callbacks then stream.user = {} end
      end)
      following.followers(news, 1)
      assert_open(client)
      news:publish "x"
      client:till_data "x"
      news:close()
      client:till_end()
      if callbacks then raw.pump(function() return reason end, "on_close") end
      following.stop()
    end
  end)

  it("is ended when it follows nothing any more, and the program has let it go", function()
    local news, reason = following.channel(), nil
    local held
    local client = open(function(stream)
      held = stream
      stream.on_close = function(why) reason = why end
      stream:follow(news)
    end)
    following.followers(news, 1)
    held:unfollow(news)
    assert_open(client)
    held = nil
    assert.is_nil(held)
    raw.pump(function()
      collectgarbage()
      return reason
    end, "the end")
    assert.equal("server", reason)
    client:till_end()
    assert.is_true(client.retry ~= nil)
  end)

  it("is ended though a channel's listeners knew it", function()
    local news, left = following.channel(), {}
    news:on("leave", function(_, stream, why) left[#left + 1] = why .. tostring(stream.closed) end)
    local client = open(function(stream)
      stream:follow(news)
      stream:unfollow(news)
    end)
    raw.pump(function() return left[1] end, "the leave")
    client:till_end()
    assert.same({ "unfollowfalse" }, left)
  end)

  it("stays open while on_drain may send more, and then is ended", function()
    local left, reason = 3, nil
    local client = open(function(stream)
      stream.on_close = function(why) reason = why end
      stream.on_drain = function()
        left = left - 1
        if left >= 0 then stream:send(("x"):rep(300000)) end
      end
      stream:send(("x"):rep(300000))
    end, { max_pending = 1 << 20 }, { slow = true })
    assert.is_nil(reason)
    collect()
    collect()
    client:till(function() return #client.events == 4 end)
    assert.is_true(left <= 0)
    client:till_end()
    raw.pump(function() return reason end, "on_close")
    assert.equal("server", reason)
  end)

  it("may wait in drain, which is told", function()
    local waited
    local client = open(function(stream)
      sse.spawn(function()
        stream:send(("x"):rep(2000000))
        waited = stream:drain()
        stream:send "after"
        stream:close()
      end)
    end, { max_pending = 1 << 22 }, { slow = true })
    collect()
    collect()
    client:till_end()
    assert.is_true(waited)
    assert.equal("after", client.events[2].data)
  end)

  it("tells its client's end though the program has lost it", function()
    local reason
    local client = open(function(stream) stream.on_close = function(why) reason = why end end)
    client.raw:reset()
    raw.pump(function() return reason end, "on_close")
    assert.is_true(reason == "client" or reason == "server") -- the collector may have been first
  end)
end)
