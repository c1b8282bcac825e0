-- sse.fetchEventSource: when each callback is called, and what its results and errors do.
local core = require "sse.core"
local fixture = require "spec.support.fixture"
local sse = require "sse"
local wait = require "spec.support.wait"

local serve = fixture.serve

local function first_line(why)
  return (tostring(why):match("[^\n]*"))
end

describe("sse.fetchEventSource", function()
  after_each(fixture.finish)

  it("opens, hears, closes and ends", function()
    local server = serve(function(conn)
      conn:stream():send("id: 1\ndata: a\n\nevent: t\ndata: b\n\n"):close()
    end)
    local log = {}
    local handle = sse.fetchEventSource(server:url(), {
      method = "POST", body = { q = 1 },
      onopen = function(res) log[#log + 1] = "open " .. res.status end,
      onmessage = function(ev)
        log[#log + 1] = table.concat({ ev.type, ev.data, ev.lastEventId }, " ")
      end,
      onclose = function() log[#log + 1] = "close" end,
      onerror = function() log[#log + 1] = "error" end,
    })
    assert.is_true(handle:wait())
    assert.same({ "open 200", "message a 1", "t b 1", "close" }, log)
    assert.equal('{"q":1}', server.requests[1].body)
    assert.equal("text/event-stream", server.requests[1].headers.accept)
    assert.equal(1, #server.requests)
  end)

  it("asks onerror after a failure: milliseconds, nil or false", function()
    local server = serve(function(conn) conn:reply(500, "") end)
    local seen = {}
    local handle = sse.fetchEventSource(server:url(), {
      onerror = function(why)
        seen[#seen + 1] = { why.code, why.status }
        if #seen == 3 then return false end
        return 1
      end,
    })
    local ok, message, code = handle:wait()
    assert.is_nil(ok)
    assert.matches("500", message)
    assert.equal("EHTTP", code)
    assert.same({ { "EHTTP", 500 }, { "EHTTP", 500 }, { "EHTTP", 500 } }, seen)
  end)

  it("without onopen asks for status 2xx and the type", function()
    local server = serve(function(conn) conn:reply(200, "{}", "Content-Type: application/json") end)
    local handle = sse.fetchEventSource(server:url(), { onerror = function() return false end })
    assert.same({ nil, "ETYPE" }, { nil, (select(3, handle:wait())) })
    local opened
    server.handler = function(conn) conn:reply(200, "data: x\n\n", "Content-Type: text/plain") end
    handle = sse.fetchEventSource(server:url(), { onopen = function() end,
      onmessage = function(ev) opened = ev.data end })
    assert.is_true(handle:wait())
    assert.equal("x", opened)
  end)

  it("repeats the last id, takes the server's retry, and onclose may raise to go on", function()
    local server
    server = serve(function(conn)
      conn:stream():send("retry: 3\nid: ", #server.requests, "\ndata: x\n\n"):close()
    end)
    local closes = 0
    local handle = sse.fetchEventSource(server:url(), {
      headers = function() return { ["X-N"] = closes } end,
      onclose = function()
        closes = closes + 1
        if closes < 3 then error("go on") end
      end,
      onerror = function(why) assert.matches("go on", first_line(why)) end,
    })
    assert.is_true(handle:wait())
    assert.equal(3, #server.requests)
    assert.is_nil(server.requests[1].headers["last-event-id"])
    assert.same({ "1", "2" }, { server.requests[2].headers["last-event-id"],
      server.requests[3].headers["last-event-id"] })
    assert.same({ "0", "1", "2" }, {
      server.requests[1].headers["x-n"], server.requests[2].headers["x-n"],
      server.requests[3].headers["x-n"],
    })
  end)

  it("line 20: keeps the server's retry within 100 ms and a day", function()
    local most = 86400000
    for retry, expected in pairs { ["99999999999999999999"] = most, ["0"] = 100, ["700"] = 700 } do
      local delay
      local server = serve(function(conn)
        conn:stream():send("retry: ", retry, "\n\ndata: x\n\n"):close()
      end)
      local function onclose() error("again", 0) end
      local function onerror(why)
        delay = why.delay
        return false
      end
      sse.fetchEventSource(server:url(), { onclose = onclose, onerror = onerror }):wait()
      assert.equal(expected, delay)
    end
  end)

  it("onopen refuses by raising", function()
    local server = serve(function(conn) conn:stream() end)
    local got
    local handle = sse.fetchEventSource(server:url(), {
      onopen = function() error({ fatal = true }) end,
      onerror = function(why)
        got = why.reason
        return false
      end,
    })
    assert.is_nil((handle:wait()))
    assert.is_true(got.fatal)
    wait.till(function() return server.open == 0 end, "the close")
  end)

  it("an error that onerror raises ends it and is reported", function()
    local server = serve(function(conn) conn:reply(500, "") end)
    local handle = sse.fetchEventSource(server:url(),
      { onerror = function() error("fatal here") end })
    local ok, message = pcall(sse.run)
    assert.is_false(ok)
    assert.matches("fatal here", message)
    assert.is_nil((handle:wait()))
    assert.equal(1, #server.requests)
  end)

  it("an AbortController stops it half-way, quietly; the server notices", function()
    local server = serve(function(conn) conn:stream():send("data: 1\n\ndata: 2\n\ndata: 3\n\n") end)
    local controller, log = sse.AbortController(), {}
    local handle = sse.fetchEventSource(server:url(), {
      signal = controller.signal,
      onmessage = function(ev)
        log[#log + 1] = ev.data
        if ev.data == "2" then controller:abort() end
      end,
      onclose = function() log[#log + 1] = "close" end,
      onerror = function() log[#log + 1] = "error" end,
    })
    assert.same({ "EABORTED", "1 2" }, { (select(3, handle:wait())), table.concat(log, " ") })
    wait.till(function() return server.open == 0 end, "the close")
  end)

  it("close() ends it at any stage: at once, before the head, in the body, in the wait", function()
    local server = serve(function(conn, request)
      if request.target == "/body" then conn:stream():send("data: x\n\n") end
      if request.target == "/wait" then conn:reply(500, ""):close() end
    end)
    for _, path in ipairs { "/now", "/head", "/body", "/wait" } do
      local n, reached = #server.requests, path == "/now"
      local handle = sse.fetchEventSource(server:url(path), {
        onmessage = function() reached = true end,
        onerror = function()
          reached = true
          return 60000
        end,
      })
      wait.till(function() return reached or path == "/head" and #server.requests > n end, path)
      if path == "/wait" then wait.past(5) end
      handle:close()
      handle:close()
      local ok, message, code = handle:wait()
      assert.same({ nil, "the stream was closed", "ECLOSED" }, { ok, message, code })
    end
    wait.till(function() return server.open == 0 end, "the close of all")
  end)

  it("closed in one of its callbacks, calls none of the others", function()
    local server = serve(function(conn) conn:stream():send("data: x\n\n"):close() end)
    for _, name in ipairs { "headers", "body", "answered", "onopen", "onmessage", "onclose" } do
      local handle, called = nil, {}
      local function hear(where)
        return function()
          called[#called + 1] = where
          if where == name then handle:close() end
        end
      end
      handle = sse.fetchEventSource(server:url(), {
        headers = hear "headers", body = hear "body", onopen = hear "onopen",
        onmessage = hear "onmessage", onclose = hear "onclose", onerror = hear "onerror",
        log = function(_, message)
          if message == "answered" then hear(message)() end
        end,
      })
      assert.equal("ECLOSED", (select(3, handle:wait())))
      wait.past(5)
      assert.equal(name, called[#called])
    end
  end)

  it("callbacks may wait", function()
    local server = serve(function(conn) conn:stream():send("data: 1\n\ndata: 2\n\n"):close() end)
    local log = {}
    sse.fetchEventSource(server:url(), {
      onmessage = function(ev)
        sse.sleep(1)
        log[#log + 1] = ev.data
      end,
    }):wait()
    assert.same({ "1", "2" }, log)
  end)

  it("an aborted signal asks for nothing", function()
    local server = serve(function() end)
    local handle = sse.fetchEventSource(server:url(), { signal = sse.AbortSignal.abort() })
    assert.equal("EABORTED", (select(3, handle:wait())))
    core.turn()
    assert.equal(0, #server.connections)
  end)

  it("raises on misuse", function()
    for _, wrong in ipairs {
      { "nope" }, { "http://h/", { onmesage = print } },
      { "http://h/", { headers = { [1] = "x" } } },
      { "http://h/", { onopen = 1 } }, { "http://h/", { method = "GET", body = "" } },
    } do
      local ok, message = pcall(function() sse.fetchEventSource(wrong[1], wrong[2]) end)
      assert.is_false(ok)
      assert.matches("client/fetcheventsource_spec.lua:%d+: sse.fetchEventSource: ", message)
    end
  end)
end)
