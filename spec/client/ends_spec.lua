-- How the events of a response end: CONFORMANCE line 52, and the options that name the end.
local fixture = require "spec.support.fixture"
local sse = require "sse"
local wait = require "spec.support.wait"

local serve = fixture.serve

-- Starts a server that gives each request this body, cut into chunks as it is here.
local function chunked(...)
  local pieces = { ... }
  return serve(function(conn)
    conn:stream("Transfer-Encoding: chunked")
    for _, piece in ipairs(pieces) do conn:chunk(piece) end
    conn:chunk ""
  end)
end

local res -- the response that `read` has read last

-- Reads the events of one response. Returns their data, and the failure's code.
local function read(server, options)
  local data = {}
  res = assert(sse.fetch(server:url()))
  for ev in res:events(options) do data[#data + 1] = ev.data end
  return table.concat(data, " "), res.failure and res.failure.code
end

-- The same by sse.fetchEventSource, and how often onclose was called.
local function follow(server, options)
  local data, closed = {}, 0
  local o = {
    method = "POST", maxRetries = 0, onclose = function() closed = closed + 1 end,
    onmessage = function(ev) data[#data + 1] = ev.data end,
  }
  for name, value in pairs(options or {}) do o[name] = value end
  local _, _, code = sse.fetchEventSource(server:url(), o):wait()
  return table.concat(data, " "), code, closed
end

-- Checks what both give.
local function both(data, code, server, options)
  local got, failed = read(server, options)
  assert.same({ data, code }, { got, failed }, "sse.fetch")
  local heard, failed_too, closed = follow(server, options)
  assert.same({ data, code, code and 0 or 1 }, { heard, failed_too, closed }, "fetchEventSource")
end

describe("the end of a response", function()
  after_each(fixture.finish)

  it("line 52: gives the last event without its empty line, in whatever pieces", function()
    for _, last in ipairs { "data: b\n", "data: b\r\n", "data: b\r", "id: 1\ndata: b\n",
      "data: b\n: comment", "data: b\nnot a field", "data: b\n:\n\n: and" } do
      both("a b", nil, chunked("data: a\n\n" .. last))
      both("a b", nil, chunked("data: a\n\n", last:sub(1, 3), last:sub(4)))
      both("a b", nil, serve(fixture.sends("data: a\n\n" .. last)))
    end
    both("b", nil, chunked("event: x\ndata: b\n"))
    both("b\nc", nil, chunked("data: b\n", "data: c\n"))
    both("", nil, chunked("id: 1\nevent: x\nretry: 5\n"))
  end)

  it("line 52: an event that lacks its empty line has all its fields", function()
    local server, seen = chunked("id: 7\nevent: t\nretry: 9\ndata: x\n"), nil
    res = assert(sse.fetch(server:url()))
    for ev in res:events() do seen = { ev.type, ev.data, ev.lastEventId } end
    assert.same({ "t", "x", "7" }, seen)
    assert.same({ "7", 9 }, { res.lastEventId, res.retry })
    res = assert(sse.fetch(chunked("id: 7\n\nid: 8\n"):url()))
    for _ in res:events() do error("an event") end
    assert.equal("7", res.lastEventId)
  end)

  it("line 52: an event cut within a line is no event, and the failure says so", function()
    for _, last in ipairs { "data: b", "data:", "data", "dat", "data: b\nda", "data: b\nid: 1",
      "data: b\nevent" } do
      both("a", "EUNFINISHED", chunked("data: a\n\n" .. last))
      both("a", "EUNFINISHED", serve(fixture.sends("data: a\n\n" .. last)))
    end
    for _, last in ipairs { "", "id: 9", "event: x", ": comment", "retry: 7", "i" } do
      both("a", nil, chunked("data: a\n\n" .. last))
    end
    read(chunked "id: 7\ndata: a\n\nid: 8\ndata: b")
    assert.same({ "7", "the stream ended within an event [docs/errors.md#eunfinished]" },
      { res.lastEventId, res.failure.message })
  end)

  it("line 52: after a broken body nothing more is an event", function()
    local server = serve(function(conn)
      conn:stream("Transfer-Encoding: chunked"):chunk("data: a\n\ndata: b\n"):close()
    end)
    both("a", "ECONNRESET", server)
    both("a", "ECONNRESET", server, { untilData = "b" })
    server = serve(function(conn)
      conn:stream("Content-Length: 99"):send("data: a\n\ndata: b\n"):close()
    end)
    both("a", "ECONNRESET", server)
  end)

  it("line 52: EventSource discards such an event", function()
    local server = fixture.script(fixture.sends "data: a\n\ndata: b\n", fixture.good)
    local log = fixture.record(fixture.source(server:url()))
    log.till("message", 2)
    assert.equal("open message error open message", log.types())
    assert.equal("good", log[5].event.data)
  end)
end)

describe("the event at which a loop ends", function()
  after_each(fixture.finish)

  it("is known by its data, whatever space is around them", function()
    for _, done in ipairs { "data: [DONE]\n\n", "data:[DONE] \n\n", "data:   [DONE]\t\n\n",
      "data: [DONE]\ndata\n\n", "data: [DONE]\n", "data: [DONE]", "data: [DONE] \r" } do
      both("a", nil, chunked("data: a\n\n", done), { untilData = "[DONE]" })
      both("a", nil, chunked("data: a\n\n", done), { untilData = " [DONE]\n" })
    end
    for _, other in ipairs { "[DONE]x", "x[DONE]", "[ DONE]", "[DONE] [DONE]" } do
      both("a " .. other, "EUNFINISHED", chunked("data: a\n\ndata: " .. other .. "\n\n"),
        { untilData = "[DONE]" })
    end
    both("a", "EUNFINISHED", chunked "data: a\n\ndata: [DONE", { untilData = "[DONE]" })
    both("a", nil, chunked "data: a\n\ndata:  \n\ndata: b\n\n", { untilData = "" })
  end)

  it("takes linear time where the data are spaces", function()
    local server, began = chunked("data: " .. (" "):rep(2 ^ 21) .. "x\n\n"), os.clock()
    read(server, { untilData = "[DONE]" })
    assert.is_true(os.clock() - began < 5)
  end)

  it("is known by its type", function()
    local server = chunked("event: x\ndata: a\n\n", "event: message_stop\ndata: {}\n\n",
      "data: b\n\n")
    both("a", nil, server, { untilType = "message_stop" })
    both("", nil, server, { untilType = "x" })
    both("a {}", nil, server, { untilType = "message" })
    both("a {} b", "EUNFINISHED", server, { untilType = "message_sto" })
    server = chunked "data: a\n\nevent: message_stop\ndata: {"
    both("a", nil, server, { untilType = "message_stop" })
  end)

  it("is known by a function, which sees each event", function()
    local server, seen = chunked("data: a\n\n", "data: b\n\n", "data: c\n\n"), {}
    local options = { ["until"] = function(ev)
      seen[#seen + 1] = ev.data
      return ev.data == "b"
    end }
    both("a", nil, server, options)
    assert.equal("a b a b", table.concat(seen, " "))
    both("a b c", "EUNFINISHED", server, { ["until"] = function() end })
    both("a", nil, server, { untilData = "c", untilType = "x", ["until"] = options["until"] })
  end)

  it("an error of the function is the loop's, or fails the task", function()
    local server = chunked("data: a\n\n")
    res = assert(sse.fetch(server:url()))
    local function mistake() error("mistake", 0) end
    local ok, message = pcall(function()
      for _ in res:events { ["until"] = mistake } do error("an event") end
    end)
    assert.same({ false, "mistake" }, { ok, message })
    assert.equal("ECALLBACK", (select(2, follow(server, { ["until"] = mistake }))))
  end)

  it("says which event is missing", function()
    local server = chunked("data: a\n\n")
    for text, options in pairs {
      ["'[DONE]'"] = { untilData = "[DONE]" }, ["'message_stop'"] = { untilType = "message_stop" },
      ["'until'"] = { ["until"] = function() end },
    } do
      read(server, options)
      assert.truthy(res.failure.message:find(text, 1, true), res.failure.message)
    end
  end)
end)

describe("the rest of a body behind that event", function()
  after_each(fixture.finish)

  -- Asks five times. Returns the number of connections that these took.
  local function connections(server, options)
    for _ = 1, 5 do assert.same({ "a" }, { read(server, options) }) end
    for _ = 1, 5 do assert.same({ "a", nil, 1 }, { follow(server, options) }) end
    return #server.connections
  end

  it("is read, so that ten responses take one connection", function()
    for _, rest in ipairs { "", "data: more\n\n", ("x"):rep(8000) .. "\n" } do
      local server = serve(function(conn)
        conn:stream("Transfer-Encoding: chunked"):chunk("data: a\n\n")
        conn:chunk("data: [DONE]\n\n")
        if rest ~= "" then conn:chunk(rest) end
        sse.after(2, function() conn:chunk("") end)
      end)
      assert.equal(1, connections(server, { untilData = "[DONE]" }))
    end
    local server = serve(function(conn) conn:reply(200, "data: a\n\nevent: x\ndata: b\n\n",
      "Content-Type: text/event-stream") end)
    assert.equal(1, connections(server, { untilType = "x" }))
    assert.equal(1, connections(chunked("data: a\n\n", "data: b\n\n"),
      { ["until"] = function(ev) return ev.data == "b" end }))
  end)

  it("is given up past 8 KiB, and past 200 ms", function()
    local server = serve(function(conn)
      conn:stream("Transfer-Encoding: chunked"):chunk("data: a\n\ndata: [DONE]\n\n")
      conn:chunk(("x"):rep(9000))
    end)
    assert.same({ "a" }, { read(server, { untilData = "[DONE]" }) })
    wait.till(function() return server.open == 0 end, "the end of the connection")
    server = serve(function(conn)
      conn:stream("Transfer-Encoding: chunked"):chunk("data: a\n\ndata: [DONE]\n\n")
    end)
    res = assert(sse.fetch(server:url()))
    for _ in res:events { untilData = "[DONE]" } do end
    wait.till(function() return server.open == 0 end, "the end of the connection")
    assert.is_nil(res.failure)
  end)

  it("is not read where no other request could use the connection", function()
    for _, head in ipairs { "Connection: close", false } do
      local server = serve(function(conn)
        if head then conn:stream("Content-Length: 99", head) else conn:stream() end
        conn:send("data: a\n\ndata: [DONE]\n\n")
      end)
      local next_event = assert(sse.fetch(server:url())):events { untilData = "[DONE]" }
      assert.equal("a", next_event().data)
      local waited
      sse.after(0, function() waited = true end)
      assert.is_nil(next_event())
      assert.is_nil(waited)
      wait.till(function() return server.open == 0 end, "the end of the connection")
    end
  end)

  it("its failure, and an abort meanwhile, are none of the response's", function()
    for how = 1, 3 do
      local controller, close = sse.AbortController(), nil
      local server = serve(function(conn)
        conn:stream("Transfer-Encoding: chunked"):chunk("data: a\n\ndata: [DONE]\n\n")
        close = function() conn:reset() end
      end)
      res = assert(sse.fetch(server:url(), {
        signal = controller.signal, heartbeatTimeout = how == 3 and 20 or nil,
      }))
      if how == 1 then sse.after(20, function() close() end) end
      if how == 2 then sse.after(20, function() controller:abort() end) end
      for ev in res:events { untilData = "[DONE]" } do assert.equal("a", ev.data) end
      assert.is_nil(res.failure)
      wait.till(function() return server.open == 0 end, "the end of the connection")
    end
  end)

  it("a handle's close meanwhile ends it", function()
    local server = serve(function(conn)
      conn:stream("Transfer-Encoding: chunked"):chunk("data: a\n\ndata: [DONE]\n\n")
    end)
    local heard, closed
    local handle = sse.fetchEventSource(server:url(), {
      untilData = "[DONE]", onmessage = function() heard = true end,
      onclose = function() closed = true end,
    })
    wait.till(function() return heard end, "the event")
    wait.past(20)
    handle:close()
    wait.till(function() return server.open == 0 end, "the end of the connection")
    assert.equal("ECLOSED", select(3, handle:wait()))
    assert.is_nil(closed)
  end)

  it("a close meanwhile ends it, and so does a cancelled task", function()
    for how = 1, 2 do
      local server = serve(function(conn)
        conn:stream("Transfer-Encoding: chunked"):chunk("data: a\n\ndata: [DONE]\n\n")
      end)
      local over
      res = nil
      local task = sse.spawn(function()
        res = assert(sse.fetch(server:url()))
        for _ in res:events { untilData = "[DONE]" } do end
        over = true
      end)
      wait.till(function() return res and server.open == 1 end, "the response")
      wait.past(20)
      assert.is_nil(over)
      if how == 1 then res:close() else task:cancel() end
      wait.till(function() return server.open == 0 end, "the end of the connection")
      assert.equal(how == 1, over == true)
    end
  end)
end)
