-- heartbeatTimeout of sse.fetch and sse.fetchEventSource: CONFORMANCE line 53. EventSource's is in
-- eventsource_reconnect_spec.
local core = require "sse.core"
local fixture = require "spec.support.fixture"
local sse = require "sse"
local wait = require "spec.support.wait"

local serve = fixture.serve
local LIMIT = { heartbeatTimeout = 60 }

describe("heartbeatTimeout", function()
  after_each(fixture.finish)

  it("line 53: bounds the wait for fetch's head", function()
    local server = serve(function() end)
    local res, message, code = sse.fetch(server:url(), LIMIT)
    assert.same({ nil, "ETIMEDOUT" }, { res, code })
    assert.matches("^silent for %d+ ms %(option 'heartbeatTimeout'%)", message)
    wait.till(function() return server.open == 0 end, "the close")
  end)

  it("line 53: bounds the silence within fetch's body; what had come is read", function()
    local server = serve(function(conn) conn:stream():send("data: 1\n\ndata: half") end)
    local res, data = assert(sse.fetch(server:url(), LIMIT)), {}
    for ev in res:events() do data[#data + 1] = ev.data end
    assert.same({ { "1" }, "ETIMEDOUT" }, { data, res.failure.code })
    res = assert(sse.fetch(server:url(), LIMIT))
    assert.equal("ETIMEDOUT", (select(3, res:text())))
    wait.till(function() return server.open == 0 end, "the close")
  end)

  it("line 53: comments are life, and so is any byte", function()
    local server = serve(function(conn)
      conn:stream()
      local n, timer = 0, nil
      timer = core.every(20, function()
        n = n + 1
        if n == 25 or conn.closed then timer:stop() end
        if n == 25 then conn:send("\ndata: end\n\n"):close() else conn:send(":") end
      end)
    end)
    local res, data = assert(sse.fetch(server:url(), { heartbeatTimeout = 300 })), {}
    for ev in res:events() do data[#data + 1] = ev.data end
    assert.same({ "end" }, data)
    assert.is_nil(res.failure)
  end)

  it("line 53: a reader that takes its time is not silence", function()
    local server = serve(function(conn)
      conn:stream():send("data: 1\n\ndata: 2\n\n"):close()
    end)
    local data = {}
    fixture.in_task(function()
      local res = assert(sse.fetch(server:url(), LIMIT))
      sse.sleep(130)
      for ev in res:events() do
        data[#data + 1] = ev.data
        sse.sleep(130)
      end
      assert(not res.failure)
    end)
    assert.same({ "1", "2" }, data)
  end)

  it("a response that nobody reads keeps no loop running, and can be collected", function()
    local server = serve(function(conn) conn:stream():send("data: 1\n\n") end)
    assert(sse.fetch(server:url(), { heartbeatTimeout = 100000 }))
    wait.collect()
    wait.till(function() return server.open == 0 end, "the close")
    local res = assert(sse.fetch(server:url(), { heartbeatTimeout = 100000 }))
    server:stop()
    sse.run()
    res:close()
  end)

  it("line 53: counts as a lost connection for further attempts", function()
    local silent = fixture.script(function() end, fixture.answer(200, "").handler)
    assert.equal(200, assert(sse.fetch(silent:url(),
      { maxRetries = 1, heartbeatTimeout = 60, retryInterval = 1 })).status)
    local server = fixture.script(function(conn)
      conn:stream():send("id: 1\ndata: a\n\n")
    end, fixture.sends "data: b\n\n")
    local data = {}
    local o = {
      heartbeatTimeout = 60, retryInterval = 1,
      onmessage = function(ev) data[#data + 1] = ev.data end,
    }
    assert.is_true(sse.fetchEventSource(server:url(), o):wait())
    assert.same({ "a", "b", "1" },
      { data[1], data[2], server.requests[2].headers["last-event-id"] })
    server = serve(function(conn) conn:stream():send("data: a\n\n") end)
    o.method = "POST"
    assert.equal("ETIMEDOUT", (select(3, sse.fetchEventSource(server:url(), o):wait())))
    assert.equal(1, #server.requests)
  end)
end)
