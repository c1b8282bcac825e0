-- sse.fetchEventSource's further attempts: CONFORMANCE line 54, and what its options and onerror
-- say about them.
local fixture = require "spec.support.fixture"
local sse = require "sse"
local wait = require "spec.support.wait"

local serve, script, sends = fixture.serve, fixture.script, fixture.sends

local function reset(conn) conn:reset() end

-- Half an answer: events, and then the connection is lost.
local function half(conn)
  conn:stream("Content-Length: 1000"):send("id: 1\ndata: half\n\n"):close()
end

-- Follows a stream to its end, with attempts at once. Returns what it heard, and what wait() gave.
local function follow(server, more)
  local heard = {}
  local o = {
    retryInterval = 1, maxRetryInterval = 4,
    onmessage = function(ev) heard[#heard + 1] = ev.data end,
  }
  for name, value in pairs(more or {}) do o[name] = value end
  local results = table.pack(sse.fetchEventSource(server:url(), o):wait())
  return table.concat(heard, " "), table.unpack(results, 1, results.n)
end

describe("sse.fetchEventSource without onerror", function()
  after_each(fixture.finish)

  it("line 54: repeats no status that is final", function()
    for _, status in ipairs { 400, 401, 403, 404, 410, 422 } do
      for _, method in ipairs { "GET", "POST" } do
        local server = serve(function(conn) conn:reply(status, '{"error":"no"}') end)
        local heard, ok, message, code, why = follow(server, { method = method })
        assert.same({ "", nil, "EHTTP", status, '{"error":"no"}', false },
          { heard, ok, code, why.status, why.body, why.willRetry })
        assert.matches(tostring(status), message)
        assert.equal(1, #server.requests)
      end
    end
    local server = serve(function(conn) conn:reply(200, "{}", "Content-Type: text/html") end)
    assert.equal("ETYPE", (select(4, follow(server))))
    assert.equal(1, #server.requests)
  end)

  it("line 54: repeats what passes, also a POST, and gives true after a clean end", function()
    for _, status in ipairs { 408, 425, 429, 500, 503, 529 } do
      local server = script(function(conn) conn:reply(status, "busy") end, reset,
        sends "data: a\n\ndata: b\n\n")
      local heard, ok = follow(server, { method = "POST", body = { q = 1 } })
      assert.same({ "a b", true, 3 }, { heard, ok, #server.requests })
      for _, request in ipairs(server.requests) do assert.equal('{"q":1}', request.body) end
    end
  end)

  it("line 54: repeats no POST whose events have begun to arrive", function()
    for _, method in ipairs { "POST", "PUT", "PATCH", "DELETE" } do
      local server = serve(half)
      local heard, ok, _, code = follow(server, { method = method })
      assert.same({ "half", nil, "ECONNRESET", 1 }, { heard, ok, code, #server.requests })
    end
    local server = serve(sends "data: a\n\n")
    local heard, ok, _, code = follow(server, { body = "x", untilData = "[DONE]" })
    assert.same({ "a", nil, "EUNFINISHED", 1 }, { heard, ok, code, #server.requests })
    server = script(function(conn) conn:stream("Content-Length: 99"):send(": x\n"):close() end,
      sends "data: a\n\n")
    assert.equal("a", (follow(server, { body = "x" }))) -- comments are no events
    assert.equal(2, #server.requests)
  end)

  it("line 54: repeats a GET from its last event on", function()
    local server = script(half, sends "id: 2\ndata: rest\n\n")
    local heard, ok = follow(server)
    assert.same({ "half rest", true, "1" },
      { heard, ok, server.requests[2].headers["last-event-id"] })
  end)

  it("line 54: repeats a GET whose connection was lost or cut, whatever had come", function()
    for _, case in ipairs {
      { sends "id: 1\ndata: a\n\ndata: ha", "a rest", "1" },
      { sends "data: ha", "rest" },
      { function(conn) conn:stream("Content-Length: 99"):send("ping: 1\n\n"):close() end, "rest" },
    } do
      local server = script(case[1], sends "data: rest\n\n")
      local heard, ok = follow(server)
      assert.same({ case[2], true, 2, case[3] },
        { heard, ok, #server.requests, server.requests[2].headers["last-event-id"] })
    end
    local server = serve(sends 'error: {"code":7}\n\n')
    local _, ok, message, code, why = follow(server)
    assert.same({ nil, "EUNFINISHED", 200, 1 }, { ok, code, why.status, #server.requests })
    assert.matches('{"code":7}', message, 1, true)
    server = serve(sends "data: ha")
    assert.equal("EUNFINISHED", (select(4, follow(server, { method = "POST", body = "x" }))))
    assert.equal(1, #server.requests)
  end)

  it("line 36: an attempt that brings no id loses none", function()
    local server = script(sends "id: 7\n\nid: 8\ndata: half", function(conn)
      conn:stream("Content-Length: 99"):close()
    end, sends "data: x\n\n")
    follow(server, { onerror = function() end })
    assert.same({ "7", "7", 3 }, { server.requests[2].headers["last-event-id"],
      server.requests[3].headers["last-event-id"], #server.requests })
  end)

  it("line 54: repeats no error of a callback; wait() says which", function()
    local names = { "headers", "body", "onopen", "onmessage", "onclose" }
    for _, name in ipairs(names) do
      local server = serve(sends "data: a\n\n")
      local _, ok, message, code, why = follow(server,
        { [name] = function() error("mistake in " .. name) end })
      assert.same({ nil, "ECALLBACK", false }, { ok, code, why.willRetry })
      assert.truthy(message:find("mistake in " .. name, 1, true))
      wait.past(10)
      assert.is_true(#server.requests <= 1)
    end
  end)

  it("line 54: an error of a callback is raised by sse.run where nobody waits", function()
    local server = serve(sends "data: a\n\n")
    local thrown = setmetatable({}, { __tostring = function() return "thrown" end })
    for _, value in ipairs { "mistake", thrown } do
      local handle = sse.fetchEventSource(server:url(), { onmessage = function() error(value) end })
      local ok, err = pcall(sse.run)
      assert.is_false(ok)
      if value == thrown then assert.equal(thrown, err) else assert.matches("mistake", err) end
      local code, why = select(3, handle:wait())
      assert.equal("ECALLBACK", code)
      assert.equal(value == thrown, why.reason == thrown)
    end
    assert.equal(2, #server.requests)
  end)

  it("an error behind close() is raised, too", function()
    local server, handle = serve(sends "data: a\n\n"), nil
    handle = sse.fetchEventSource(server:url(), { onmessage = function()
      handle:close()
      error("behind close")
    end })
    local ok, err = pcall(handle.wait, handle)
    assert.is_false(ok)
    assert.matches("behind close", err)
    assert.equal("ECLOSED", (select(3, handle:wait())))
  end)

  it("line 54: backs off, and gives up after maxRetries in a row", function()
    local server, delays = serve(reset), {}
    local _, ok, _, code, why = follow(server, {
      maxRetries = 4, retryInterval = 2, maxRetryInterval = 9,
      log = function(level, _, details)
        if level == "warn" then delays[#delays + 1] = details.delay end
      end,
    })
    assert.same({ nil, "ECONNRESET", 5, 5, false },
      { ok, code, #server.requests, why.attempt, why.willRetry })
    assert.equal(4, #delays)
    assert.equal(2, delays[1])
    for i = 2, 4 do
      assert.is_true(delays[i] >= math.max(2, 2 ^ i / 2) - 4 and delays[i] <= math.min(9, 2 ^ i))
    end
  end)

  it("line 54: honours Retry-After; by \"spec\" it repeats no status", function()
    local server = serve(function(conn) conn:reply(503, "busy", "Retry-After: 3600") end)
    local delay
    local handle = sse.fetchEventSource(server:url(), {
      log = function(_, _, details) delay = details.delay or delay end,
    })
    wait.till(function() return delay end, "the wait")
    assert.equal(3600000, delay)
    handle:close()
    assert.equal("EHTTP", (select(4, follow(server, { reconnect = "spec" }))))
    assert.equal(2, #server.requests)
  end)

  it("a reconnect function decides: ms, false or nil", function()
    local server, seen = script(function(conn) conn:reply(401, "") end, half, half, half), {}
    local heard, ok, _, code = follow(server, {
      method = "POST",
      reconnect = function(why, attempt)
        seen[#seen + 1] = ("%s %d"):format(why.code, attempt)
        if #seen < 3 then return 1 end
      end,
    })
    assert.same({ "half half", nil, "ECONNRESET" }, { heard, ok, code })
    assert.same({ "EHTTP 1", "ECONNRESET 1", "ECONNRESET 1" }, seen)
    server = serve(reset)
    local message
    _, ok, message, code = follow(server, { reconnect = function() return "5" end })
    assert.same({ nil, "ECALLBACK" }, { ok, code })
    assert.matches("reconnect must return milliseconds, false or nil, got string \"5\"", message)
  end)
end)

describe("sse.fetchEventSource's onerror", function()
  after_each(fixture.finish)

  it("goes before the options: ms and false decide, nil waits as the options say", function()
    local server, seen = serve(function(conn) conn:reply(401, "no") end), {}
    local _, ok, _, code = follow(server, {
      maxRetries = 1, reconnect = "spec",
      onerror = function(why)
        seen[#seen + 1] = ("%d %s"):format(why.attempt, why.willRetry)
        if #seen < 4 then return 1 end
      end,
    })
    assert.same({ nil, "EHTTP", 4 }, { ok, code, #server.requests })
    assert.same({ "1 true", "2 false", "3 false", "4 false" }, seen)
  end)

  it("by nil repeats whatever failed, as an onclose that raises asks for", function()
    local server, delays = script(function(conn) conn:reply(404, "") end, half, sends ""), {}
    local closes = 0
    local _, ok = follow(server, {
      method = "POST",
      onclose = function()
        closes = closes + 1
        if closes < 3 then error("again", 0) end
      end,
      onerror = function(why) delays[#delays + 1] = why.delay end,
    })
    assert.same({ true, 5, 4 }, { ok, #server.requests, #delays })
    assert.same({ 1, 1, 1 }, { delays[1], delays[2], delays[3] })
  end)

  it("by nil leaves it to a reconnect function", function()
    local server = serve(reset)
    local _, ok = follow(server, {
      onerror = function() end, reconnect = function() return false end,
    })
    assert.same({ nil, 1 }, { ok, #server.requests })
  end)
end)
