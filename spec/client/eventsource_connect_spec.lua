-- EventSource from its construction to the first event: CONFORMANCE lines 25 to 32.
local fixture = require "spec.support.fixture"
local sse = require "sse"
local wait = require "spec.support.wait"

local serve, open, record = fixture.serve, fixture.source, fixture.record
local CONNECTING, OPEN, CLOSED = 0, 1, 2

local function stream(text)
  return function(conn)
    conn:stream():send(text or "data: x\n\n")
  end
end

describe("an EventSource", function()
  after_each(fixture.finish)

  it("line 25: raises on an invalid URL and makes no request", function()
    for _, url in ipairs { "", "nope", "http://", "http://host:99999/", "//host/", "http://ho st/",
      "/path" } do
      local ok, message = pcall(function() sse.EventSource(url) end)
      assert.is_false(ok)
      assert.matches("client/eventsource_connect_spec.lua:%d+: sse.EventSource: invalid URL",
        message)
    end
    assert.has_error(function() sse.EventSource() end)
    assert.has_error(function() sse.EventSource(7) end)
  end)

  it("line 25: begins CONNECTING, with its URL resolved", function()
    local server = serve(stream())
    local source = open("  " .. server:url("/a/./b/../c?x=1#frag") .. "\n")
    assert.equal(CONNECTING, source.readyState)
    assert.equal(server:url("/a/c?x=1#frag"), source.url)
    record(source).till("message")
    assert.equal("/a/c?x=1", server.requests[1].target)
  end)

  it("has the constants and read-only properties", function()
    local source = open("http://127.0.0.1:1/")
    assert.same({ 0, 1, 2 }, { sse.EventSource.CONNECTING, sse.EventSource.OPEN,
      sse.EventSource.CLOSED })
    assert.same({ 0, 1, 2 }, { source.CONNECTING, source.OPEN, source.CLOSED })
    assert.is_false(source.withCredentials)
    for _, name in ipairs { "readyState", "url", "withCredentials", "OPEN", "onmesage", "close" } do
      assert.has_error(function() source[name] = 1 end)
    end
    assert.has_error(function() source.onmessage = "text" end)
  end)

  it("refuses options that do not exist or do not fit", function()
    local wrong = {
      { header = {} }, { headers = 1 }, { retryInterval = "1" }, { retryInterval = -1 },
      { retryInterval = 0 / 0 }, { maxRetries = 1.5 }, { reconnect = "never" }, { signal = {} },
      { tls = { cart = "x" } }, { utf8 = "strict" }, { method = "TRACE" }, { method = "GE T" },
      { lastEventId = "a\nb" }, { headers = { ["a b"] = "c" } },
      { headers = { a = "b\r\nc: d" } }, { headers = { ["Content-Length"] = "1" } },
      { minRetryInterval = 10, maxRetryInterval = 5 }, { method = "GET", body = "x" },
      { body = { print } },
    }
    for _, options in ipairs(wrong) do
      local ok, message = pcall(function() sse.EventSource("http://127.0.0.1:1/", options) end)
      assert.is_false(ok)
      assert.matches("client/eventsource_connect_spec.lua:%d+: sse.EventSource: ", message)
    end
  end)

  it("line 26: asks by GET with the two headers and no Last-Event-ID", function()
    local server = serve(stream())
    record(open(server:url())).till("message")
    local request = server.requests[1]
    assert.equal("GET", request.method)
    assert.equal("text/event-stream", request.headers["accept"])
    assert.equal("no-cache", request.headers["cache-control"])
    assert.is_nil(request.headers["last-event-id"])
    assert.equal("", request.body)
  end)

  it("line 26: sends lastEventId on the first request where it is given", function()
    local server = serve(stream())
    local log = record(open(server:url(), { lastEventId = "41 ü" }))
    assert.equal("41 ü", log.till("message").event.lastEventId)
    assert.equal("41 ü", server.requests[1].headers["last-event-id"])
  end)

  it("line 27: takes status 200 with the MIME essence text/event-stream", function()
    local kinds = {
      "text/event-stream", "TEXT/Event-Stream", "text/event-stream;",
      "text/event-stream; charset=utf-8", "text/event-stream;charset=latin1",
      " text/event-stream ", "text/event-stream ;x=y",
      "text/html, text/event-stream", "text/html\r\nContent-Type: text/event-stream",
      "text/event-stream, ", "text/event-stream, x", "text/event-stream\r\nContent-Type: */*",
      'text/event-stream;x="a, text/html"', 'text/event-stream;x="\\", text/html"',
    }
    local n = 0
    local server = serve(function(conn)
      n = n + 1
      conn:head(200, "Content-Type:" .. kinds[n]):send("data: ", n, "\n\n")
    end)
    for i in ipairs(kinds) do
      local source = open(server:url())
      assert.equal(tostring(i), record(source).till("message").event.data)
      source:close()
    end
  end)

  it("line 27: takes the types of contentTypes too, or any where it is false", function()
    local n, kinds = 0, { "text/plain; charset=x", "Application/X-Stream", "text/event-stream" }
    local server = serve(function(conn)
      n = n + 1
      conn:head(200, "Content-Type: " .. kinds[n]):send("data: x\n\n"):close() -- all of the body
    end)
    for _ in ipairs(kinds) do
      local source = open(server:url(), { contentTypes = { "TEXT/plain", "application/x-stream" } })
      record(source).till("message")
      source:close()
    end
    n = 0
    assert.equal("ETYPE", record(open(server:url(), { contentTypes = { "text/html" } }))
      .till("error").event.code)
    n = 0
    record(open(server:url(), { contentTypes = false })).till("message")
    server = serve(function(conn) conn:head(200):send("data: x\n\n") end)
    record(open(server:url(), { contentTypes = false })).till("message")
    for _, wrong in ipairs {
      true, "text/plain", { 1 }, { "text" }, { "text/plain; x=y" }, { x = "a/b" }, { "*/*" },
    } do
      assert.error_matches(function() open(server:url(), { contentTypes = wrong }) end,
        "option 'contentTypes' must be false or a list of types")
    end
  end)

  it("line 27: refuses other types and none", function()
    local kinds = {
      "text/event-streamfoo", "text/plain", "text/event", "xtext/event-stream", "",
      "application/json", "text/html; text/event-stream", "text /event-stream",
      "text/event-stream, text/html", "text/event-stream\r\nContent-Type: text/html",
      "text/event-stream foo", "x, */*", 'text/html;x="a, text/event-stream"',
      'text/html;x="\\", text/event-stream', false,
    }
    local n = 0
    local server = serve(function(conn)
      n = n + 1
      conn:reply(200, "data: x\n\n", kinds[n] and "Content-Type: " .. kinds[n] or nil)
    end)
    for _ in ipairs(kinds) do
      local source = open(server:url())
      local log = record(source)
      local failed = log.till("error")
      assert.equal("ETYPE", failed.event.code)
      assert.equal(200, failed.event.status)
      assert.equal("data: x\n\n", failed.event.body)
      assert.equal(CLOSED, failed.readyState)
      assert.equal("error", log.types())
    end
    assert.equal(#kinds, #server.requests)
  end)

  it("line 28: opens once after the headers, without a byte of body", function()
    local body
    local server = serve(function(conn)
      body = function(text) conn:send(text) end
      conn:stream()
    end)
    local source = open(server:url())
    local log = record(source)
    assert.equal(OPEN, log.till("open").readyState)
    body("data: x\n\n")
    log.till("message")
    assert.equal("open message", log.types())
  end)

  it("line 28: an interim response is not the final one", function()
    local server = serve(function(conn)
      conn:send("HTTP/1.1 103 Early Hints\r\nContent-Type: text/plain\r\n\r\n")
      conn:send("HTTP/1.1 100 Continue\r\n\r\n")
      conn:stream():send("data: x\n\n")
    end)
    local log = record(open(server:url()))
    log.till("message")
    assert.equal("open message", log.types())
  end)

  it("line 28: a head that comes byte by byte is a head", function()
    local server = serve(function(conn)
      local text, i = "HTTP/1.1 200 OK\r\nContent-Type:\r\n text/event-stream\r\n\r\ndata: x\n\n", 0
      local timer
      timer = sse.every(1, function()
        i = i + 1
        conn:send(text:sub(i, i))
        if i == #text then timer:stop() end
      end)
    end)
    local log = record(open(server:url()))
    log.till("message")
    assert.equal("open message", log.types())
  end)

  local statuses = { 201, 202, 204, 205, 206, 299, 304, 400, 401, 404, 407, 410, 429, 500, 503,
    599 }
  local empty = { [204] = true, [205] = true, [304] = true }

  local function refuse(conn, status)
    if empty[status] then return conn:head(status, "X-A: b", "Content-Length: 0") end
    conn:reply(status, "why", "Content-Type: text/event-stream", "X-A: b")
  end

  it("line 29: any other status fails for good, closed first, then one error", function()
    local n = 0
    local server = serve(function(conn)
      n = n + 1
      refuse(conn, statuses[n])
    end)
    for i, status in ipairs(statuses) do
      local source = open(server:url())
      local log = record(source)
      local failed = log.till("error")
      assert.equal(CLOSED, failed.readyState)
      assert.equal("EHTTP", failed.event.code)
      assert.equal(status, failed.event.status)
      assert.equal("b", failed.event.headers["x-a"])
      assert.equal("EHTTP", source.failure.code)
      wait.past(30) -- several times the retry interval
      assert.equal("error", log.types())
      assert.equal(i, #server.requests)
    end
  end)

  it("line 29: the same on a reconnect", function()
    for _, status in ipairs(statuses) do
      local server
      server = serve(function(conn)
        if #server.requests == 1 then conn:stream():close() else refuse(conn, status) end
      end)
      local log = record(open(server:url()))
      log.till("error", 2)
      wait.past(30)
      assert.equal("open error error", log.types())
      assert.same({ CONNECTING, CLOSED }, { log[2].readyState, log[3].readyState })
      assert.same({ status, empty[status] and "" or "why" },
        { log[3].event.status, log[3].event.body })
      assert.equal(2, #server.requests)
    end
  end)

  it("sends method, headers and body", function()
    local server = serve(stream())
    record(open(server:url(), {
      method = "post", body = { a = 1 },
      headers = { ["X-Key"] = "k", Accept = "text/event-stream, */*" },
    })).till("message")
    local request = server.requests[1]
    assert.equal("POST", request.method)
    assert.equal('{"a":1}', request.body)
    assert.equal("application/json", request.headers["content-type"])
    assert.equal("k", request.headers["x-key"])
    assert.equal("text/event-stream, */*", request.headers["accept"])
  end)

  it("line 44: decodes gzip as it flows", function()
    local pipe = io.popen("printf 'data: one\\n\\n' | gzip -c", "r")
    local zipped = pipe:read("a")
    pipe:close()
    local server = serve(function(conn)
      conn:stream("Content-Encoding: gzip")
      for i = 1, #zipped do conn:send(zipped:sub(i, i)) end
    end)
    local log = record(open(server:url()))
    assert.equal("one", log.till("message").event.data)
    assert.matches("gzip", server.requests[1].headers["accept-encoding"])
  end)

  it("line 44: decodes br as it flows", function()
    local squeezed = "\x0B\x05\x80\x64\x61\x74\x61\x3A\x20\x6F\x6E\x65\x0A\x0A\x03" -- one event
    local server = serve(function(conn)
      conn:stream("Content-Encoding: br")
      for i = 1, #squeezed do conn:send(squeezed:sub(i, i)) end
    end)
    local log = record(open(server:url()))
    assert.equal("one", log.till("message").event.data)
    assert.matches("br", server.requests[1].headers["accept-encoding"])
  end)
end)
