-- server:shutdown: how event streams end.
local keep = require "spec.support.kept"
local shutdown = require "spec.support.shutdown"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

describe("server:shutdown, with streams,", function()
  after_each(serving.stop)

  it("spreads the ends of streams, each with a retry of its own", function()
    local N, WITHIN, ends, retries = 8, 800, {}, {}
    local server = serving.start(function(s)
      s:get("/stream", function(_, res)
        keep(res:event_stream()).on_close = function(reason)
          ends[#ends + 1] = { at = sse.now(), reason = reason }
        end
      end)
    end)
    local clients = {}
    for i = 1, N do clients[i] = shutdown.listener() end
    local log, start = {}, nil
    sse.spawn(function()
      start = sse.now()
      log.result = server:shutdown { within = WITHIN, retry = 1000 }
    end)
    for _, client in ipairs(clients) do
      local retry = shutdown.retry(client)
      assert.is_true(retry >= 1000 and retry <= 1500)
      retries[retry] = true
    end
    shutdown.finished(log)
    assert.equal(N, #ends)
    -- A deadline never fires early, so this holds on a slow machine, too.
    for i, one in ipairs(ends) do
      assert.equal("server", one.reason)
      assert.is_true(one.at - start >= WITHIN * (i - 1) // N)
    end
    assert.is_truthy(next(retries, next(retries)), "all the same")
    assert.equal(N, server:stats().streams.ended.server)
  end)

  it("ends a stream that is opened meanwhile likewise, and does not refuse it", function()
    local gate = shutdown.gate()
    local server = serving.start(function(s) s:get("/late", gate.stream) end)
    local client = shutdown.asks "/late"
    raw.pump(function() return gate.res end, "the request")
    local log = shutdown.start(server, { within = 300, retry = 10 })
    shutdown.refuses(server.port)
    gate.open = true
    local head = client:head()
    assert.equal(200, head.status)
    assert.equal("close", head.headers.connection)
    local text = client:receive_all()
    assert.truthy(text:find("retry: 1\n\n", 1, true))
    assert.truthy(text:find("data: hello\n\n", 1, true))
    assert.truthy(text:find "retry: 1%d\n\n\r\n0\r\n\r\n$")
    client:close()
    shutdown.finished(log)
  end)

  it("ends a stream over HTTP/1.0 too", function()
    local server = serving.start(shutdown.streams)
    local client = serving.connect()
    client:send "GET /stream HTTP/1.0\r\n\r\n"
    client:head()
    local log = shutdown.start(server, { within = 0 })
    assert.truthy(client:receive_all():find "^:\n\nretry: %d+\n\n$")
    client:close()
    shutdown.finished(log)
  end)

  it("lets the followers of a channel go, who come back with what they missed", function()
    local news = sse.channel("drained", { history = 10 })
    local function routes(s)
      s:get("/news", function(_, res) res:event_stream():follow(news) end)
    end
    local server = serving.start(routes)
    local got, reasons = {}, {}
    news:on("leave", function(followers, _, reason) reasons[#reasons + 1] = reason .. followers end)
    local url = ("http://127.0.0.1:%d/news"):format(server.port)
    local source = sse.EventSource(url, { minRetryInterval = 1 })
    source.onmessage = function(ev) got[#got + 1] = ev.data end
    raw.pump(function() return news.followers == 1 end, "the follower")
    news:publish "one"
    raw.pump(function() return #got == 1 end, "an event")
    local log = shutdown.start(server, { within = 0, retry = 20 })
    shutdown.finished(log)
    assert.equal(0, news.followers)
    news:publish "two"
    local again = sse.server { port = server.port }
    routes(again)
    assert(again:listen())
    news:publish "three"
    raw.pump(function() return #got == 3 end, "what was missed")
    assert.same({ "one", "two", "three" }, got)
    source:close()
    raw.pump(function() return #reasons == 2 end, "the client to leave")
    assert.same({ "server0", "client0" }, reasons)
    again:close()
    news:close()
    wait.idle()
  end)

  -- An answer in two parts, the second of which waits for `gate.open`.
  local function answer(gate)
    return function(_, res)
      local stream = res:event_stream { finish = true, heartbeat = 5 }
      gate.stream = stream
      stream:send "one"
      while not gate.open do
        if not stream:sleep(1) then return end
      end
      stream:send "two"
      stream:close()
    end
  end

  for when, held in pairs { ["was open before"] = false, ["is opened meanwhile"] = true } do
    it("waits for one that finishes by itself and " .. when, function()
      local gate = { held = held }
      local server = serving.start(function(s)
        shutdown.streams(s)
        s:get("/answer", function(req, res)
          gate.asked = true
          while gate.held do sse.sleep(1) end
          answer(gate)(req, res)
        end)
      end)
      local client, other = shutdown.asks "/answer", shutdown.listener()
      raw.pump(function() return gate.asked end, "the request")
      local log = shutdown.start(server, { within = 0, grace = shutdown.LONG })
      shutdown.retry(other)
      gate.held = false
      client:receive_until "\n:" -- a heartbeat, as before
      assert.is_nil(log.result)
      assert.is_false(gate.stream.closed)
      gate.open = true
      local rest = client:receive_all()
      assert.truthy(rest:find "data: two\n\n\r\n0\r\n\r\n$")
      assert.falsy(rest:find "retry")
      client:close()
      shutdown.finished(log)
    end)
  end

  it("breaks off one that finishes by itself and has not after `grace`", function()
    local gate = {}
    local server = serving.start(function(s) s:get("/answer", answer(gate)) end)
    local client = shutdown.listener "/answer"
    local log = shutdown.start(server, { within = 0, grace = 20 })
    local rest = client:receive_all()
    assert.truthy(rest:find("data: one\n\n", 1, true))
    assert.falsy(rest:find "\r\n0\r\n\r\n$")
    client:close()
    shutdown.finished(log)
    raw.pump(function() return gate.stream.closed end, "the stream's end")
  end)

  it("may be ended by a stream that it ends", function()
    local server
    local streams <const> = {} -- while they refer to the server, they go with it
    server = serving.start(function(s)
      s:get("/stream", function(_, res)
        local stream = res:event_stream()
        stream.on_close = function() server:close() end
        streams[#streams + 1] = stream
      end)
    end)
    local one, two = shutdown.listener(), shutdown.listener()
    local log = shutdown.start(server, { within = 100 })
    one:receive_all()
    two:receive_all()
    shutdown.finished(log)
  end)

  it("goes on though a callback raises", function()
    local server = serving.start(function(s)
      s:get("/stream", function(_, res)
        keep(res:event_stream()).on_close = function() error "in on_close" end
      end)
    end)
    local client = shutdown.listener()
    local log = shutdown.start(server, { within = 0 })
    assert.equal("0\r\n\r\n", client:receive_all():sub(-5))
    client:close()
    shutdown.finished(log)
    assert.matches("in on_close", serving.errors[1].message)
  end)
end)
