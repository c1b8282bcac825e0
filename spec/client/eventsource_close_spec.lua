-- close() at every stage, and that it leaves nothing behind: CONFORMANCE lines 38, 41 and 44.
local core = require "sse.core"
local fixture = require "spec.support.fixture"
local socket = require "socket"
local sse = require "sse"
local wait = require "spec.support.wait"

local serve, open, record = fixture.serve, fixture.source, fixture.record
local CLOSED = 2

local function is_silent(source, log, server)
  local seen = log.types()
  assert.equal(CLOSED, source.readyState)
  wait.past(5) -- a request that is under way would arrive now
  local asked = #server.requests
  wait.past(30) -- several times the retry interval
  assert.equal(seen, log.types())
  assert.equal(asked, #server.requests)
  wait.till(function() return server.open == 0 end, "the end of every connection")
end

describe("close()", function()
  after_each(fixture.finish)

  it("line 38: at once, before anything was sent", function()
    local server = serve(function(conn) conn:stream() end)
    local source = open(server:url())
    local log = record(source)
    source:close()
    assert.equal(CLOSED, source.readyState)
    is_silent(source, log, server)
    assert.equal(0, #server.connections)
  end)

  it("line 38: while a name is looked up, without waiting for the result", function()
    local server = serve(function() end)
    local source = open("http://name.that.takes.its.time.invalid/")
    local log = record(source)
    core.turn()
    core.turn()
    local began = core.now()
    source:close()
    assert.is_true(core.now() - began < 1000)
    is_silent(source, log, server)
  end)

  it("line 38: while connecting, in each of the first turns of the loop", function()
    for turns = 1, 8 do
      local server = serve(function(conn) conn:stream():send("data: x\n\n") end)
      local source = open(server:url())
      local log = record(source)
      for _ = 1, turns do core.turn() end
      source:close()
      is_silent(source, log, server)
      server:stop()
    end
  end)

  it("line 38: within a TLS handshake", function()
    local server
    server = serve(function() end)
    server.on_accept = function(conn) conn.deaf = true end
    local source = open(("https://127.0.0.1:%d/"):format(server.port))
    local log = record(source)
    wait.till(function() return server.connections[1] end, "the connection")
    core.turn()
    source:close()
    server.connections[1].deaf = false
    server.handler = function() end
    is_silent(source, log, server)
  end)

  it("line 38: within a TLS handshake, when the first message was read", function()
    local server = serve(function() end)
    local source = open(("https://127.0.0.1:%d/"):format(server.port))
    local log = record(source)
    local hello = wait.till(function()
      return server.connections[1] and server.connections[1].input:match "^\x16.+"
    end, "the ClientHello")
    assert.is_true(#hello > 100)
    source:close()
    is_silent(source, log, server)
    assert.equal("", log.types())
  end)

  it("line 38: while no connection is accepted: the backlog is full", function()
    local listener = assert(socket.tcp4())
    assert(listener:bind("127.0.0.1", 0))
    assert(listener:listen(0))
    local before, fillers = wait.fds(), {}
    local _, port = listener:getsockname()
    for i = 1, 4 do
      fillers[i] = socket.tcp4()
      fillers[i]:settimeout(0)
      fillers[i]:connect("127.0.0.1", port)
    end
    local filled = wait.fds()
    local source = open(("http://127.0.0.1:%s/"):format(port))
    local log = record(source)
    wait.till(function() return wait.fds() > filled end, "the socket")
    source:close()
    wait.till(function() return wait.fds() == filled end, "the end of the socket")
    for _, filler in ipairs(fillers) do filler:close() end
    assert.equal(before, wait.fds())
    listener:close()
    wait.past(30)
    assert.equal("", log.types())
  end)

  local stages = {
    ["while the head is awaited"] = function() end,
    ["within the head"] = function(conn) conn:send("HTTP/1.1 200 OK\r\nContent-T") end,
    ["within an event"] = function(conn) conn:stream():send("data: x\n\ndata: half") end,
    ["within a chunk"] = function(conn)
      conn:stream("Transfer-Encoding: chunked"):send("ff\r\ndata: x\n")
    end,
    ["within an error body"] = function(conn)
      conn:head(500, "Content-Length: 100"):send("half")
    end,
  }
  for stage, handler in pairs(stages) do
    it("line 38: " .. stage, function()
      local handled = false
      local server = serve(function(conn)
        handler(conn)
        core.after(5, function() handled = true end)
      end)
      local source = open(server:url())
      local log = record(source)
      wait.till(function() return handled end, "the stage")
      source:close()
      source:close() -- twice is harmless
      is_silent(source, log, server)
      assert.equal(0, log.count("error"))
    end)
  end

  it("line 38: while it waits to connect again", function()
    local server = serve(function(conn) conn:stream():close() end)
    local waiting = false
    local source = open(server:url(), {
      retryInterval = 20, onreconnect = function() core.defer(function() waiting = true end) end,
    })
    local log = record(source)
    wait.till(function() return waiting end, "the wait")
    source:close()
    is_silent(source, log, server)
    assert.equal(1, #server.requests)
  end)

  for _, type_ in ipairs { "open", "message", "error" } do
    it("line 38: inside " .. type_ .. "; the event reaches its other listeners", function()
      local server = serve(function(conn)
        conn:stream():send("data: 1\n\ndata: 2\n\n: c\n\n"):close()
      end)
      local source = open(server:url())
      local log, heard = record(source), 0
      source:addEventListener(type_, function() source:close() end)
      source:addEventListener(type_, function() heard = heard + 1 end)
      wait.till(function() return heard > 0 end, type_)
      is_silent(source, log, server)
      assert.equal(1, heard)
      local expected = { open = "open", message = "open message",
        error = "open message message error" }
      assert.equal(expected[type_], log.types())
      assert.equal(1, #server.requests)
    end)
  end

  it("line 38: inside a comment", function()
    local server = serve(function(conn)
      conn:stream():send("data: 1\n\n: c\ndata: 2\n\n: d\n\n")
    end)
    local source = open(server:url())
    local log, comments = record(source), {}
    source.oncomment = function(text)
      comments[#comments + 1] = text
      source:close()
    end
    wait.till(function() return #comments > 0 end, "the comment")
    is_silent(source, log, server)
    assert.same({ " c" }, comments)
    assert.equal("open message", log.types())
  end)

  it("line 38: inside onreconnect, a headers function and a reconnect function", function()
    local server = serve(function(conn) conn:stream():close() end)
    local where = {
      onreconnect = function(o, f) o.onreconnect = f end,
      reconnect = function(o, f) o.reconnect = f end,
      headers = function(o, f)
        local asked = 0
        o.headers = function()
          asked = asked + 1
          if asked == 2 then f() end
        end
      end,
    }
    for name, place in pairs(where) do
      local options, source, closed = {}, nil, false
      place(options, function()
        source:close()
        closed = true
      end)
      source = open(server:url(), options)
      local log = record(source)
      wait.till(function() return closed end, name)
      is_silent(source, log, server)
    end
  end)

  it("line 44: one source closes another inside its event, both ways round", function()
    local server = serve(function(conn) conn:stream():send("data: x\n\n") end)
    local a, b = open(server:url("/a")), open(server:url("/b"))
    local heard = {}
    for name, pair in pairs { a = { a, b }, b = { b, a } } do
      pair[1].onmessage = function()
        heard[#heard + 1] = name
        pair[2]:close()
      end
    end
    wait.till(function() return #heard > 0 end, "a message")
    wait.past(30)
    assert.equal(1, #heard)
    a:close()
    b:close()
  end)

  it("line 44: fifty sources share the loop", function()
    local server = serve(function(conn, request)
      conn:stream():send("data: ", request.target, "\n\n")
    end)
    local got, sources = 0, {}
    for i = 1, 50 do
      sources[i] = open(server:url("/" .. i))
      sources[i].onmessage = function(ev)
        assert.equal("/" .. i, ev.data)
        got = got + 1
      end
    end
    wait.till(function() return got == 50 end, "fifty messages")
    for _, source in ipairs(sources) do source:close() end
    wait.till(function() return server.open == 0 end, "the close of all")
  end)

  it("a signal closes it, without an error", function()
    local server = serve(function(conn) conn:stream():send("data: x\n\n") end)
    local controller = sse.AbortController()
    local source = open(server:url(), { signal = controller.signal })
    local log = record(source)
    log.till("message")
    controller:abort()
    is_silent(source, log, server)
    assert.equal(CLOSED, open(server:url(), { signal = controller.signal }).readyState)
    wait.past(10)
    assert.equal(1, #server.requests)
  end)

  it("leaves no descriptor", function()
    local server = serve(function(conn) conn:stream():send("data: x\n\n") end)
    local function round()
      local source = open(server:url())
      record(source).till("message")
      source:close()
      wait.till(function() return server.open == 0 end, "the close")
    end
    round()
    local before = wait.fds()
    for _ = 1, 5 do round() end
    assert.equal(before, wait.fds())
  end)

  it("lets sse.run return", function()
    local server = serve(function(conn) conn:stream():send("data: x\n\n") end)
    local source = open(server:url())
    source.onmessage = function()
      source:close()
      server:stop()
    end
    sse.run()
    assert.equal(CLOSED, source.readyState)
  end)
end)
