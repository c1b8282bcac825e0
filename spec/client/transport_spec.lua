-- How requests reach their server: kept connections, proxies, Unix sockets, IPv6, compression, and
-- peers that stall. What needs TLS or HTTP/2 is tested in interop/transport.mjs.
local child = require "spec.support.child"
local core = require "sse.core"
local fixture = require "spec.support.fixture"
local socket = require "socket"
local sse = require "sse"
local unix = require "socket.unix"
local ports = require "spec.support.ports"
local wait = require "spec.support.wait"

local serve, open, record = fixture.serve, fixture.source, fixture.record
local good = fixture.good
local CONNECTING, CLOSED = 0, 2

local function run(command)
  local pipe <close> = assert(io.popen(command, "r"))
  return pipe:read "a"
end

describe("connections", function()
  after_each(fixture.finish)

  it("are kept for the next request, which says what was negotiated", function()
    local server = serve(function(conn) conn:reply(200, "x") end)
    for _ = 1, 3 do
      local res = assert(sse.fetch(server:url()))
      assert.equal("HTTP/1.1", res.protocol)
      assert.is_nil(res.tls)
      assert.equal("x", res:text())
    end
    assert.equal(1, #server.connections)
    server.timer:unref()
    while core.turn() do end -- an idle connection does not keep the loop running
    assert.equal(1, server.open)
    core.forget_connections()
    wait.till(function() return server.open == 0 end, "the close")
  end)

  it("that the server closed meanwhile are not used again", function()
    local server = serve(function(conn) conn:reply(200, "x"):close() end)
    for n = 1, 3 do
      assert.equal("x", assert(sse.fetch(server:url(), { body = "n" .. n })):text())
      wait.till(function() return server.open == 0 end, "the close")
    end
    assert.equal(3, #server.requests)
  end)

  it("that end without a word have their request sent again on a new one, once", function()
    local server
    server = serve(function(conn)
      if #server.requests == 1 then conn:reply(200, "") else conn:drop("here") end
    end)
    assert(sse.fetch(server:url())):text()
    local res, _, code = sse.fetch(server:url(), { method = "POST", body = "order" })
    assert.is_nil(res)
    assert.equal("ECONNRESET", code)
    assert.equal(3, #server.requests)
    assert.equal(2, #server.connections)
  end)

  it("forgotten while a transfer is under way, stay", function()
    local server = serve(good)
    local source = open(server:url())
    record(source).till("message")
    core.forget_connections()
    assert.equal("HTTP/1.1", source:stats().protocol)
    wait.past(20)
    assert.equal(1, server.open)
    assert.equal(sse.EventSource.OPEN, source.readyState)
  end)

  it("run over a Unix socket, whatever proxy there is", function()
    local path = os.tmpname()
    os.remove(path)
    local listener = assert(unix())
    assert(listener:bind(path))
    assert(listener:listen())
    local server = serve(good, listener)
    local log = record(open("http://a.example:81/x", { unixSocket = path }))
    assert.equal("http://a.example:81", log.till("message").event.origin)
    assert.equal("a.example:81", server.requests[1].headers.host)
    log = record(open("http://b.example/", { unixSocket = path, proxy = "http://127.0.0.1:1" }))
    log.till("message")
    os.remove(path)
    log = record(open("http://a.example/", { unixSocket = path }))
    log.till("error", 2)
    assert.equal(CONNECTING, log[1].readyState)
  end)

  it("over a Unix socket whose path is too long fail for good", function()
    local log = record(open("http://a/", { unixSocket = ("x"):rep(200) }))
    local ev = log.till("error").event
    assert.same({ "EINVAL", false }, { ev.code, ev.willRetry })
    assert.matches("too long", ev.message)
  end)

  it("run over IPv6", function()
    local server = serve(good, assert(socket.bind("::1", 0)))
    local url = ("http://[::1]:%d"):format(server.port)
    assert.equal(url, record(open(url .. "/")).till("message").event.origin)
  end)

  it("find the one family of addresses where a server listens", function()
    for _, address in ipairs { "127.0.0.1", "::1" } do
      local server = serve(good, assert(socket.bind(address, 0)))
      record(open(("http://localhost:%d/"):format(server.port))).till("message")
    end
  end)
end)

describe("a proxy", function()
  after_each(child.stop)
  after_each(fixture.finish)

  -- Runs another process, which reads its own environment.
  local function fetch(environment, options)
    local process = child.script(([[
      local res, message = require "sse".fetch("http://a.invalid/", %s)
      print(res and res.status or message)
    ]]):format(options or "{}"), environment)
    process:wait()
    return process:output()
  end

  it("comes from the environment, unless the options or no_proxy say otherwise", function()
    local proxy = serve(function(conn) conn:reply(299, "") end)
    local set = ("http_proxy=http://127.0.0.1:%d no_proxy="):format(proxy.port)
    assert.equal("299\n", fetch(set))
    assert.equal("http://a.invalid/", proxy.requests[1].target)
    assert.truthy(fetch(set .. "b.invalid,a.invalid"):find "resolve")
    assert.truthy(fetch(set, '{ proxy = "" }'):find "resolve")
    assert.truthy(fetch(set, '{ noProxy = "a.invalid" }'):find "resolve")
    assert.equal("299\n", fetch(set .. "a.invalid", '{ noProxy = "b.invalid" }'))
    assert.equal(2, #proxy.requests)
  end)

  it("that refuses the connection is a loss; noProxy goes round it", function()
    local server = serve(good)
    local proxy = ("http://127.0.0.1:%d"):format(ports.free())
    local log = record(open(server:url(), { proxy = proxy }))
    assert.equal("ECONNREFUSED", log.till("error", 2).event.code)
    assert.equal(CONNECTING, log[1].readyState)
    record(open(server:url(), { proxy = proxy, noProxy = "127.0.0.1" })).till("message")
  end)

  it("of SOCKS that refuses is a loss", function()
    local proxy = serve(function() end)
    proxy.on_accept = function(conn) conn:send("\5\255") end
    local log = record(open("http://a.invalid/",
      { proxy = ("socks5h://127.0.0.1:%d"):format(proxy.port) }))
    assert.equal("EPROXY", log.till("error", 2).event.code)
    assert.equal(CONNECTING, log[1].readyState)
  end)
end)

describe("a compressed body", function()
  after_each(fixture.finish)

  it("may be gzip or deflate", function()
    local bytes = run "printf 'data: squeezed\\n\\n' | gzip -n"
    for coding, body in pairs { gzip = bytes, deflate = bytes:sub(11, -9) } do
      local server = serve(function(conn)
        conn:stream("Content-Encoding: " .. coding):send(body):close()
      end)
      local log = record(open(server:url()))
      assert.equal("squeezed", log.till("message").event.data)
      assert.truthy(server.requests[1].headers["accept-encoding"]:find(coding, 1, true))
    end
  end)

  it("line 22: is limited by what it becomes, not by what was sent", function()
    local bomb = run "(printf 'data:'; head -c 33554432 /dev/zero | tr '\\0' x) | gzip -9n"
    assert.is_true(#bomb < 65536)
    local server = serve(function(conn)
      conn:stream("Content-Encoding: gzip"):send(bomb)
    end)
    local source = open(server:url(), { maxEventSize = 1048576 })
    local log = record(source)
    assert.equal("ETOOBIG", log.till("error").event.code)
    assert.equal(CLOSED, source.readyState)
    assert.is_true(source:stats().bytes < 4 * 1048576)
    local res = assert(sse.fetch(server:url(), { maxBodySize = 1048576 }))
    assert.equal("ETOOBIG", select(3, res:text()))
  end)
end)

describe("a peer that stalls", function()
  after_each(fixture.finish)

  local chunked = "Transfer-Encoding: chunked"
  for name, stall in pairs {
    ["after it accepted"] = function() end,
    ["within the head"] = function(conn) conn:send("HTTP/1.1 200 OK\r\nContent-Ty") end,
    ["within an event"] = function(conn) conn:stream():send("id: half\ndata: half\n") end,
    ["within a character"] = function(conn) conn:stream():send("data: \xE6\x9D") end,
    ["within a chunk's size"] = function(conn) conn:stream(chunked):send("1") end,
    ["within a chunk"] = function(conn) conn:stream(chunked):send("ff\r\ndata: half\n") end,
  } do
    it("line 32: " .. name .. " is lost to heartbeatTimeout, and nothing of it stays", function()
      local attempts = 0
      local server = serve(function(conn)
        attempts = attempts + 1
        if attempts == 1 then stall(conn) else good(conn) end
      end)
      local log = record(open(server:url(), { heartbeatTimeout = 60 }))
      local got = log.till("message").event
      assert.same({ "good", "" }, { got.data, got.lastEventId })
      assert.equal("ETIMEDOUT", log.first("error").event.code)
      assert.equal(CONNECTING, log.first("error").readyState)
      assert.is_nil(server.requests[2].headers["last-event-id"])
    end)
  end

  it("line 32: with a head of single bytes is as silent as one without", function()
    local attempts = 0
    local server = serve(function(conn)
      attempts = attempts + 1
      if attempts > 1 then return good(conn) end
      local head, at = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", 0
      local drip
      drip = core.every(10, function()
        at = at + 1
        if conn.closed or at > #head then return drip:stop() end
        conn:send(head:sub(at, at))
      end)
    end)
    local log = record(open(server:url(), { heartbeatTimeout = 80 }))
    log.till("message")
    assert.equal("ETIMEDOUT", log.first("error").event.code)
  end)

  it("is given up by a fetch's signal", function()
    local server = serve(function() end)
    local res, _, code = sse.fetch(server:url(), { signal = sse.AbortSignal.timeout(30) })
    assert.is_nil(res)
    assert.is_string(code)
    wait.till(function() return server.open == 0 end, "the close")
  end)
end)

describe("a peer without end", function()
  after_each(fixture.finish)

  -- Serves these bytes again and again until the connection is closed.
  local function pours(begin, bytes)
    return function(conn)
      begin(conn)
      local timer
      timer = core.every(1, function()
        if conn.closed then return timer:stop() end
        conn:send(bytes)
      end)
    end
  end

  for _, field in ipairs { "data", "id", "event", "retry" } do
    it(("line 22: in a line of %s fails for good"):format(field), function()
      local function begin(conn) conn:stream():send(field, ":") end
      local server = serve(pours(begin, ("1"):rep(4096)))
      local source = open(server:url(), { maxEventSize = 65536 })
      local failed = record(source).till("error")
      assert.same({ "ETOOBIG", CLOSED }, { failed.event.code, failed.readyState })
      assert.is_true(source:stats().bytes < 2 * 65536)
      wait.till(function() return server.open == 0 end, "the close")
    end)
  end

  it("in its head fails for good", function()
    local line = ("X-Field: %s\r\n"):format(("x"):rep(4096))
    local server = serve(pours(function(conn) conn:send("HTTP/1.1 200 OK\r\n") end, line:rep(8)))
    local failed = record(open(server:url())).till("error")
    assert.same({ "ETOOBIG", CLOSED }, { failed.event.code, failed.readyState })
    assert.matches("head", failed.event.message)
    wait.till(function() return server.open == 0 end, "the close")
  end)
end)
