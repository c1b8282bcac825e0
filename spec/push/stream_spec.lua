-- Event streams of the server's Lua interface over real sockets: by our client over each transport,
-- and below by bytes on a bare socket.
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local task = require "sse.task"
local wait = require "spec.support.wait"

serving.each("server stream", function(transport)
  after_each(serving.stop)

  it("line 46: the head is flushed before the first event", function()
    local stream
    serving.start(function(server)
      server:get("/", function(_, res) stream = res:event_stream() end)
    end)
    local head = serving.listen()
    assert.equal(200, head.status)
    assert.equal("text/event-stream", head.headers["content-type"])
    assert.equal("no-cache, no-transform", head.headers["cache-control"])
    assert.equal("no", head.headers["x-accel-buffering"])
    local framing = transport.protocol == "HTTP/1.1" and "chunked" or nil
    assert.equal(framing, head.headers["transfer-encoding"])
    assert.is_false(stream.closed)
  end)

  it("sends events, JSON and comments", function()
    serving.start(function(server)
      server:get("/", function(_, res)
        local stream = res:event_stream { retry = 2000, headers = { ["X-A"] = "1" } }
        assert(stream:send "text")
        assert(stream:send { event = "tick", id = "7", data = { n = 1 } })
        assert(stream:comment "hush")
        stream:close()
      end)
    end)
    local client = serving.listen()
    assert.equal("1", client.headers["x-a"])
    local text = client:rest()
    local want = 'retry: 2000\n\ndata: text\n\nevent: tick\nid: 7\ndata: {"n":1}\n\n: hush\n\n'
    assert.equal(want:gsub(": ", ":"), (text:gsub(": ", ":")))
    assert.same({}, serving.errors)
  end)

  it("stays open when its handler has returned and the collector has run", function()
    local held
    serving.start(function(server)
      server:get("/", function(_, res)
        local stream = res:event_stream()
        stream:send "one"
        task.spawn(function() held = stream:send "two" and stream end)
      end)
    end)
    local client = serving.listen()
    client:till "two\n\n"
    collectgarbage()
    collectgarbage()
    wait.past(5)
    assert.is_nil(client.ended)
    assert.is_false(held.closed)
  end)

  it("keeps what its handler knows of the request", function()
    local seen
    serving.start(function(server)
      server:get("/:x", function(req, res)
        res:event_stream()
        task.sleep(1)
        seen = { req.params.x, req.query.q, req.headers["x-a"], req.last_event_id, req.body,
          req.secure }
      end)
    end)
    serving.listen("/p?q=1", { ["Last-Event-ID"] = "5", ["X-A"] = "a" })
    raw.pump(function() return seen end, "the handler")
    assert.same({ "p", "1", "a", "5", "", transport.secure }, seen)
  end)

  it("tells why it closed", function()
    local reasons, streams = {}, {}
    local server = serving.start(function(s)
      s:get("/:who", function(req, res)
        local stream = res:event_stream()
        streams[req.params.who] = stream
        stream.on_close = function(reason) reasons[req.params.who] = reason end
        if req.params.who == "ours" then stream:close() end
      end)
    end)
    local theirs = serving.listen "/theirs"
    serving.listen "/ours"
    serving.listen "/all"
    theirs:close()
    raw.pump(function()
      streams.all:comment() -- libcurl reports an end only when another stream receives something
      return reasons.theirs
    end, "on_close")
    server:close()
    raw.pump(function() return reasons.ours and reasons.all end, "on_close")
    assert.same({ theirs = "client", ours = "server", all = "server" }, reasons)
  end)

  it("gives nil, closed once it is", function()
    local results
    serving.start(function(server)
      server:get("/", function(_, res)
        local stream = res:event_stream()
        stream:close()
        stream:close()
        results = { { stream:send "x" }, { stream:comment "x" }, { stream:drain() }, stream.closed }
      end)
    end)
    serving.listen()
    raw.pump(function() return results end, "the handler")
    local closed = { nil, "closed", "ECLOSED" }
    assert.same({ closed, closed, closed, true }, results)
  end)

  it("gives nil, full past max_pending, and drains", function()
    local full, drained, on_drain = 0, 0, 0
    serving.start(function(server)
      server:get("/", function(_, res)
        local stream = res:event_stream { max_pending = 100000, compress = false }
        stream.on_drain = function() on_drain = on_drain + 1 end
        local piece = ("x"):rep(9990)
        for _ = 1, 1200 do
          local ok, message, code = stream:send(piece)
          while not ok do
            assert(message == "full" and code == "EFULL")
            assert(stream.pending > 0 and stream.pending <= 100000)
            full = full + 1
            assert(stream:drain())
            drained = drained + 1
            ok, message, code = stream:send(piece)
          end
        end
        stream:close()
      end)
    end)
    local client = serving.listen()
    client:pause()
    raw.pump(function() return full > 0 end, "a full stream")
    client:resume()
    local count = select(2, client:rest():gsub("data: ?x", ""))
    assert.equal(1200, count)
    assert.is_true(drained > 0 and on_drain > 0)
    assert.same({}, serving.errors)
  end)

  it("wakes a drain when the client leaves", function()
    local got
    serving.start(function(server)
      server:get("/", function(_, res)
        -- A compressed stream takes long to be full.
        local stream = res:event_stream { compress = false }
        while stream:send(("x"):rep(100000)) do end
        got = { stream:drain() }
      end)
    end)
    local client = serving.listen()
    client:close()
    raw.pump(function() return got end, "the drain to end")
    assert.same({ nil, "closed", "ECLOSED" }, got)
  end)

  it("drains outside of a task by pumping", function()
    local stream
    serving.start(function(server)
      server:get("/", function(_, res) stream = res:event_stream() end)
    end)
    local client = serving.listen()
    stream:send "x"
    assert.is_true(stream:drain())
    assert.equal(0, stream.pending)
    client:till "x\n\n"
  end)

  it("comments after silence, or never", function()
    local held <const> = {} -- a stream that nobody can send on would be ended
    local paths = { ["/"] = {}, ["/own"] = { heartbeat = 20 }, ["/never"] = { heartbeat = false } }
    serving.start({ heartbeat = 20 }, function(server)
      for path, given in pairs(paths) do
        server:get(path, function(_, res) held[#held + 1] = res:event_stream(given) end)
      end
    end)
    local never = serving.listen "/never"
    for _, path in ipairs { "/", "/own" } do
      serving.listen(path):till ":[^\n]*\n\n:[^\n]*\n\n:[^\n]*\n\n"
    end
    assert.equal(":\n\n", never:text()) -- the byte that each stream begins with
  end)

  it("sends HEAD the head only", function()
    local stream
    serving.start(function(server)
      server:get("/", function(_, res)
        stream = res:event_stream()
        stream:send "x"
        stream:close()
      end)
    end)
    local head = serving.ask "HEAD /"
    assert.equal("text/event-stream", head.headers["content-type"])
    assert.equal("", head.body)
    assert.is_true(stream.closed)
    assert.same({}, serving.errors)
  end)

  for name, case in pairs {
    ["an unknown option"] = { { rety = 1 }, "did you mean 'retry'" },
    ["a retry that is no number"] = { { retry = "1s" }, "retry" },
    ["a keep-alive of true"] = { { heartbeat = true }, "heartbeat" },
    ["another content type"] = { { headers = { ["Content-Type"] = "text/plain" } }, "" },
    ["a header that can't be sent"] = { { headers = { X = "a\nb" } }, "control character" },
  } do
    it("raises on " .. name .. ", which is a 500", function()
      serving.start(function(server)
        server:get("/", function(_, res) res:event_stream(case[1]) end)
      end)
      assert.equal(500, serving.ask("GET /").status)
      assert.equal(1, #serving.errors)
      assert.truthy(serving.errors[1].message:find(case[2], 1, true), serving.errors[1].message)
    end)
  end

  it("closed by a callback of its own leaves nothing behind", function()
    local closed = 0
    serving.start(function(server)
      server:get("/", function(_, res)
        local stream = res:event_stream()
        stream.on_close = function()
          closed = closed + 1
          stream:close()
          stream:send "x"
          stream.on_close = nil
        end
        stream.on_drain = function() stream:close() end
      end)
    end)
    local text, failure = serving.listen():rest()
    assert.equal(":\n\n", text)
    assert.is_nil(failure)
    raw.pump(function() return closed > 0 end, "on_close")
    assert.equal(1, closed)
  end)
end)

describe("server stream", function()
  after_each(serving.stop)

  local function open(client, line)
    client:send((line or "GET / HTTP/1.1") .. "\r\nHost: a\r\n\r\n")
    return client:head()
  end

  it("sends each event in one chunk", function()
    serving.start(function(server)
      server:get("/", function(_, res)
        local stream = res:event_stream()
        stream:send "one"
        stream:send "two"
        stream:close()
      end)
    end)
    local client = serving.connect()
    open(client)
    local text = client:receive_until("0\r\n\r\n")
    assert.equal("b\r\ndata: one\n\n\r\nb\r\ndata: two\n\n\r\n0\r\n\r\n", text)
  end)

  it("tells that the client left, however it did", function()
    local reasons, streams = {}, {}
    serving.start(function(s)
      s:get("/:who", function(req, res)
        streams[res] = res:event_stream()
        streams[res].on_close = function(reason) reasons[req.params.who] = reason end
      end)
    end)
    local theirs, reset, shut = serving.connect(), serving.connect(), serving.connect()
    open(theirs, "GET /theirs HTTP/1.1")
    open(reset, "GET /reset HTTP/1.1")
    open(shut, "GET /shut HTTP/1.1")
    theirs:close()
    reset:reset()
    shut:shut()
    raw.pump(function() return reasons.theirs and reasons.reset and reasons.shut end, "on_close")
    assert.same({ theirs = "client", reset = "client", shut = "client" }, reasons, next(streams))
  end)

  it("sends HTTP/1.0 bare bytes until it closes", function()
    serving.start(function(server)
      server:get("/", function(_, res)
        local stream = res:event_stream()
        stream:send "x"
        stream:close()
      end)
    end)
    local old = serving.connect()
    assert.is_nil(open(old, "GET / HTTP/1.0").headers["transfer-encoding"])
    assert.equal("data: x\n\n", old:receive_all())
    assert.same({}, serving.errors)
  end)
end)
