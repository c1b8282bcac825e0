-- Hostile response heads: too many bytes or fields, endless lines, floods of interim heads,
-- trailers, heads that come a byte at a time. Failures of a proxy, and of a process without
-- descriptors.
local child = require "spec.support.child"
local core = require "sse.core"
local fixture = require "spec.support.fixture"
local sse = require "sse"

local serve, open, record = fixture.serve, fixture.source, fixture.record

local LINE = ("x"):rep(60)

local function fields(n) return ("A: b\r\n"):rep(n) end

-- Serves these bytes as the response to every request.
local function answer(bytes)
  return serve(function(conn) conn:send(bytes) end)
end

-- Serves `first` to every request, then piece(i) every 2 ms until the connection is closed.
local function drip(first, piece)
  return serve(function(conn)
    conn:send(first)
    local i = 0
    local timer
    timer = core.every(2, function()
      i = i + 1
      if conn.closed then timer:stop() else conn:send(piece(i)) end
    end)
  end)
end

local function failure_of(server, options)
  local res, message, code = sse.fetch(server:url(), options)
  assert.is_nil(res)
  return code, message
end

describe("a response's head", function()
  after_each(fixture.finish)

  it("has at most 100 fields, or maxHeadFields", function()
    local function reply(n) return answer("HTTP/1.1 204 No\r\n" .. fields(n) .. "\r\n") end
    local res = assert(sse.fetch(reply(100):url()))
    assert.equal(("b, "):rep(99) .. "b", res.headers.a)
    local code, message = failure_of(reply(101))
    assert.equal("ETOOBIG", code)
    assert.matches("maxHeadFields", message)
    assert.equal(40000 * 3 - 2, #assert(sse.fetch(reply(40000):url(), {
      maxHeadFields = 40000, maxHeadSize = 262144,
    })).headers.a)
  end)

  it("has at most 64 KiB, or maxHeadSize", function()
    local function reply(size)
      local head = "HTTP/1.1 204 No\r\nA: %s\r\n\r\n"
      return answer(head:format(("x"):rep(size - #head + 2)))
    end
    assert(sse.fetch(reply(65536):url()))
    local code, message = failure_of(reply(65537))
    assert.equal("ETOOBIG", code)
    assert.matches("maxHeadSize", message)
    assert(sse.fetch(reply(90000):url(), { maxHeadSize = 90000 }))
    assert.equal("ETOOBIG", (failure_of(reply(50), { maxHeadSize = 49 })))
  end)

  it("that is too large fails an EventSource for good", function()
    local source = open(answer("HTTP/1.1 200 OK\r\n" .. fields(500)):url())
    local log = record(source)
    assert.equal("ETOOBIG", log.till("error").event.code)
    assert.equal(sse.EventSource.CLOSED, source.readyState)
  end)

  it("counts interim heads and trailers", function()
    for name, bytes in pairs {
      ["100 without end"] = ("HTTP/1.1 100 Continue\r\n\r\n"):rep(5000),
      ["103 without end"] = ("HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"):rep(5000),
    } do
      assert.equal("ETOOBIG", (failure_of(answer(bytes))), name)
    end
    local head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
    for _, trailers in ipairs { fields(200) .. "\r\n", ("T: " .. LINE .. "\r\n"):rep(2000) } do
      local res = assert(sse.fetch(answer(head .. trailers):url()))
      assert.equal("ETOOBIG", select(3, res:text()))
    end
  end)

  it("with a line without end fails with ETOOBIG", function()
    local code, message = failure_of(answer("HTTP/1.1 200 OK\r\nA: " .. ("x"):rep(200000)))
    assert.equal("ETOOBIG", code)
    assert.matches("line", message)
  end)

  local drips = {
    ["line by line"] = { "HTTP/1.1 200 OK\r\n", function(i) return ("A%d: b\r\n"):format(i) end },
    ["byte by byte"] = { "HTTP/1.1 200 OK\r\nA: ", function() return "x" end },
    ["within the status line"] = { "HTTP/1.1 200 ", function() return "x" end },
    ["after an interim one"] = {
      "HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n", function() return "x" end,
    },
    ["in interim ones"] = { "HTTP/1.1 103 H\r\n", function() return "A: b\r\n" end },
  }
  for name, case in pairs(drips) do
    it("that drips " .. name .. " is silence to heartbeatTimeout", function()
      local log = record(open(drip(case[1], case[2]):url(), {
        heartbeatTimeout = 60, maxHeadFields = 1000000,
      }))
      assert.equal("ETIMEDOUT", log.till("error").event.code)
    end)

    it("that drips " .. name .. " has connectTimeout", function()
      local code, message = failure_of(drip(case[1], case[2]), {
        connectTimeout = 100, maxHeadFields = 1000000,
      })
      assert.equal("ETIMEDOUT", code)
      assert.matches("head", message)
    end)
  end

  it("that comes late, or after an interim one, is in time", function()
    for _, first in ipairs { "", "HTTP/1.1 102 Processing\r\n\r\n" } do
      local server = serve(function(conn)
        conn:send(first)
        core.after(150, function() conn:reply(200, "late") end)
      end)
      assert.equal("late", assert(sse.fetch(server:url(), { connectTimeout = 50 })):text())
    end
  end)

  it("trailers that drip are silence, too", function()
    local kind = "Content-Type: text/event-stream\r\n"
    local server = drip("HTTP/1.1 200 OK\r\n" .. kind .. "Transfer-Encoding: chunked\r\n\r\n0\r\n",
      function(i) return ("T%d: x\r\n"):format(i) end)
    local log = record(open(server:url(), { heartbeatTimeout = 60, maxHeadFields = 1000000 }))
    assert.equal("ETIMEDOUT", log.till("error").event.code)
  end)
end)

describe("a proxy that lies", function()
  after_each(fixture.finish)

  local lies = {
    ["closes"] = function(conn) conn:close() end,
    ["resets"] = function(conn) conn:reset() end,
    ["speaks no HTTP"] = function(conn) conn:send("SSH-2.0-x\r\n\r\n"):close() end,
    ["ends within its head"] = function(conn) conn:send("HTTP/1.1 200 OK\r\nA: b"):close() end,
    ["sends a line without end"] = function(conn) conn:send(("x"):rep(200000)) end,
    ["sends a head without end"] = function(conn)
      conn:send("HTTP/1.1 200 OK\r\n" .. ("A: " .. LINE .. "\r\n"):rep(10000))
    end,
    ["refuses"] = function(conn) conn:reply(403, "no") end,
  }
  for name, lie in pairs(lies) do
    it("is EPROXY where it " .. name, function()
      local proxy = serve(lie)
      local res, _, code = sse.fetch("https://127.0.0.1:1/", { proxy = proxy:url() })
      assert.is_nil(res)
      assert.equal("CONNECT", proxy.requests[1].method)
      assert.equal("EPROXY", code)
    end)
  end
end)

describe("without a descriptor left", function()
  after_each(child.stop)

  it("a request fails with EMFILE, by number and by name", function()
    local program = child.script([[
      local sse = require "sse"
      sse.after(0, function() end)
      local files = {}
      for _ = 1, 100 do files[#files + 1] = io.open "/dev/null" end
      for _, host in ipairs { "127.0.0.1", "localhost" } do
        print((select(3, sse.fetch("http://" .. host .. ":1/"))))
      end
      for _, file in ipairs(files) do file:close() end
      print((select(3, sse.fetch("http://127.0.0.1:1/"))))
    ]], "sh -c 'ulimit -n 64; exec \"$@\"' sh")
    program:till "EMFILE\nEMFILE\nECONNREFUSED\n"
  end)

  it("a server's listen fails with EMFILE, and succeeds later", function()
    local program = child.script([[
      local server, files = require "sse".server {}, {}
      for _ = 1, 100 do files[#files + 1] = io.open "/dev/null" end
      print((select(3, server:listen())))
      for _, file in ipairs(files) do file:close() end
      print((server:listen()))
      server:close()
    ]], "sh -c 'ulimit -n 64; exec \"$@\"' sh")
    program:till "EMFILE\ntrue\n"
  end)
end)
