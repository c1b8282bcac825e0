-- max_pending_total: the bound for the bytes of all clients, and what is reported past it.
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

local BOUND = 256 * 1024

local function listener(path)
  local client = serving.connect()
  client:send(("GET %s HTTP/1.1\r\nHost: a\r\n\r\n"):format(path or "/"))
  assert.equal(200, client:head().status)
  return client
end

-- Reads everything the client receives until done().
local function take_till(client, done, what)
  raw.pump(function()
    client:take()
    client.buffer = ""
    return done()
  end, what)
end

describe("max_pending_total", function()
  after_each(serving.stop)

  it("bounds what waits for all streams together, whatever each may hold", function()
    local streams = {}
    local server = serving.start({ max_pending_total = BOUND }, function(s)
      s:get("/", function(_, res)
        streams[#streams + 1] = res:event_stream { max_pending = 1 << 30 }
      end)
    end)
    local clients = { listener(), listener(), listener() }
    local data = ("x"):rep(16000)
    local refused = {}
    wait.till(function()
      for i, stream in ipairs(streams) do
        local ok, why, code = stream:send(data)
        if not ok then
          assert.same({ "full", "EFULL" }, { why, code })
          refused[i] = true
        end
      end
      assert.is_true(server:stats().memory.pending_bytes <= BOUND + #streams * 20000)
      return refused[1] and refused[2] and refused[3]
    end, "three streams that are full")
    assert.is_true(server:stats().sends.refused.full >= 3)
    for _, stream in ipairs(streams) do assert.is_true(stream.pending < BOUND) end
    take_till(clients[1], function() return streams[1].pending == 0 end, "the first to be served")
    assert.is_true(streams[1]:send(data)) -- a client that reads need not wait for those that don't
    for _, client in ipairs(clients) do client:close() end
  end)

  it("accepts an event of any size for a stream that has nothing to send", function()
    local stream
    serving.start({ max_pending_total = 1, max_pending = 100000 }, function(s)
      s:get("/", function(_, res) stream = res:event_stream() end)
    end)
    local client = listener()
    for _ = 1, 3 do
      assert.is_true(stream:send(("x"):rep(1000)))
      client:receive_until "x\n\n"
    end
    client:close()
  end)

  it("closes a follower that would need more, which gets what it missed later", function()
    local news = sse.channel("bounded", { history = 100000, history_bytes = 1 << 30 })
    local reasons = {}
    news:on("leave", function(_, _, reason) reasons[#reasons + 1] = reason end)
    local server = serving.start({ max_pending_total = 1000 }, function(s)
      s:get("/", function(_, res) res:event_stream():follow(news) end)
    end)
    local stuck, reads = listener(), listener()
    raw.pump(function() return news.followers == 2 end, "two followers")
    local published = 0
    take_till(reads, function()
      news:publish(("x"):rep(50000))
      published = published + 1
      return #reasons > 0
    end, "the end of one")
    assert.same({ "slow" }, reasons)
    assert.equal(1, news.followers)
    assert.equal(1, server:stats().memory.overflows)
    assert.equal(0, news:stats().slow.followers_closed)
    news:publish "the newest"
    reads:receive_until "data: the newest\n"
    local first = stuck:receive_until "\nid: [^\n]+\n"
    local back = serving.connect()
    back:send(("GET / HTTP/1.1\r\nHost: a\r\nLast-Event-ID: %s\r\n\r\n"):format(
      first:match "\nid: ([^\n]+)\n$"))
    local seen = 0
    raw.pump(function()
      back:take()
      local _, n = back.buffer:gsub("\nid: ", "")
      seen = n
      return back.buffer:find("the newest", 1, true)
    end, "what was missed", 20000)
    assert.is_true(seen >= published - 1)
    for _, client in ipairs { stuck, reads, back } do client:close() end
    news:close()
  end)

  it("is an option like others, as max_pending is", function()
    for _, name in ipairs { "max_pending_total", "max_pending" } do
      for _, wrong in ipairs { 0, -1, 1.5, "1" } do
        local ok, message = pcall(sse.server, { [name] = wrong })
        assert.is_false(ok)
        assert.truthy(message:find("option '" .. name .. "' must be a whole number", 1, true))
      end
    end
    local stream
    serving.start({ max_pending = 500 }, function(s)
      s:get("/", function(_, res) stream = res:event_stream() end)
      s:get("/own", function(_, res) stream = res:event_stream { max_pending = 5000 } end)
    end)
    local client = listener "/"
    assert.equal("ETOOBIG", select(3, stream:send(("x"):rep(1000))))
    client:close()
    client = listener "/own"
    assert.is_true(stream:send(("x"):rep(1000)))
    client:close()
  end)
end)
