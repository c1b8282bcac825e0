-- The stream that listeners of channel:on get: the program's own object, whatever was collected and
-- however the stream ended.
local core = require "sse.core"
local following = require "spec.support.following"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local wait = require "spec.support.wait"

local function collect()
  collectgarbage()
  collectgarbage()
end

describe("channel:on gives the stream", function()
  after_each(following.stop)

  it("that the program has, when it follows and when it leaves", function()
    local news, streams = following.serve()
    local told = {}
    news:on("follow", function(n, stream, reason) told[#told + 1] = { n, stream, reason } end)
    news:on("leave", function(n, stream, reason) told[#told + 1] = { n, stream, reason } end)
    local client = following.open()
    raw.pump(function() return #told == 1 end, "the follow")
    assert.same({ 1, streams[1] }, told[1])
    assert.is_true(rawequal(streams[1], told[1][2]))
    assert.is_false(streams[1].closed)
    client:close()
    raw.pump(function() return #told == 2 end, "the leave")
    assert.is_true(rawequal(streams[1], told[2][2]))
    assert.same({ 0, streams[1], "client" }, told[2])
    assert.is_true(streams[1].closed)
    assert.same({ nil, "closed", "ECLOSED" }, { streams[1]:send "late" })
  end)

  it("that was a key of a weak table, and nobody else referred to", function()
    local news, names, told = following.channel(), setmetatable({}, { __mode = "k" }), {}
    following.handle(function(req, res)
      local stream = res:event_stream()
      names[stream] = req.query.name
      stream:follow(news)
    end)
    news:on("follow", function(_, stream) told[#told + 1] = "+" .. names[stream] end)
    news:on("leave", function(_, stream) told[#told + 1] = "-" .. names[stream] end)
    local one = following.open(nil, { target = "/?name=one" })
    local two = following.open(nil, { target = "/?name=two" })
    raw.pump(function() return #told == 2 end, "both")
    wait.collect()
    two:close()
    raw.pump(function() return #told == 3 end, "the second to leave")
    wait.collect()
    one.raw:reset()
    raw.pump(function() return #told == 4 end, "the first to leave")
    assert.same({ "+one", "+two", "-two", "-one" }, told)
    told = nil
    raw.pump(function()
      collectgarbage()
      return next(names) == nil
    end, "the streams to be collected")
  end)

  it("to each channel that it follows, and at unfollow while it is open", function()
    local news, more, told = following.channel(), following.channel(), {}
    local current
    following.handle(function(_, res)
      current = res:event_stream()
      current:follow(news, more)
    end)
    for name, channel in pairs { news = news, more = more } do
      channel:on("leave", function(n, stream, reason)
        assert.is_true(rawequal(current, stream))
        told[#told + 1] = ("%s %d %s %s"):format(name, n, reason, stream.closed)
      end)
    end
    local client = following.open()
    following.followers(more, 1)
    current:unfollow(news)
    raw.pump(function() return #told == 1 end, "the unfollow")
    current:follow(news)
    current:unfollow(news) -- both before they are told
    current:follow(news)
    raw.pump(function() return #told == 2 end, "the second unfollow")
    client:close()
    raw.pump(function() return #told == 4 end, "the end")
    table.sort(told)
    assert.same({ "more 0 client true", "news 0 client true", "news 0 unfollow false",
      "news 0 unfollow false" }, told)
  end)

  it("also to a listener that is added while it follows", function()
    local news, streams = following.serve()
    local client = following.open()
    following.followers(news, 1)
    local heard
    news:on("leave", function(n, stream, reason) heard = { n, stream, reason } end)
    client:close()
    raw.pump(function() return heard end, "the leave")
    assert.same({ 0, streams[1], "client" }, heard) -- it has an on_close: it was never collected
  end)

  it("made anew and closed, where it followed before there was a listener, unless a field was set",
  function()
    local news, kept, names, heard = following.channel(), {}, {}, {}
    following.handle(function(_, res)
      local stream = res:event_stream():follow(news)
      kept[#kept + 1] = stream
      if #kept == 2 then stream.user = {} end
      if #kept == 3 then stream.on_close = function() end end
      names[stream] = #kept
    end)
    local clients = { following.open(), following.open(), following.open() }
    following.followers(news, 3)
    news:on("leave", function(_, stream)
      heard[#heard + 1] = names[stream] or "new"
      assert.is_true(stream.closed)
    end)
    for n, client in ipairs(clients) do
      client:close()
      raw.pump(function() return #heard == n end, "the leave")
    end
    table.sort(heard, function(a, b) return tostring(a) < tostring(b) end)
    assert.same({ 2, 3, "new" }, heard)
  end)

  it("made anew and closed, where it was collected before there was a listener", function()
    local news = following.channel()
    following.handle(function(_, res) res:event_stream():follow(news) end)
    local client = following.open()
    following.followers(news, 1)
    wait.collect()
    local heard
    news:on("leave", function(n, stream, reason) heard = { n, stream, reason } end)
    client:close()
    raw.pump(function() return heard end, "the leave")
    assert.equal("sse.stream", core.class_of(heard[2]))
    assert.is_true(heard[2].closed)
    assert.same({ 0, heard[2], "client" }, heard)
    assert.is_false(heard[2]:unfollow(news))
  end)

  it("that may be sent on, closed and collected in the listener", function()
    local news, told = following.channel(), {}
    following.handle(function(_, res) res:event_stream():follow(news) end)
    news:on("follow", function(_, stream)
      collect()
      assert(stream:send { data = "welcome" })
      stream.on_close = function(reason) told[#told + 1] = "closed " .. reason end
      stream:close()
      collect()
    end)
    news:on("leave", function(_, stream, reason)
      collect()
      told[#told + 1] = "left " .. reason
      assert.is_true(stream.closed)
      stream:close()
    end)
    local client = following.open():till_end()
    assert.equal("welcome", client:text())
    raw.pump(function() return #told == 2 end, "the end")
    table.sort(told)
    assert.same({ "closed server", "left server" }, told)
  end)

  it("whose object is free again after a listener has raised", function()
    local news, held = following.channel(), setmetatable({}, { __mode = "k" })
    following.handle(function(_, res)
      local stream = res:event_stream()
      held[stream] = true
      stream:follow(news)
    end)
    local told = false
    news:on("leave", function()
      told = true
      error "no idea"
    end)
    local client = following.open()
    following.followers(news, 1)
    client:close()
    raw.pump(function() return told end, "the leave")
    assert.is_truthy(next(held))
    assert.equal(next(held), table.remove(serving.errors).context.stream)
    raw.pump(function()
      collectgarbage()
      return next(held) == nil
    end, "the stream to be collected")
  end)

  it("and nothing internal can be read or written on the channel", function()
    local news = following.channel()
    for _, name in ipairs { "onpresence", "on_presence" } do
      assert.has_error(function() return news[name] end)
      assert.has_error(function() news[name] = print end)
    end
  end)
end)
