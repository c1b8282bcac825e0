-- server:drain: the end of a server that nobody is hurt by.
local serving = require "spec.support.serving"
local socket = require "socket"
local sse = require "sse"
local raw = require "spec.support.raw"
local wait = require "spec.support.wait"

local LONG = 3600 * 1000 -- what must not be waited for
local HEAD = " HTTP/1.1\r\nHost: a\r\n\r\n"

-- Begins to drain in a task; gives what it came to.
local function drain(server, options)
  local log = {}
  sse.spawn(function() log.result = server:drain(options) end)
  return log
end

local function drained(log)
  raw.pump(function() return log.result ~= nil end, "the drain")
  assert.is_true(log.result)
end

-- Until the server has told its kernel that it listens no more.
local function refuses(port)
  raw.pump(function()
    local s = socket.tcp4()
    local ok = s:connect("127.0.0.1", port)
    s:close()
    return not ok
  end, "a refused connection")
end

-- A handler that answers when it is told to.
local function held()
  local gate = {}
  function gate.handler(_, res)
    gate.res = res
    if gate.begun then res:write_head(200) end
    while not gate.open do sse.sleep(1) end
    res:reply(200, "late")
  end
  function gate.streamed(_, res)
    gate.res = res
    res:write("one ")
    while not gate.open do sse.sleep(1) end
    res:write("two")
    res:finish()
  end
  return gate
end

local function asks(path)
  local client = serving.connect()
  client:send("GET " .. path .. HEAD)
  return client
end

-- A stream's client, behind its head.
local function listener(path)
  local client = asks(path or "/stream")
  assert.equal(200, client:head().status)
  return client
end

local function streams(server)
  server:get("/stream", function(_, res) res:event_stream() end)
end

-- What a drained stream ends with: a retry, the last chunk, and the end.
local function retry_of(client)
  local chunk, rest = client:receive_all():match "^%x+\r\nretry: (%d+)\n\n\r\n(.*)$"
  assert.equal("0\r\n\r\n", rest)
  client:close()
  return tonumber(chunk)
end

describe("server:drain", function()
  after_each(serving.stop)

  it("accepts no more and closes idle connections", function()
    local server = serving.start(function(s)
      s:get("/", function(_, res) res:reply(200, "x") end)
    end)
    local idle = serving.connect()
    assert.equal("x", idle:request("GET /").body)
    local log = drain(server, { within = LONG })
    assert.equal("", idle:receive_all())
    idle:close()
    drained(log)
    refuses(server.port)
    assert.equal(0, server:stats().connections)
  end)

  it("lets an answer finish, and says that it is the last", function()
    local gate = held()
    local server = serving.start(function(s) s:get("/", gate.handler) end)
    local client = asks "/"
    raw.pump(function() return gate.res end, "the request")
    local log = drain(server, { within = LONG })
    refuses(server.port)
    assert.is_nil(log.result)
    gate.open = true
    local answer = client:response()
    assert.equal("late", answer.body)
    assert.equal("close", answer.headers.connection)
    assert.equal("", client:receive_all())
    client:close()
    drained(log)
  end)

  it("lets an answer finish whose head went out before", function()
    local gate = held()
    local server = serving.start(function(s) s:get("/", gate.streamed) end)
    local client = asks "/"
    local head = client:head()
    assert.is_nil(head.headers.connection)
    local log = drain(server, { within = LONG })
    refuses(server.port)
    gate.open = true
    assert.equal("4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n", client:receive_all())
    client:close()
    drained(log)
  end)

  it("answers a request that has begun to arrive, and none behind it", function()
    local paths = {}
    local server = serving.start(function(s)
      s:get("/:name", function(req, res)
        paths[#paths + 1] = req.path
        res:reply(200, "x")
      end)
    end)
    local client = serving.connect()
    client:request "GET /first"
    client:send "GET /second HTTP/1.1\r\n"
    raw.pump(function() return server:stats().bytes_in > 60 end, "half a request")
    local log = drain(server, { within = LONG })
    refuses(server.port)
    client:send("Host: a\r\n\r\nGET /third" .. HEAD)
    assert.equal("close", client:response().headers.connection)
    assert.equal("", client:receive_all())
    client:close()
    drained(log)
    assert.same({ "/first", "/second" }, paths)
  end)

  it("answers who knocked before, and those whose first request is on its way", function()
    local server = serving.start(function(s)
      s:get("/", function(_, res) res:reply(200, "x") end)
    end)
    local early = serving.connect()
    raw.pump(function() return server:stats().connections == 1 end, "the connection")
    local knocks = serving.connect() -- in the kernel's queue: the loop has not turned since
    assert.equal(1, server:stats().connections)
    local log = {}
    sse.spawn(function()
      knocks:send("GET /" .. HEAD)
      log.result = server:drain { within = LONG }
    end)
    refuses(server.port)
    early:send("GET /" .. HEAD)
    for _, client in ipairs { knocks, early } do
      local answer = client:response()
      assert.equal("x", answer.body)
      assert.equal("close", answer.headers.connection)
      client:close()
    end
    drained(log)
  end)

  it("closes a connection that says nothing", function()
    local server = serving.start()
    local silent = serving.connect()
    raw.pump(function() return server:stats().connections == 1 end, "the connection")
    local log = drain(server, { within = LONG })
    assert.equal("", silent:receive_all())
    silent:close()
    drained(log)
  end)

  it("spreads the ends of streams, each with a retry of its own", function()
    local N, WITHIN, ends, retries = 8, 800, {}, {}
    local server = serving.start(function(s)
      s:get("/stream", function(_, res)
        res:event_stream().onclose = function(reason)
          ends[#ends + 1] = { at = sse.now(), reason = reason }
        end
      end)
    end)
    local clients = {}
    for i = 1, N do clients[i] = listener() end
    local log, start = {}, nil
    sse.spawn(function()
      start = sse.now()
      log.result = server:drain { within = WITHIN, retry = 1000 }
    end)
    for _, client in ipairs(clients) do
      local retry = retry_of(client)
      assert.is_true(retry >= 1000 and retry <= 1500)
      retries[retry] = true
    end
    drained(log)
    assert.equal(N, #ends)
    for i, one in ipairs(ends) do -- a deadline is never early, so this holds on a slow machine too
      assert.equal("server", one.reason)
      assert.is_true(one.at - start >= WITHIN * (i - 1) // N)
    end
    assert.is_truthy(next(retries, next(retries)), "all the same")
    assert.equal(N, server:stats().streams_ended.server)
  end)

  it("ends a stream that is opened meanwhile likewise, and does not refuse it", function()
    local gate = held()
    local server = serving.start(function(s)
      s:get("/late", function(_, res)
        gate.res = res
        while not gate.open do sse.sleep(1) end
        local stream = res:event_stream { retry = 1 }
        assert(stream:send "hello")
      end)
    end)
    local client = asks "/late"
    raw.pump(function() return gate.res end, "the request")
    local log = drain(server, { within = 300, retry = 10 })
    refuses(server.port)
    gate.open = true
    local head = client:head()
    assert.equal(200, head.status)
    assert.equal("close", head.headers.connection)
    local text = client:receive_all()
    assert.truthy(text:find("retry: 1\n\n", 1, true))
    assert.truthy(text:find("data: hello\n\n", 1, true))
    assert.truthy(text:find "retry: 1%d\n\n\r\n0\r\n\r\n$")
    client:close()
    drained(log)
  end)

  it("ends a stream over HTTP/1.0 too", function()
    local server = serving.start(streams)
    local client = serving.connect()
    client:send "GET /stream HTTP/1.0\r\n\r\n"
    client:head()
    local log = drain(server, { within = 0 })
    assert.truthy(client:receive_all():find "^retry: %d+\n\n$")
    client:close()
    drained(log)
  end)

  it("lets the followers of a channel go, who come back with what they missed", function()
    local news = sse.channel("drained", { history = 10 })
    local function routes(s)
      s:get("/news", function(_, res) res:event_stream():follow(news) end)
    end
    local server = serving.start(routes)
    local got, reasons = {}, {}
    news:on("leave", function(followers, reason) reasons[#reasons + 1] = reason .. followers end)
    local url = ("http://127.0.0.1:%d/news"):format(server.port)
    local source = sse.EventSource(url, { minRetryInterval = 1 })
    source.onmessage = function(ev) got[#got + 1] = ev.data end
    raw.pump(function() return news.followers == 1 end, "the follower")
    news:publish "one"
    raw.pump(function() return #got == 1 end, "an event")
    local log = drain(server, { within = 0, retry = 20 })
    drained(log)
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

  it("closes at once what is left after the grace", function()
    local gate, reason = held(), nil
    local server = serving.start(function(s)
      s:get("/", gate.handler)
      s:get("/stuck", function(_, res)
        local stream = res:event_stream { max_pending = 64 * 2^20 }
        stream.onclose = function(why) reason = why end
        stream:send(("x"):rep(32 * 2^20)) -- more than the kernel takes
      end)
    end)
    local client, stuck = asks "/", listener "/stuck"
    raw.pump(function() return gate.res end, "the request")
    local log = drain(server, { within = 10, grace = 100 })
    drained(log)
    assert.equal("", client:receive_all())
    assert.equal("closed", select(2, gate.res:reply(200, "x")))
    assert.equal("server", reason)
    stuck:close()
    gate.open = true
    wait.idle()
    serving.errors = {} -- the handler's own reply, to nobody
  end)

  for name, stop in pairs {
    ["a second drain"] = function(server) assert.is_true(server:drain()) end,
    ["server:stop()"] = function(server) server:stop() end,
    ["server:close()"] = function(server) server:close() end,
  } do
    it("is ended at once by " .. name, function()
      local server = serving.start(streams)
      local client = listener()
      local log = drain(server, { within = LONG })
      refuses(server.port)
      assert.is_nil(log.result)
      sse.spawn(stop, server)
      client:receive_all()
      drained(log)
    end)
  end

  it("may be ended by a stream that it ends", function()
    local server
    server = serving.start(function(s)
      s:get("/stream", function(_, res)
        res:event_stream().onclose = function() server:stop() end
      end)
    end)
    local one, two = listener(), listener()
    local log = drain(server, { within = 100 })
    one:receive_all()
    two:receive_all()
    drained(log)
  end)

  it("goes on though a callback raises", function()
    local server = serving.start(function(s)
      s:get("/stream", function(_, res)
        res:event_stream().onclose = function() error "in onclose" end
      end)
    end)
    local client = listener()
    local log = drain(server, { within = 0 })
    local ok, message = pcall(drained, log)
    assert.is_false(ok)
    assert.truthy(tostring(message):find "in onclose")
    assert.equal("0\r\n\r\n", client:receive_all():sub(-5))
    client:close()
    drained(log)
  end)

  it("pumps outside of a task", function()
    local server = serving.start(streams)
    local client = listener()
    local ended
    sse.spawn(function()
      while not ended do
        client:take()
        ended = client.eof
        sse.sleep(1)
      end
      client:close()
    end)
    assert.is_true(server:drain { within = 20 })
    assert.truthy(ended)
  end)

  it("raises in a callback, and changes nothing", function()
    local server = serving.start(streams)
    local ok, message
    sse.after(0, function() ok, message = pcall(server.drain, server) end)
    raw.pump(function() return ok ~= nil end, "the callback")
    assert.is_false(ok)
    assert.truthy(message:find("server:drain: a callback can't wait", 1, true))
    assert.equal(404, serving.request("GET /").status)
  end)

  it("is done at once where nothing is open, and may listen again", function()
    local server = serving.start(function(s)
      s:get("/", function(_, res) res:reply(200, "x") end)
      streams(s)
    end)
    assert.is_true(server:drain { within = LONG })
    assert.is_true(server:drain { within = LONG })
    assert(server:listen())
    local client = serving.connect()
    assert.is_nil(client:request("GET /").headers.connection)
    assert.equal("x", client:request("GET /").body)
    client:close()
    local stream = listener()
    assert.is_true(wait.stays_true(function() return server:stats().streams == 1 end, 60))
    stream:close()
    assert.is_true(sse.server():drain())
  end)

  it("refuses what it can't use", function()
    local server = serving.start()
    local cases = {
      { { within = -1 }, "option 'within' must be a number from 0 to 86400000 (milliseconds), got "
        .. "number -1" },
      { { within = "1" }, "option 'within' must be a number" },
      { { within = 0 / 0 }, "option 'within' must be a number" },
      { { grace = math.huge }, "option 'grace' must be a number" },
      { { retry = {} }, "option 'retry' must be a number" },
      { { withing = 1 }, "unknown option 'withing' (did you mean 'within'?)" },
      { 5, "expected a table of options, got number 5" },
    }
    for _, case in ipairs(cases) do
      local ok, message = pcall(server.drain, server, case[1])
      assert.is_false(ok)
      assert.truthy(message:find("server:drain: " .. case[2], 1, true), message)
    end
    assert.has_error(function() server.drain { within = 1 } end,
      "call it with ':' (server:drain)")
    assert.is_true(server.core.listening)
  end)
end)
