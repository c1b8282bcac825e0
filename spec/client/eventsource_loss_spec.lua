-- Which failures lead to a new attempt, and which end the source: CONFORMANCE line 32, maxRetries,
-- the reconnect option.
local core = require "sse.core"
local fixture = require "spec.support.fixture"
local ports = require "spec.support.ports"
local wait = require "spec.support.wait"

local serve, open, record = fixture.serve, fixture.source, fixture.record
local script = fixture.script
local good, sends = fixture.good, fixture.sends
local CONNECTING, CLOSED = 0, 2

describe("a connection that fails", function()
  after_each(fixture.finish)

  local faults = {
    ["a clean end"] = sends(""),
    ["a reset"] = function(conn) conn:stream():reset() end,
    ["a reset before the head"] = function(conn) conn:reset() end,
    ["an end before the head"] = function(conn) conn:close() end,
    ["an end within the head"] = function(conn)
      conn:send("HTTP/1.1 200 OK\r\nContent-Ty"):close()
    end,
    ["no HTTP at all"] = function(conn) conn:send("SSH-2.0-OpenSSH\r\n"):close() end,
    ["a truncated chunked body"] = function(conn)
      conn:stream("Transfer-Encoding: chunked"):send("ff\r\n: hello"):close()
    end,
    ["a malformed chunk"] = function(conn)
      conn:stream("Transfer-Encoding: chunked"):send("zz\r\n"):close()
    end,
    ["a body shorter than its length"] = function(conn)
      conn:stream("Content-Length: 100"):send(": x\n"):close()
    end,
    ["broken gzip"] = function(conn) conn:stream("Content-Encoding: gzip"):send(("x"):rep(100)) end,
  }
  for name, fault in pairs(faults) do
    it("line 32: " .. name .. " gives one error, a wait and a new request", function()
      local server = script(fault, good)
      local log = record(open(server:url()))
      log.till("message")
      assert.equal(1, log.count("error"))
      assert.equal(CONNECTING, log.first("error").readyState)
      assert.is_string(log.first("error").event.message)
      assert.is_string(log.first("error").event.code)
      assert.equal(2, #server.requests)
    end)
  end

  it("line 32: a refused connection is tried again until it works", function()
    local port = ports.free()
    local log = record(open(("http://127.0.0.1:%d/"):format(port)))
    assert.equal("ECONNREFUSED", log.till("error", 2).event.code)
    serve(good, port)
    log.till("message")
    assert.equal(CONNECTING, log.first("error").readyState)
  end)

  it("line 32: a name that does not resolve is tried again", function()
    local log = record(open("http://name.invalid/"))
    assert.equal("ENOTFOUND", log.till("error", 2).event.code)
    assert.equal(CONNECTING, log[2].readyState)
  end)

  it("line 32: a TLS handshake that fails is tried again", function()
    local server
    server = serve(function() end)
    server.on_accept = function(conn) conn:send("HTTP/1.1 400 Bad Request\r\n\r\n"):close() end
    local log = record(open(("https://127.0.0.1:%d/"):format(server.port)))
    log.till("error", 2)
    assert.equal(CONNECTING, log[2].readyState)
  end)

  it("line 32: an unsupported scheme fails for good", function()
    for _, url in ipairs { "ftp://127.0.0.1/", "data:text/event-stream,data:x",
      "file:///etc/passwd" } do
      local log = record(open(url))
      assert.equal("ESCHEME", log.till("error").event.code)
      assert.equal(CLOSED, log[1].readyState)
    end
  end)

  it("gives up after maxRetries", function()
    local server = script(function(conn) conn:reset() end)
    local source = open(server:url(), { maxRetries = 2 })
    local log = record(source)
    wait.till(function() return source.readyState == CLOSED end, "the end")
    assert.equal(3, #server.requests)
    assert.equal("error error error", log.types())
    assert.same({ 0, 0, 2 }, { log[1].readyState, log[2].readyState, log[3].readyState })
  end)

  it("resilient: passing statuses are tried again and Retry-After is honoured", function()
    for _, status in ipairs { 408, 425, 429, 500, 503, 599 } do
      local got
      local server = script(function(conn) conn:reply(status, "busy", "Retry-After: 0") end, good)
      local log = record(open(server:url(), { reconnect = "resilient",
        onreconnect = function(ms) got = ms end }))
      log.till("message")
      assert.equal("error open message", log.types())
      assert.equal(status, log[1].event.status)
      assert.equal(5, got)
    end
    local got
    local server = script(function(conn) conn:reply(503, "", "Retry-After: 3600") end)
    local source = open(server:url(), { reconnect = "resilient",
      onreconnect = function(ms) got = ms end })
    wait.till(function() return got end, "the plan")
    assert.equal(3600000, got)
    source:close()
  end)

  it("resilient: other statuses fail for good", function()
    for _, status in ipairs { 204, 400, 401, 404, 410 } do
      local server = script(function(conn) conn:head(status, "Content-Length: 0") end)
      local log = record(open(server:url(), { reconnect = "resilient" }))
      assert.equal(CLOSED, log.till("error").readyState)
    end
  end)

  it("a reconnect function decides", function()
    local asked = {}
    local server = script(function(conn) conn:reply(404, "") end, sends(""),
      function(conn) conn:reply(404, "") end)
    local source = open(server:url(), {
      reconnect = function(why, attempt)
        asked[#asked + 1] = { why.code, why.status, attempt }
        return #asked < 3 and 1
      end,
    })
    wait.till(function() return source.readyState == CLOSED end, "the end")
    assert.same({ { "EHTTP", 404, 1 }, { "ECLOSED", nil, 2 }, { "EHTTP", 404, 3 } },
      { asked[1], asked[2], asked[3] })
    assert.equal(3, #server.requests)
  end)

  it("a reconnect function that gives what is no delay fails, and ends the source", function()
    for _, answer in ipairs { math.huge, 0 / 0, -1, "5", true, {} } do
      local server = serve(function(conn) conn:reset() end)
      local source = open(server:url(), {
        retryInterval = 7, reconnect = function() return answer end,
      })
      local ok, err = pcall(core.run)
      assert.is_false(ok)
      local told = "sse.EventSource: reconnect must return milliseconds, false or nil, got "
      assert.truthy(err:find(told, 1, true), err)
      assert.equal(CLOSED, source.readyState)
      assert.is_false(source.failure.willRetry)
    end
  end)

  it("line 43: an error body that stalls is waited for 5 s, no longer", function()
    local response_check = require "sse.client.response_check"
    assert.equal(5000, response_check.body_time)
    local _ <close> = setmetatable({}, { __close = function() response_check.body_time = 5000 end })
    response_check.body_time = 30
    local server = script(function(conn) conn:head(503, "Content-Length: 100"):send("half") end)
    local log = record(open(server:url()))
    assert.equal("half", log.till("error").event.body)
    wait.till(function() return server.open == 0 end, "the close")
  end)

  it("connectTimeout bounds the handshake", function()
    local server = serve(function() end)
    server.on_accept = function(conn) conn.deaf = true end
    local url = ("https://127.0.0.1:%d/"):format(server.port)
    local log = record(open(url, { connectTimeout = 50 }))
    assert.equal("ETIMEDOUT", log.till("error").event.code)
    assert.equal(CONNECTING, log[1].readyState)
  end)

  it("goes through a proxy, whose refusal is a loss", function()
    local proxy = script(good, function(conn) conn:reply(403, "no") end)
    local options = { proxy = ("http://127.0.0.1:%d"):format(proxy.port) }
    record(open("http://stream.example/x?y", options)).till("message")
    assert.equal("http://stream.example/x?y", proxy.requests[1].target)
    assert.equal("stream.example", proxy.requests[1].headers.host)
    local log = record(open("https://stream.example/", options))
    assert.equal("EPROXY", log.till("error").event.code)
    assert.equal("CONNECT", proxy.requests[2].method)
    assert.equal(CONNECTING, log[1].readyState)
  end)
end)
