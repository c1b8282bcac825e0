-- max_pending_total: what is held for clients is counted, and the stream furthest behind is ended.
local core = require "sse.core"
local frames = require "spec.support.frames"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

local CLOSED = frames.setting(4, 0) -- the SETTINGS of a client whose windows are closed
local KIB = 1024

local function follow(channel, options)
  return function(_, res) res:event_stream { heartbeat = false }:follow(channel, options or {}) end
end

-- n connections, each with that many streams of a path; windows: bytes, or closed.
local function hoarders(n, streams, path, window)
  local list = {}
  for i = 1, n do
    list[i] = frames.open(serving.connect(), window and frames.setting(4, window) or CLOSED)
    for k = 1, streams do list[i]:get(2 * k - 1, "GET " .. path) end
  end
  return list
end

local function listener(path)
  local client = serving.connect()
  client:send(("GET %s HTTP/1.1\r\nHost: a\r\n\r\n"):format(path))
  assert.equal(200, client:head().status)
  return client
end

local function memory(server) return server:stats().memory end
describe("what a server holds", function()
  local news
  before_each(function() news = sse.channel("held", { history = 100, history_bytes = 1 << 30 }) end)
  after_each(function()
    news:close()
    serving.stop()
  end)

  it("has no room for a whole response larger than all of it", function()
    local got
    serving.start({ max_pending_total = 100000 }, function(server)
      server:get("/large", function(_, res) got = table.pack(res:reply(200, ("x"):rep(100001))) end)
      server:get("/fits", function(_, res) res:reply(200, ("x"):rep(90000)) end)
    end)
    assert.equal(503, serving.request("GET /large").status)
    assert.same({ nil, "full" }, { got[1], got[2] })
    assert.equal(90000, #serving.request("GET /fits").body)
  end)

  it("counts a shared frame once, however many wait for it", function()
    local server = serving.start({ max_pending_total = 256 * KIB }, function(s)
      s:get("/", follow(news))
    end)
    local reader = listener "/"
    hoarders(19, 5, "/")
    raw.pump(function() return news.followers == 96 end, "the followers")
    news:publish(("x"):rep(60000))
    reader:receive_until "x\n\n"
    raw.pump(function() return memory(server).pending_bytes > 95 * 60000 end, "all to be behind")
    assert.is_true(memory(server).buffered_bytes < 60000 + 96 * 300)
    assert.equal(0, memory(server).overflows)
    assert.equal(96, news.followers)
  end)

  it("counts a frame for each server that holds it", function()
    local first = serving.start({}, function(s) s:get("/", follow(news)) end)
    local second = sse.server {}
    second:get("/", follow(news))
    assert(second:listen())
    local a = hoarders(1, 3, "/")
    local b = frames.open(raw.connect(second.port), CLOSED)
    for k = 1, 3 do b:get(2 * k - 1, "GET /") end
    raw.pump(function() return news.followers == 6 end, "the followers")
    news:publish(("x"):rep(60000))
    raw.pump(function()
      return memory(first).pending_bytes > 180000 and memory(second).pending_bytes > 180000
    end, "all to be behind")
    assert.is_true(memory(first).buffered_bytes >= 60000 and memory(second).buffered_bytes >= 60000)
    a[1].client:close()
    raw.pump(function() return first:stats().connections.open == 0 end, "the first's end")
    news:publish(("y"):rep(1000))
    b.client:close()
    raw.pump(function() return second:stats().connections.open == 0 end, "the second's end")
    assert.same({ 0, 0 }, { memory(first).buffered_bytes, memory(second).buffered_bytes })
    second:close()
  end)

  it("ends clients that hoard, and none that keeps up", function()
    local server = serving.start({ max_pending_total = 512 * KIB }, function(s)
      s:get("/", follow(news))
      -- Each follower has frames of its own.
      s:get("/own", follow(news, { where = function() return true end }))
    end)
    local readers = {}
    for i = 1, 3 do readers[i] = listener "/" end
    hoarders(19, 5, "/own")
    raw.pump(function() return news.followers == 98 end, "the followers")
    for n = 1, 20 do
      news:publish(n .. ("x"):rep(60000))
      for _, reader in ipairs(readers) do reader:receive_until("data: " .. n .. "x+\n\n") end
    end
    raw.pump(function()
      local stats = memory(server)
      return stats.overflows > 0 and stats.buffered_bytes <= 512 * KIB
    end, "the hoarders' end")
    assert.is_true(news.followers >= 3)
    local ended = server:stats().streams.ended
    assert.equal(memory(server).overflows, ended.slow)
    assert.equal(98 - news.followers, ended.slow)
    news:publish "the last"
    for _, reader in ipairs(readers) do reader:receive_until "data: the last\n\n" end
  end)

  it("ends the stream that has read nothing for longest, whatever it holds", function()
    local streams = {}
    local server = serving.start({ max_pending_total = 300000, max_pending = 1 << 30 }, function(s)
      s:get("/:name", function(req, res) streams[req.params.name] = res:event_stream() end)
    end)
    local old = hoarders(1, 1, "/old")
    raw.pump(function() return streams.old end, "a stream")
    assert.is_true(streams.old:send(("x"):rep(60000)))
    raw.pump(function() return old[1]:receive("HEADERS", 1) end, "its head")
    wait.past(200)
    hoarders(1, 1, "/new")
    raw.pump(function() return streams.new end, "another one")
    streams.new:send(("x"):rep(245000))
    raw.pump(function() return memory(server).overflows == 1 end, "an end")
    assert.is_true(streams.old.closed)
    assert.is_false(streams.new.closed)
  end)

  it("is not much more than the bytes of many small pieces", function()
    local res, server
    server = serving.start({}, function(s)
      s:get("/", function(_, r)
        r:detach()
        res = r
      end)
    end)
    for _, open in ipairs {
      function() return listener end,
      function() return hoarders(1, 1, "/") end,
    } do
      res = nil
      local client = open()
      if type(client) == "function" then
        client = serving.connect(4096)
        client:send "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
      end
      raw.pump(function() return res end, "a request")
      local pieces = 0
      while res:write "x" do pieces = pieces + 1 end
      local stats = memory(server)
      assert.is_true(pieces > 100000)
      assert.is_true(stats.pending_bytes > 1000000)
      assert.is_true(stats.buffered_bytes < 1.6 * stats.pending_bytes, stats.buffered_bytes)
      if client.close then client:close() else client[1].client:close() end
      raw.pump(function() return res.closed end, "its end")
    end
  end)

  it("joins pieces without a byte lost", function()
    local res
    serving.start({ max_pending = 1 << 30 }, function(s)
      s:get("/", function(_, r)
        r:detach()
        res = r
      end)
    end)
    local client = frames.open(serving.connect(), CLOSED)
    client:get(1, "GET /")
    raw.pump(function() return res end, "a request")
    local sent = {}
    for i = 1, 3000 do
      sent[i] = string.char(97 + i % 26):rep(i * 7 % 700 + 1)
      assert.is_true(res:write(sent[i]))
    end
    res:finish()
    client:send("WINDOW_UPDATE", 0, 0, frames.u32(2 ^ 30 | 0))
    for _ = 1, 100 do client:send("WINDOW_UPDATE", 0, 1, frames.u32(11111)) end
    client:send("WINDOW_UPDATE", 0, 1, frames.u32(2 ^ 30 | 0))
    assert.equal(table.concat(sent), (client:body(1)))
  end)

  it("bounds whole responses: a 503, then the end of clients that read none", function()
    local BODY, BOUND, done = ("x"):rep(100000), 1000000, 0
    local server = serving.start({ max_pending_total = BOUND, max_pending = 100000 }, function(s)
      s:get("/", function(_, res)
        local ok, why, code = res:reply(200, BODY)
        assert(ok or why == "full" and code == "EFULL")
        done = done + 1
      end)
    end)
    local most = 0
    local clients = hoarders(10, 30, "/")
    raw.pump(function()
      most = math.max(most, memory(server).buffered_bytes)
      return (server:stats().requests.refused[503] or 0) > 0 and memory(server).overflows > 0
    end, "refusals and ends")
    raw.pump(function() return memory(server).buffered_bytes <= BOUND end, "room")
    assert.is_true(most < BOUND + 110000, most)
    assert.is_true(done < 300) -- past its share, a client's further requests wait
    assert.equal(100000, #serving.request("GET /").body)
    for _, client in ipairs(clients) do client.client:close() end
  end)

  it("counts what waits for a full socket, whatever windows its client has opened", function()
    local streams = {}
    local server = serving.start({ max_pending_total = 1300000, max_pending = 1 << 22 }, function(s)
      s:get("/:n", function(req, res) streams[req.params.n] = res:event_stream() end)
    end)
    local open = frames.open(serving.connect(4096), frames.setting(4, (1 << 31) - 1))
    open:send("WINDOW_UPDATE", 0, 0, frames.u32(1 << 30))
    open:get(1, "GET /open")
    hoarders(1, 1, "/closed", 3) -- each takes the comment that a stream begins with, and no more
    hoarders(1, 1, "/last", 3)
    raw.pump(function() return streams.open and streams.closed and streams.last end, "the streams")
    while streams.open.pending < 600000 do assert.is_true(streams.open:send(("x"):rep(16000))) end
    assert.is_true(streams.closed:send(("x"):rep(300000)))
    wait.past(200)
    assert.equal(0, memory(server).overflows)
    streams.last:send(("x"):rep(500000))
    raw.pump(function() return memory(server).overflows > 0 end, "an end")
    assert.is_true(streams.open.closed)
    assert.is_false(streams.closed.closed)
    assert.is_false(streams.last.closed)
  end)

  it("does not end clients at once that read what they are sent", function()
    local streams, clients = {}, {}
    local server = serving.start({ max_pending_total = 255000, max_pending = 1 << 20 }, function(s)
      s:get("/:n", function(req, res) streams[tonumber(req.params.n)] = res:event_stream() end)
    end)
    for n = 1, 3 do
      clients[n] = hoarders(1, 1, "/" .. n)[1]
      raw.pump(function() return streams[n] end, "a stream")
    end
    for n = 1, 3 do assert.is_true(streams[n]:send(("x"):rep(90000))) end
    core.turn() -- at the end of this turn the bound is passed
    for n = 1, 3 do
      for _, id in ipairs { 0, 1 } do
        clients[n]:send("WINDOW_UPDATE", 0, id, frames.u32(1 << 20))
      end
    end
    raw.pump(function()
      for n = 1, 3 do clients[n]:take() end
      return memory(server).buffered_bytes == 0
    end, "all to have theirs")
    assert.equal(0, memory(server).overflows)
  end)

  -- A request waits while another client holds that many bytes, and its own client a response of
  -- that many.
  local function is_served_later(options, others, own)
    local stream
    local server = serving.start(options, function(s)
      s:get("/hold", function(_, res) stream = res:event_stream { max_pending = 1 << 20 } end)
      s:get("/large", function(_, res) res:reply(200, ("x"):rep(own)) end)
      s:get("/none", function(_, res) res:reply(204) end)
    end)
    local holder = hoarders(1, 1, "/hold")[1]
    raw.pump(function() return stream end, "the stream")
    assert.is_true(stream:send(("x"):rep(others)))
    local client = hoarders(1, 1, "/large")[1]
    raw.pump(function() return memory(server).buffered_bytes > others + own end, "the response")
    client:get(3, "GET /none")
    raw.pump(function() return server:stats().http2.streams == 3 end, "its request")
    for _, id in ipairs { 0, 1 } do holder:send("WINDOW_UPDATE", 0, id, frames.u32(1 << 20)) end
    assert.truthy(client:receive("HEADERS", 3))
  end

  it("serves requests that it held back once there is room, whoever made it", function()
    is_served_later({ max_pending_total = 255000 }, 245000, 10000)
  end)

  it("serves a client past its share once less than half of the bound is held", function()
    is_served_later({ max_pending_total = 255000, max_pending = 5000 }, 150000, 30000)
  end)

  it("holds back requests of a client past its share until it reads more", function()
    local asked = 0
    local server = serving.start({ max_pending_total = 1000000, max_pending = 50000 }, function(s)
      s:get("/", function(_, res)
        asked = asked + 1
        res:reply(200, ("x"):rep(50000))
      end)
    end)
    local client = frames.open(serving.connect(), CLOSED)
    for k = 1, 18 do client:get(2 * k - 1, "GET /") end
    raw.pump(function() return asked >= 10 end, "requests")
    assert.is_true(wait.stays_true(function() return asked == 10 end, 50))
    client:send("WINDOW_UPDATE", 0, 0, frames.u32(2 ^ 30 | 0))
    for k = 1, 18 do client:send("WINDOW_UPDATE", 0, 2 * k - 1, frames.u32(100000)) end
    for k = 1, 18 do assert.equal(50000, #client:body(2 * k - 1)) end
    assert.equal(0, memory(server).overflows)
  end)
end)
