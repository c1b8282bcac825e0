-- Rare cases in which fetch or fetchEventSource could hang, lose data or hide an error.
local core = require "sse.core"
local fixture = require "spec.support.fixture"
local sse = require "sse"
local wait = require "spec.support.wait"

local serve = fixture.serve

describe("sse.fetch", function()
  after_each(fixture.finish)

  it("a response that nobody reads keeps no loop running", function()
    local server = serve(function(conn) conn:stream():send(("x"):rep(100000)) end)
    local res = assert(sse.fetch(server:url()))
    server.timer:stop() -- from here on only the response keeps the loop running
    assert.is_false(core.turn() and core.turn() and core.turn() and core.turn() and core.turn())
    res:close()
  end)

  it("a reader of it does", function()
    local server = serve(function(conn)
      conn:stream():send("a")
      core.after(20, function() conn:send("b"):close() end)
    end)
    local text
    sse.spawn(function() text = assert(sse.fetch(server:url())):text() end)
    wait.till(function() return text end, "the text")
    assert.equal("ab", text)
  end)

  it("a body is read once; a second reader is told so", function()
    local server = serve(function(conn) conn:reply(200, "data: 1\n\ndata: 2\n\n") end)
    local function again(res)
      for _, name in ipairs { "text", "json", "lines", "chunks", "events" } do
        local ok, message = pcall(function() return (res[name](res)) end)
        assert.is_false(ok)
        assert.matches("^spec/client/fetch_edge_spec.lua:%d+: .*read already", message)
      end
    end
    local res = assert(sse.fetch(server:url()))
    assert.equal("data: 1\n\ndata: 2\n\n", res:text())
    again(res)
    res = assert(sse.fetch(server:url()))
    for _ in res:events() do break end -- luacheck: ignore 512
    again(res)
  end)

  it("asked for its text in a callback, says so, and can be read in a task", function()
    local server = serve(function(conn) conn:reply(200, "[7]") end)
    local res, messages, text = assert(sse.fetch(server:url())), {}, nil
    core.timer(0, function()
      for _, name in ipairs { "text", "json" } do
        local _, message = pcall(function() return (res[name](res)) end)
        messages[#messages + 1] = message
      end
      sse.spawn(function() text = res:text() end)
    end)
    wait.till(function() return text end, "the text")
    assert.equal("[7]", text)
    for i = 1, 2 do
      assert.matches("^spec/client/fetch_edge_spec.lua:%d+: Response: a callback can't wait",
        messages[i])
    end
  end)

  it("closed before it was read, it has no text", function()
    local server = serve(function(conn) conn:reply(200, "text") end)
    local res = assert(sse.fetch(server:url()))
    res:close()
    local text, message, code = res:text()
    assert.is_nil(text)
    assert.equal("ECLOSED", code)
    assert.matches("closed", message)
  end)

  it("an error in another callback loses no piece of a body that is read on", function()
    local server = serve(function(conn) conn:stream() end)
    local next_line = assert(sse.fetch(server:url())):lines()
    core.after(1, function() error("elsewhere") end)
    assert.is_false((pcall(next_line)))
    server.connections[1]:send("one\ntwo\n")
    assert.equal("one", next_line())
    assert.equal("two", next_line())
  end)
end)

describe("sse.fetchEventSource", function()
  after_each(fixture.finish)

  it("line 36: the last id outlives connections that bring none; data or not", function()
    local server
    local bodies = {
      "id: 1\ndata: a\n\n", "data: b\n\n", "id: 3\n\n", "data: c\n\n",
    }
    server = serve(function(conn)
      conn:stream():send(bodies[#server.requests]):close()
    end)
    local ids = {}
    local handle = sse.fetchEventSource(server:url(), {
      onmessage = function(ev) ids[#ids + 1] = ev.lastEventId end,
      onclose = function() if #server.requests < 4 then error("again") end end,
      onerror = function() return 1 end,
    })
    assert.is_true(handle:wait())
    assert.same({ "1", "1", "3" }, ids)
    local sent = {}
    for i, request in ipairs(server.requests) do
      sent[i] = request.headers["last-event-id"] or "none"
    end
    assert.same({ "none", "1", "1", "3" }, sent)
  end)

  it("line 27: another type that only begins alike is refused", function()
    local server = serve(function(conn)
      conn:reply(200, "data: x\n\n", "Content-Type: text/event-streamfoo")
    end)
    local handle = sse.fetchEventSource(server:url(), { onerror = function() return false end })
    assert.equal("ETYPE", (select(3, handle:wait())))
  end)

  it("line 20: retry: 0 makes no hot loop", function()
    local server = serve(function(conn) conn:stream():send("retry: 0\ndata: x\n\n"):reset() end)
    local handle = sse.fetchEventSource(server:url())
    wait.till(function() return #server.requests == 1 end, "the first request")
    wait.past(60)
    handle:close()
    assert.equal(1, #server.requests)
  end)

  it("after close() within onopen no callback comes", function()
    local server = serve(function(conn)
      conn:reply(200, "", "Content-Type: text/event-stream")
    end)
    local log, handle = {}, nil
    handle = sse.fetchEventSource(server:url(), {
      onopen = function()
        sse.sleep(10) -- the body ends meanwhile
        handle:close()
      end,
      onclose = function() log[#log + 1] = "close" end,
      onerror = function() log[#log + 1] = "error" end,
    })
    assert.equal("ECLOSED", (select(3, handle:wait())))
    assert.same({}, log)
  end)

  it("refuses an id that no server could have sent", function()
    local ok, message = pcall(function()
      return (sse.fetchEventSource("http://127.0.0.1/", { lastEventId = "a\nb" }))
    end)
    assert.is_false(ok)
    assert.matches("^spec/client/fetch_edge_spec.lua:%d+: .*lastEventId", message)
  end)
end)
