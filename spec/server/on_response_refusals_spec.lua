-- server.on_response for responses that the core sends by itself: to requests that never reach a
-- handler.
local certs = require "spec.support.certs"
local entries = require "spec.support.entries"
local frames = require "spec.support.frames"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"

local function start(options)
  return entries.start(function(server)
    server:post("/", function(_, res) res:reply(200, ("x"):rep(1000)) end)
    server:get("/", function(_, res) res:reply(200, ("x"):rep(1000)) end)
  end, options)
end

-- Waits for the one entry, and checks its fields; false stands for nil.
local function check(expected)
  local entry = entries.check(1, expected)
  assert.is_nil(entry.req)
  assert.equal("finished", entry.reason)
  assert.equal("127.0.0.1", entry.remote_address)
  assert.equal(1, #entries.list)
end

-- By name: the status, the bytes that are sent, and what is known of the request.
local cases = {
  ["no HTTP"] = { 400, "\22\3\1\0\0\r\n\r\n", { method = false, target = false } },
  ["a bad line"] = { 400, "GET /a b HTTP/1.1\r\n\r\n", { method = "GET", target = "/a" } },
  ["hostile bytes"] = { 400, "GET /\27\xff\" HTTP/1.1\r\n\r\n", { target = "/\27\xff\"" } },
  ["no Host"] = { 400, "GET /x HTTP/1.1\r\n\r\n", { target = "/x", protocol = "HTTP/1.1" } },
  ["another version"] = { 505, "GET /x HTTP/3.0\r\n\r\n", { target = "/x", protocol = false } },
  ["a long method"] = { 501, ("M"):rep(100) .. " /x HTTP/1.1\r\n\r\n", {} },
  ["a long target"] = { 414, "GET /" .. ("x"):rep(9000), { method = "GET" } },
  ["a large head"] = { 431, "GET /x HTTP/1.1\r\nHost: a\r\nA: " .. ("a"):rep(17000),
    { target = "/x", protocol = "HTTP/1.1" } },
  ["an expectation"] = { 417, "POST /x HTTP/1.0\r\nExpect: more\r\nContent-Length: 1\r\n\r\n",
    { method = "POST", target = "/x", protocol = "HTTP/1.0" } },
  ["a large body"] = { 413, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n",
    { method = "POST", target = "/x", protocol = "HTTP/1.1" } },
  ["a large body in chunks"] = { 413, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
    .. "\r\nffffff\r\n", { method = "POST", target = "/" } },
  ["an unknown coding"] = { 501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x, chunked\r\n"
    .. "\r\n", { method = "POST", target = "/" } },
  ["a head that stops"] = { 408, "GET /x HTTP/1.1\r\nHos", { method = "GET", target = "/x" },
    { head_timeout = 30 } },
  ["a body that stops"] = { 408, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab",
    { method = "POST", target = "/x", protocol = "HTTP/1.1" }, { body_timeout = 30 } },
  ["too many bodies"] = { 503, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n"
    .. ("x"):rep(8000), { method = "POST", target = "/x" }, { max_bodies = 1000 } },
}

describe("server.on_response of a refusal", function()
  after_each(serving.stop)

  for name, case in pairs(cases) do
    it("of " .. name, function()
      start(case[4])
      local client = serving.connect()
      client:send(case[2])
      local got = client:response()
      assert.equal(case[1], got.status)
      check(case[3])
      check { status = case[1], bytes = #got.body }
    end)
  end

  it("of a connection too many", function()
    start { max_connections = 1 }
    serving.connect():send "GET"
    local got = serving.request "GET /x"
    assert.equal(503, got.status)
    check { status = 503, bytes = #got.body, method = "GET", target = "/x", protocol = "HTTP/1.1" }
  end)

  it("of plain HTTP where TLS is spoken", function()
    start { tls = certs.server() }
    local client = serving.connect()
    client:send "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    assert.equal(400, client:response().status)
    check { status = 400, method = false }
  end)

  it("of none, where a client leaves before the whole request has come", function()
    local server = start()
    local client = serving.connect()
    client:send "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab"
    raw.pump(function() return server:stats().memory.body_bytes > 0 end, "the head")
    client:close()
    serving.idle()
    assert.same({}, entries.list)
  end)

  it("of a reply for which there is no room has the request", function()
    entries.clear()
    serving.start({ max_pending_total = 1000, on_response = entries.keep }, function(server)
      server:get("/", function(_, res) res:reply(200, ("x"):rep(2000)) end)
    end)
    assert.equal(503, serving.request("GET /").status)
    raw.pump(function() return entries.list[1] end, "the entry")
    assert.equal(503, entries.list[1].status)
    assert.equal("/", entries.list[1].req.path)
  end)

  describe("over HTTP/2", function()
    local function refused(status, expected, options, send)
      start(options)
      local client = frames.open(serving.connect())
      send(client)
      client:receive("HEADERS", 1)
      check(expected)
      check { status = status, protocol = "HTTP/2" }
      assert.truthy(entries.list[1].bytes > 0)
      client.client:close()
    end

    it("of a bad head", function()
      refused(400, { method = "GET", target = "/x#y" }, nil, function(client)
        client:get(1, "GET /x#y")
      end)
    end)

    it("of a long target, a large head, a large body", function()
      refused(414, { method = "GET", target = false }, nil, function(client)
        client:get(1, "GET /" .. ("x"):rep(9000))
      end)
      serving.stop()
      refused(431, { method = "GET", target = "/x" }, { max_head_size = 1000 }, function(client)
        client:get(1, "GET /x", { "a", ("a"):rep(900), "b", ("b"):rep(300) })
      end)
      serving.stop()
      refused(413, { method = "POST", target = "/x" }, nil, function(client)
        client:get(1, "POST /x", { "content-length", "2000000" }, true)
      end)
    end)

    it("of a body that stops", function()
      refused(408, { method = "POST", target = "/x" }, { body_timeout = 30 }, function(client)
        client:get(1, "POST /x", nil, true)
      end)
    end)
  end)
end)
