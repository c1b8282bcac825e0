-- A channel's followers: their count and the presence callback after every kind of end, and what
-- callbacks may do.
local following = require "spec.support.following"
local net = require "spec.support.net"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local wait = require "spec.support.wait"

-- Notes what the channel's presence callback is told, as "follow 1", "leave 0 client".
local function noted(news)
  local log = {}
  news:on("follow", function(n) log[#log + 1] = "follow " .. n end)
  news:on("leave", function(n, _, reason) log[#log + 1] = ("leave %d %s"):format(n, reason) end)
  return log
end

local function till(log, n)
  raw.pump(function() return #log >= n end, n .. " notes")
  return table.concat(log, ", ")
end

describe("channel presence", function()
  after_each(following.stop)

  -- A follower that fn(stream, client, channel, server) ends; checks what was told and counted.
  local function ends(fn, options, given)
    local news, streams, server = following.serve(options)
    local log = noted(news)
    local client = following.open(nil, given)
    following.followers(news, 1)
    assert.equal("follow 1", till(log, 1))
    fn(streams[1], client, news, server)
    local text = till(log, 2)
    assert.equal(0, news.followers)
    assert.equal(0, news:stats().followers)
    return text, news
  end

  describe("counts and tells the end by", function()
    it("the client: closed, reset, shut", function()
      for _, how in ipairs { "close", "reset", "shut" } do
        assert.equal("follow 1, leave 0 client",
          ends(function(_, client) client.raw[how](client.raw) end))
        following.stop()
      end
    end)

    it("stream:close(), at once", function()
      assert.equal("follow 1, leave 0 server", ends(function(stream, _, news)
        stream:close()
        assert.equal(0, news.followers)
      end))
    end)

    it("server:close()", function()
      assert.equal("follow 1, leave 0 server", ends(function(_, _, _, server) server:close() end))
    end)

    it("channel:close(), at once", function()
      assert.equal("follow 1, leave 0 server", ends(function(_, client, news)
        news:close()
        assert.equal(0, news.followers)
        assert.is_true(client:till_end().ended)
      end))
    end)

    it("unfollow, at once", function()
      assert.equal("follow 1, leave 0 unfollow", ends(function(stream, _, news)
        assert.is_true(stream:unfollow(news))
        assert.equal(0, news.followers)
      end))
    end)

    it("slowness", function()
      assert.equal("follow 1, leave 0 slow", ends(function(stream, _, news)
        following.fill(news, stream)
        following.count(news, 1, 100)
      end, { history = 2 }, { slow = true }))
    end)

    it("a client that takes nothing for write_timeout", function()
      local news, stream = following.channel(), nil
      net.start(function(exchange)
        stream = exchange:event_stream { headers = {} }
        stream:follow(news)
      end, { write_timeout = 60 })
      local log = noted(news)
      local client = net.connect(net.head "GET /")
      following.followers(news, 1)
      following.fill(news, stream, 200000) -- its client reads nothing
      assert.equal("follow 1, leave 0 timeout", till(log, 2))
      assert.equal(0, news.followers)
      assert.is_nil(client.eof)
      net.stop()
    end)

    it("an error in its handler", function()
      local news, errors = following.channel(), {}
      following.handle(function(_, res)
        res:event_stream():follow(news)
        error "no idea"
      end, { on_error = function(message) errors[#errors + 1] = message end })
      local log = noted(news)
      following.open(nil, { slow = true })
      assert.equal("follow 1, leave 0 error", till(log, 2))
      assert.equal(1, #errors)
    end)
  end)

  it("tells each of many, in order, with the count right after it", function()
    local news = following.serve()
    local log = noted(news)
    for i = 1, 20 do
      following.open()
      following.followers(news, i)
    end
    news:close()
    till(log, 40)
    for i = 1, 20 do
      assert.equal("follow " .. i, log[i])
      assert.equal(("leave %d server"):format(20 - i), log[20 + i])
    end
  end)

  it("the count is right within on_close", function()
    local counts = {}
    local news = following.channel()
    following.handle(function(_, res)
      local stream = res:event_stream()
      stream.on_close = function(reason) counts[#counts + 1] = reason .. news.followers end
      stream:follow(news)
    end)
    local one, two = following.open(), following.open()
    following.followers(news, 2)
    one:close()
    raw.pump(function() return #counts == 1 end, "on_close")
    two.raw:reset()
    raw.pump(function() return #counts == 2 end, "on_close")
    assert.same({ "client1", "client0" }, counts)
  end)

  it("raises misuse", function()
    local news = following.channel()
    assert.has_error(function() news:on("come", function() end) end)
    assert.has_error(function() news:on("leave", 5) end)
    assert.equal(news, news:on("leave", function() end))
  end)

  describe("callbacks may", function()
    it("publish: who came or left is known by the others", function()
      local news = following.serve()
      news:on("follow", function(n) news:publish("+" .. n) end)
      news:on("leave", function(n) news:publish("-" .. n) end)
      local one = following.open():till_data "+1"
      local two = following.open():till_data "+2"
      assert.equal("+1 +2", one:till_data("+2"):text())
      two:close()
      assert.equal("+1 +2 -1", one:till_data("-1"):text())
    end)

    it("publish in on_close", function()
      local news = following.channel()
      following.handle(function(_, res)
        local stream = res:event_stream()
        stream.on_close = function(reason) news:publish("left: " .. reason) end
        stream:follow(news)
      end)
      local one, two = following.open(), following.open()
      following.followers(news, 2)
      two:close()
      assert.equal("left: client", one:till_data("left: client"):text())
    end)

    it("close streams and the channel", function()
      local news, streams = following.serve()
      news:on("follow", function(n) if n == 2 then streams[1]:close() end end)
      news:on("leave", function() news:close() end)
      local one = following.open()
      following.followers(news, 1)
      local two = following.open()
      assert.is_true(one:till_end().ended)
      assert.is_true(two:till_end().ended)
      assert.is_true(news.closed)
    end)

    it("drop the channel and collect", function()
      local news, told = following.channel { idle = 0 }, 0
      local current = news
      following.handle(function(_, res) res:event_stream():follow(current) end)
      news:on("leave", function()
        told = told + 1
        current = nil
        collectgarbage()
        collectgarbage()
      end)
      local client = following.open()
      following.followers(news, 1)
      client:close()
      following.drop_references()
      news = nil
      raw.pump(function() return told == 1 end, "the leave")
      assert.is_nil(news)
      wait.collect()
    end)

    it("raise: on_error is told, and the others go on", function()
      local news = following.serve()
      local client = following.open()
      following.followers(news, 1)
      local heard = 0
      news:on("follow", function() error "no idea" end)
      news:on("follow", function() heard = heard + 1 end)
      local other = following.open(nil, { slow = true })
      raw.pump(function() return serving.errors[1] end, "on_error")
      local told = table.remove(serving.errors)
      assert.matches("no idea\nstack traceback:", told.message)
      assert.equal("channel:on", told.context.what)
      assert.equal(news, told.context.channel)
      assert.is_false(told.context.stream.closed)
      assert.equal(1, heard)
      news:publish "x"
      assert.equal("x", client:till_data("x"):text())
      assert.equal("x", other:till_data("x"):text())
    end)
  end)

  it("stays while it has followers though nobody refers to it", function()
    local held, current = setmetatable({}, { __mode = "v" }), following.channel { idle = 0 }
    held.news = current
    following.drop_references()
    following.handle(function(_, res) res:event_stream():follow(current) end)
    local id = current:publish "held"
    local client = following.open(following.id(id, 0)):till_data "held"
    current = nil
    wait.collect()
    held.news:publish "still there"
    client:till_data "still there"
    client:close()
    raw.pump(function()
      collectgarbage()
      return not held.news
    end, "the channel to be collected")
    assert.is_nil(current)
  end)

  it("channel:close() gives each what it is owed, then its clean end", function()
    local news, streams, server = following.serve()
    local client = following.open()
    following.followers(news, 1)
    local slow = following.open(nil, { slow = true })
    following.followers(news, 2)
    following.fill(news, streams[2])
    local before = news:stats().history.events
    following.count(news, 1, 50)
    news:close()
    news:close()
    assert.equal(1, news.followers) -- the other stream has received everything
    assert.same({ nil, "the channel is closed", "ECLOSED" }, { news:publish "late" })
    assert.is_true(client:till_end().ended)
    assert.equal(before + 50, #client.events)
    assert.is_true(slow:till_end().ended)
    assert.equal(client:text(), slow:text())
    raw.pump(function() return news.followers == 0 end, "the last to leave")
    assert.equal(0, news:stats().history.events)
    client:close()
    slow:close()
    raw.pump(function() return server:stats().connections.open == 0 end, "the connections to end")
  end)

  it("survives a server that goes first", function()
    local news = following.serve()
    following.open()
    following.followers(news, 1)
    serving.close()
    raw.pump(function() return news.followers == 0 end, "the follower to leave")
    news:publish "x"
    assert.equal(1, news:stats().history.events)
  end)
end)
