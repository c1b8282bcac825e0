-- Clients past max_connections: what an EventSource gets, what others get, over each transport; and
-- that they cost a bounded time and a bounded number of connections.
local certs = require "spec.support.certs"
local core = require "sse.core"
local frames = require "spec.support.frames"
local raw = require "spec.support.raw"
local secure = require "spec.support.secure"
local serving = require "spec.support.serving"
local sse = require "sse"
local transports = require "spec.support.transports"

local EVENTS = { Accept = "text/event-stream" }
local STREAM = "^: too many connections\nretry: (%d+)\n\n$"

-- Starts a server that has one connection too few, and takes the others.
local function start(options, routes)
  options = options or {}
  options.max_connections = 1
  local server = serving.start(options, routes or function(server)
    server:all("/", function() error "a handler was called" end)
  end)
  local first = serving.connect()
  raw.pump(function() return server:stats().connections.open == 1 end, "the first connection")
  return server, first
end

-- The number of refused connections.
local function refusals(server) return server:stats().connections.refused end

describe("who accepts an event stream at max_connections", function()
  after_each(serving.stop)

  local function is_stream(fields, line)
    local got = serving.request(line or "GET /", fields)
    local retry = got.status == 200 and tonumber(got.body:match(STREAM))
    if not retry then
      assert.equal(503, got.status)
      assert.equal("503 Service Unavailable: too many connections\n", got.body)
      local after = tonumber(got.headers["retry-after"])
      assert.is_true(after >= 1 and after <= 10)
    else
      assert.is_true(retry >= 1000 and retry <= 10000)
      assert.same({ "text/event-stream", "no-store", tostring(#got.body) },
        { got.headers["content-type"], got.headers["cache-control"],
          got.headers["content-length"] })
    end
    assert.equal("close", got.headers.connection)
    return retry ~= false
  end

  it("is told so by Accept, with a weight that is not 0, in a GET", function()
    local server = start()
    for _, accept in ipairs { "text/event-stream", "Text/Event-Stream", "text/event-stream;q=0.5",
      "application/json, text/event-stream", "text/event-stream; charset=utf-8, */*;q=0.1" } do
      assert.is_true(is_stream { Accept = accept }, accept)
    end
    for _, accept in ipairs { "*/*", "text/*", "text/event-stream;q=0", "text/event-streams",
      "", "application/json" } do
      assert.is_false(is_stream { Accept = accept }, accept)
    end
    assert.is_false(is_stream())
    assert.is_false(is_stream(EVENTS, "POST /"))
    assert.is_false(is_stream { ["X-Accept"] = "text/event-stream" })
    assert.equal(14, refusals(server))
    assert.same({}, server:stats().requests.refused)
  end)

  it("comes back at different times", function()
    start()
    local seen, count = {}, 0
    for _ = 1, 8 do
      local retry = serving.request("GET /", EVENTS).body:match(STREAM)
      if not seen[retry] then count = count + 1 end
      seen[retry] = true
    end
    assert.is_true(count > 4)
  end)

  it("comes back by itself: our own EventSource", function()
    local server = start()
    local source = sse.EventSource(serving.url "/", { maxRetries = 3 })
    local failure
    source.onerror = function(ev) failure = ev end
    raw.pump(function() return failure end, "the end of the first answer")
    assert.equal(sse.EventSource.CONNECTING, source.readyState)
    assert.is_true(failure.willRetry)
    assert.is_true(failure.delay >= 1000 and failure.delay <= 15000, failure.delay)
    source:close()
    assert.equal(1, refusals(server))
  end)

  it("comes back by itself: our own fetchEventSource, for which this is no success", function()
    local server, first = start(nil, function(s)
      s:get("/", function(_, res)
        local stream = res:event_stream()
        stream:send "served"
        stream:close()
      end)
    end)
    local why, heard, closed = nil, nil, 0
    local handle = sse.fetchEventSource(serving.url "/", {
      onmessage = function(ev) heard = ev.data end, onclose = function() closed = closed + 1 end,
      onerror = function(failure)
        why = failure
        first:close()
        while server:stats().connections.open > 0 do sse.sleep(1) end
        return 1
      end,
    })
    assert.is_true(handle:wait())
    assert.same({ "ECLOSED", "served", 1 }, { why and why.code, heard, closed })
    core.forget_connections()
    raw.pump(function() return server:stats().connections.open == 0 end, "room")
    serving.connect()
    raw.pump(function() return server:stats().connections.open == 1 end, "another one")
    local ok, _, code = sse.fetchEventSource(serving.url "/", { maxRetries = 0 }):wait()
    assert.is_nil(ok)
    assert.equal("ECLOSED", code)
  end)

  it("may be a page of another origin, where the server has cors", function()
    local fields = { Accept = "text/event-stream", Origin = "https://a.example" }
    local function allowed()
      local got = serving.request("GET /", fields).headers
      local list = { got["access-control-allow-origin"], got["access-control-allow-credentials"],
        got.vary }
      serving.stop()
      return list
    end
    start()
    assert.same({}, allowed())
    start { cors = { origin = function() error "asked" end } }
    assert.same({ "https://a.example", "true", "Origin" }, allowed())
    fields.Origin = nil
    start { cors = true }
    assert.same({}, allowed())
  end)

  it("gets no body for a HEAD, over either protocol", function()
    start()
    local head = "HEAD / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n"
    local client = serving.connect()
    client:send(head)
    assert.truthy(client:receive_all():find "^HTTP/1.1 503 .*Content%-Length: 46.*\r\n\r\n$")
    local http2 = frames.open(serving.connect())
    http2:get(1, "HEAD /", { "accept", "text/event-stream" })
    assert.equal(1, http2:receive("HEADERS", 1).flags & 1) -- END_STREAM
    http2:closed()
  end)

  it("is told of by on_response, as others are", function()
    local entries = {}
    start { on_response = function(entry) entries[#entries + 1] = entry end }
    for i, case in ipairs { { 200, EVENTS }, { 503 } } do
      local got = serving.request("GET /x?y", case[2])
      raw.pump(function() return entries[i] end, "the entry")
      local e = entries[i]
      assert.same({ case[1], #got.body, "GET", "/x?y", "HTTP/1.1", "127.0.0.1", "finished" },
        { e.status, e.bytes, e.method, e.target, e.protocol, e.remote_address, e.reason })
      assert.is_nil(e.req)
    end
    assert.equal(2, #entries)
  end)

  it("counts by address in the same way", function()
    local server = serving.start { max_connections_per_address = 1 }
    serving.connect()
    raw.pump(function() return server:stats().connections.open == 1 end, "the first connection")
    assert.equal(200, serving.request("GET /", EVENTS).status)
  end)
end)

describe("a client past max_connections", function()
  after_each(serving.stop)

  it("gets an answer to a bad request, and to one whose body is still to come", function()
    local server = start()
    local bad = serving.connect()
    bad:send "GET / HTTP/1.1\r\n\r\n"
    assert.equal(400, bad:response().status)
    local post = serving.connect()
    post:send "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc"
    assert.equal(503, post:response().status)
    assert.equal(0, server:stats().memory.body_bytes)
  end)

  it("is served no second request", function()
    start()
    local client = serving.connect()
    client:send(("GET / HTTP/1.1\r\nHost: a\r\n\r\n"):rep(3))
    local _, count = client:receive_all():gsub("HTTP/1.1 503", "")
    assert.equal(1, count)
  end)

  it("that sends no whole head is closed within a bound, whatever it trickles", function()
    local far = 3600e3
    local server = start { head_timeout = far, idle_timeout = far, body_timeout = far }
    local began = core.now()
    local silent, slow = serving.connect(), serving.connect()
    slow:send "GET / HTTP/1.1\r\nX: "
    local _timer <close> = core.every(50, function() slow.socket:send "x" end)
    assert.equal("", silent:receive_all())
    assert.equal("", slow:receive_all())
    local took = core.now() - began
    assert.is_true(took >= 1900 and took < 4500, took)
    assert.equal(1, server:stats().connections.open)
    assert.equal(2, server:stats().connections.closed.server)
  end)

  it("is closed at once where 256 others are being told", function()
    local server, first = start()
    local many = {}
    for i = 1, 300 do many[i] = serving.connect() end
    raw.pump(function() return refusals(server) == 300 end, "300 refusals")
    assert.equal(257, server:stats().connections.open)
    for i = 1, 256 do many[i]:close() end
    raw.pump(function() return server:stats().connections.open == 1 end, "room")
    assert.equal(503, serving.request("GET /").status)
    for i = 257, 300 do assert.is_true(pcall(many[i].take, many[i]) and many[i].eof ~= nil) end
    first:close()
    raw.pump(function() return server:stats().connections.open == 0 end, "room for one")
  end)

  it("ends with a shutdown, and with close", function()
    local server = start()
    serving.connect()
    raw.pump(function() return refusals(server) == 1 end, "the refusal")
    local over
    core.defer(function() sse.spawn(function() over = server:shutdown() end) end)
    raw.pump(function() return over end, "the shutdown")
  end)
end)

for _, transport in ipairs(transports) do
  serving.over(transport, "past max_connections over " .. transport.name, function()
    after_each(serving.stop)

    it("an event stream ends with its retry, anything else is a 503", function()
      local entries = {}
      local server = start { on_response = function(entry) entries[#entries + 1] = entry end }
      local stream = serving.ask("GET /", EVENTS)
      assert.same({ 200, transport.protocol }, { stream.status, stream.protocol })
      assert.truthy(stream.body:find(STREAM))
      core.forget_connections()
      local other = serving.ask("POST /", nil, "text")
      assert.same({ 503, transport.protocol }, { other.status, other.protocol })
      assert.truthy(tonumber(other.headers["retry-after"]))
      assert.equal(2, refusals(server))
      raw.pump(function() return entries[2] end, "the entries")
      for i, status in ipairs { 200, 503 } do
        assert.same({ status, transport.protocol, "/", "finished" },
          { entries[i].status, entries[i].protocol, entries[i].target, entries[i].reason })
        assert.equal(#({ stream, other })[i].body, entries[i].bytes)
      end
      raw.pump(function()
        core.forget_connections()
        return server:stats().connections.open == 1
      end, "the end of the refused connections")
    end)
  end)
end

describe("past max_connections over HTTP/2", function()
  after_each(secure.stop)

  it("a request gets its response, GOAWAY follows, and no further request counts", function()
    start()
    local client = frames.open(serving.connect())
    client:get(1, "GET /", { "accept", "text/event-stream" })
    client:get(3, "GET /")
    local goaway = client:receive("GOAWAY", 0)
    local last, code = string.unpack(">I4I4", goaway.payload)
    assert.same({ 1, 0 }, { last, code })
    local data = client:receive("DATA", 1)
    assert.truthy(data.payload:find(STREAM))
    client:closed()
    for _, frame in ipairs(client:take()) do assert.not_equal(3, frame.id) end
  end)

  it("a connection that asks for nothing is closed within a bound", function()
    local server = start { head_timeout = 60, idle_timeout = 3600e3 }
    local client = frames.open(serving.connect())
    local _timer <close> = core.every(10, function() client:send("PING", 0, 0, ("x"):rep(8)) end)
    client:closed()
    raw.pump(function() return server:stats().connections.open == 1 end, "the end")
  end)

  it("a TLS client that says nothing after its handshake is closed within a bound", function()
    local server = start { tls = certs.server(), head_timeout = 1000, idle_timeout = 3600e3 }
    secure.client(server)
    raw.pump(function() return server:stats().tls.handshakes == 1 end, "the server's handshake")
    raw.pump(function() return server:stats().connections.open == 1 end, "the end")
  end)
end)
