-- server:shutdown: ends a server without breaking a response off.
local core = require "sse.core"
local shutdown = require "spec.support.shutdown"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

local HEAD, LONG = shutdown.HEAD, shutdown.LONG

describe("server:shutdown", function()
  after_each(serving.stop)

  it("accepts no more and closes idle connections", function()
    local server = serving.start(function(s)
      s:get("/", function(_, res) res:reply(200, "x") end)
    end)
    local idle = serving.connect()
    assert.equal("x", idle:request("GET /").body)
    local log = shutdown.start(server, { within = LONG })
    assert.equal("", idle:receive_all())
    idle:close()
    shutdown.finished(log)
    shutdown.refuses(server.port)
    assert.equal(0, server:stats().connections.open)
  end)

  it("lets a response finish, and says that it is the last", function()
    local gate = shutdown.gate()
    local server = serving.start(function(s) s:get("/", gate.whole) end)
    local client = shutdown.asks "/"
    raw.pump(function() return gate.res end, "the request")
    local log = shutdown.start(server, { within = LONG })
    shutdown.refuses(server.port)
    assert.is_nil(log.result)
    gate.open = true
    local response = client:response()
    assert.equal("late", response.body)
    assert.equal("close", response.headers.connection)
    assert.equal("", client:receive_all())
    client:close()
    shutdown.finished(log)
  end)

  it("lets a response finish whose head went out before", function()
    local gate = shutdown.gate()
    local server = serving.start(function(s) s:get("/", gate.streamed) end)
    local client = shutdown.asks "/"
    local head = client:head()
    assert.is_nil(head.headers.connection)
    local log = shutdown.start(server, { within = LONG })
    shutdown.refuses(server.port)
    gate.open = true
    assert.equal("4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n", client:receive_all())
    client:close()
    shutdown.finished(log)
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
    raw.pump(function() return server:stats().traffic.received_bytes > 60 end, "half a request")
    local log = shutdown.start(server, { within = LONG })
    shutdown.refuses(server.port)
    client:send("Host: a\r\n\r\nGET /third" .. HEAD)
    assert.equal("close", client:response().headers.connection)
    assert.equal("", client:receive_all())
    client:close()
    shutdown.finished(log)
    assert.same({ "/first", "/second" }, paths)
  end)

  it("answers connections not accepted yet, and ones whose first request is coming", function()
    local server = serving.start(function(s)
      s:get("/", function(_, res) res:reply(200, "x") end)
    end)
    local early = serving.connect()
    raw.pump(function() return server:stats().connections.open == 1 end, "the connection")
    local knocks = serving.connect()
    knocks:send("GET /" .. HEAD)
    assert.equal(1, server:stats().connections.open) -- the loop has not turned yet
    sse.spawn(function()
      early:send("GET /" .. HEAD)
      shutdown.till_closed { knocks, early }
    end)
    assert.is_true(server:shutdown { within = LONG })
    for _, client in ipairs { knocks, early } do
      local response = client:response()
      assert.equal("x", response.body)
      assert.equal("close", response.headers.connection)
    end
  end)

  it("closes a connection without a request", function()
    local server = serving.start()
    local silent = serving.connect()
    raw.pump(function() return server:stats().connections.open == 1 end, "the connection")
    local log = shutdown.start(server, { within = LONG })
    assert.equal("", silent:receive_all())
    silent:close()
    shutdown.finished(log)
  end)

  it("closes at once what is left after the grace", function()
    local gate, reason = shutdown.gate(), nil
    local server = serving.start(function(s)
      s:get("/", gate.whole)
      s:get("/stuck", function(_, res)
        local stream = res:event_stream { max_pending = 64 * 2^20 }
        stream.on_close = function(why) reason = why end
        stream:send(("x"):rep(32 * 2^20)) -- more than the kernel's buffers take
      end)
    end)
    local client, stuck = shutdown.asks "/", shutdown.listener "/stuck"
    raw.pump(function() return gate.res end, "the request")
    local log = shutdown.start(server, { within = 10, grace = 100 })
    shutdown.finished(log)
    assert.equal("", client:receive_all())
    assert.equal("closed", select(2, gate.res:reply(200, "x")))
    assert.equal("server", reason)
    stuck:close()
    gate.open = true
    wait.idle()
    serving.errors = {} -- the error of the handler's own, late reply
  end)

  for name, stop in pairs {
    ["a second shutdown"] = function(server) assert.is_true(server:shutdown()) end,
    ["server:close()"] = function(server) server:close() end,
  } do
    it("is ended at once by " .. name, function()
      local server = serving.start(shutdown.streams)
      local client = shutdown.listener()
      local log = shutdown.start(server, { within = LONG })
      shutdown.refuses(server.port)
      assert.is_nil(log.result)
      sse.spawn(stop, server)
      client:receive_all()
      shutdown.finished(log)
    end)
  end

  it("pumps outside of a task", function()
    local server = serving.start(shutdown.streams)
    local client = shutdown.listener()
    sse.spawn(shutdown.till_closed, { client })
    assert.is_true(server:shutdown { within = 20 })
    assert.truthy(client.eof)
  end)

  it("raises in a callback, and changes nothing", function()
    local server = serving.start(shutdown.streams)
    local ok, message
    core.timer(0, function() ok, message = pcall(server.shutdown, server) end)
    raw.pump(function() return ok ~= nil end, "the callback")
    assert.is_false(ok)
    assert.truthy(message:find("server:shutdown: a callback can't wait", 1, true))
    assert.equal(404, serving.request("GET /").status)
  end)

  it("is done at once where nothing is open, and may listen again", function()
    local server = serving.start(function(s)
      s:get("/", function(_, res) res:reply(200, "x") end)
      shutdown.streams(s)
    end)
    assert.is_true(server:shutdown { within = LONG })
    assert.is_true(server:shutdown { within = LONG })
    assert(server:listen())
    local client = serving.connect()
    assert.is_nil(client:request("GET /").headers.connection)
    assert.equal("x", client:request("GET /").body)
    client:close()
    local stream = shutdown.listener()
    assert.is_true(wait.stays_true(function() return server:stats().streams.open == 1 end, 60))
    stream:close()
    assert.is_true(sse.server():shutdown())
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
      local ok, message = pcall(server.shutdown, server, case[1])
      assert.is_false(ok)
      assert.truthy(message:find("server:shutdown: " .. case[2], 1, true), message)
    end
    assert.has_error(function() server.shutdown { within = 1 } end,
      "call it with ':' (server:shutdown) [docs/errors.md#colon]")
    serving.connect():close() -- it listens
  end)
end)
