-- sse.fetch's further attempts: which results are followed by one, after which wait, and what ends
-- them.
local fixture = require "spec.support.fixture"
local misuse = require "spec.support.misuse"
local sse = require "sse"
local ports = require "spec.support.ports"
local wait = require "spec.support.wait"

local serve, script, answer = fixture.serve, fixture.script, fixture.answer

local function reset(conn) conn:reset() end
local function fine(conn) conn:reply(200, "fine") end

-- Options under which attempts follow at once.
local function quick(more)
  local o = { maxRetries = 3, retryInterval = 1, maxRetryInterval = 4 }
  for name, value in pairs(more or {}) do o[name] = value end
  return o
end

-- Pumps the loop until fn, in a task, is done; returns what it returns.
local function in_task(fn)
  local results
  sse.spawn(function() results = table.pack(fn()) end)
  wait.till(function() return results end, "the task")
  return table.unpack(results, 1, results.n)
end

describe("sse.fetch with maxRetries", function()
  after_each(fixture.finish)

  it("repeats statuses that pass, and lost connections, until a response has come", function()
    for _, status in ipairs { 408, 425, 429, 500, 502, 503, 504, 529 } do
      local server = script(function(conn) conn:reply(status, "busy") end, reset,
        function(conn) conn:send("HTTP/1.1 200 OK\r\nContent"):close() end, fine)
      local res = assert(sse.fetch(server:url(), quick { method = "POST", body = { q = 1 } }))
      assert.same({ 200, "fine", 4 }, { res.status, res:text(), #server.requests })
      for _, request in ipairs(server.requests) do
        assert.same({ "POST", '{"q":1}', "application/json" },
          { request.method, request.body, request.headers["content-type"] })
      end
      wait.till(function() return server.open <= 1 end, "the end of the connections given up")
    end
  end)

  it("repeats no other status", function()
    for _, status in ipairs { 200, 204, 304, 400, 401, 403, 404, 409, 422, 501, 505 } do
      local server = answer(status, "")
      assert.equal(status, assert(sse.fetch(server:url(), quick())).status)
      assert.equal(1, #server.requests)
    end
  end)

  it("is 0 unless given", function()
    for _, options in ipairs { {}, { maxRetries = 0 }, { reconnect = "resilient" } } do
      local server = script(function(conn) conn:reply(503, "busy") end, reset)
      assert.equal(503, assert(sse.fetch(server:url(), options)).status)
      assert.equal("ECONNRESET", (select(3, sse.fetch(server:url(), options))))
      assert.equal(2, #server.requests)
    end
  end)

  it("returns the last response, or the last failure, when the tries are used up", function()
    local n = 0
    local server = serve(function(conn)
      n = n + 1
      conn:reply(503, "busy " .. n)
    end)
    local res = assert(sse.fetch(server:url(), quick()))
    assert.same({ 503, "busy 4", 4 }, { res.status, res:text(), n })
    server = serve(reset)
    local _, _, code, why = sse.fetch(server:url(), quick())
    assert.same({ "ECONNRESET", 4, 4, false },
      { code, #server.requests, why.attempt, why.willRetry })
    assert.is_nil(why.delay)
  end)

  it("repeats a refused connection, and nothing that is futile", function()
    local _, _, code, why = sse.fetch(("http://127.0.0.1:%d/"):format(ports.free()), quick())
    assert.same({ "ECONNREFUSED", 4 }, { code, why.attempt })
    code, why = select(3, sse.fetch("ftp://127.0.0.1/", quick()))
    assert.same({ "ESCHEME", 1 }, { code, why.attempt })
    local server = serve(function(conn)
      conn:head(302, "Location: ftp://h/", "Content-Length: 0")
    end)
    assert.equal("EREDIRECT", (select(3, sse.fetch(server:url(), quick()))))
    assert.equal(1, #server.requests)
  end)

  it("repeats what timed out; timeout is each attempt's", function()
    local server = script(function() end, fine)
    assert.equal(200, assert(sse.fetch(server:url(), quick { timeout = 40 })).status)
    assert.equal(2, #server.requests)
  end)

  it("begins each attempt with its own URL, method, body and headers", function()
    local n = 0
    local server = serve(function(conn, request)
      if request.target == "/a" then
        return conn:head(303, "Location: /b", "Content-Length: 0")
      end
      n = n + 1
      conn:reply(n < 3 and 503 or 200, "")
    end)
    local res = assert(sse.fetch(server:url "/a", quick { method = "POST", body = "x" }))
    assert.equal(200, res.status)
    for i, request in ipairs(server.requests) do
      local first = i % 2 == 1
      assert.same(first and { "POST", "/a", "x" } or { "GET", "/b", "" },
        { request.method, request.target, request.body })
      assert.equal(first, request.headers["content-type"] ~= nil)
    end
    assert.equal(6, #server.requests)
  end)

  it("never repeats once a response was handed over", function()
    local server = serve(function(conn)
      conn:stream("Content-Length: 100"):send("data: 1\n\n"):close()
    end)
    local res, n = assert(sse.fetch(server:url(), quick())), 0
    for _ in res:events() do n = n + 1 end
    assert.same({ 1, "ECONNRESET", 1 }, { n, res.failure.code, #server.requests })
  end)

  it("an AbortSignal ends a wait at once, and the failure is the signal's", function()
    local server, controller = answer(503, "busy", "Retry-After: 3600"), sse.AbortController()
    local results
    sse.spawn(function()
      results = table.pack(sse.fetch(server:url(), quick { signal = controller.signal }))
    end)
    wait.till(function() return #server.requests == 1 and server.open == 0 end, "the wait")
    assert.is_nil(results)
    controller:abort()
    assert.equal("EABORTED", results[3])
    assert.equal(1, #server.requests)
    local signal = sse.AbortSignal.timeout(30)
    local code = select(3, sse.fetch(server:url(), quick { signal = signal }))
    assert.equal("ETIMEDOUT", code)
    assert.equal(2, #server.requests)
  end)

  it("reconnect may abort the signal: nothing waits then", function()
    local server, controller = answer(503, "busy"), sse.AbortController()
    local code = select(3, sse.fetch(server:url(), quick {
      signal = controller.signal, reconnect = function()
        controller:abort()
        return 3600000
      end,
    }))
    assert.equal("EABORTED", code)
    assert.equal(1, #server.requests)
  end)

  it("works in tasks beside each other", function()
    local server = script(reset, reset, reset, fine)
    assert.equal("fine", in_task(function()
      return assert(sse.fetch(server:url(), quick())):text()
    end))
  end)
end)

describe("sse.fetch's waits", function()
  after_each(fixture.finish)

  it("line 33: grow while attempts fail", function()
    local server, list = serve(reset), {}
    local res, _, code = sse.fetch(server:url(), {
      maxRetries = 5, retryInterval = 4, maxRetryInterval = 20,
      signal = sse.AbortSignal.timeout(10000),
      reconnect = function(why) list[#list + 1] = why end,
    })
    assert.same({ nil, "ECONNRESET", 6 }, { res, code, #list })
    assert.equal(4, list[1].delay)
    for i = 2, 5 do
      local whole = math.min(20, 4 * 2 ^ (i - 1))
      assert.is_true(list[i].delay >= math.max(4, whole / 2) and list[i].delay <= whole)
      assert.is_true(list[i].willRetry)
    end
    assert.same({ nil, false }, { list[6].delay, list[6].willRetry })
  end)

  it("are at least a Retry-After's", function()
    local server = answer(503, "busy", "Retry-After: 3600")
    local controller, seen = sse.AbortController(), nil
    sse.spawn(sse.fetch, server:url(), quick {
      signal = controller.signal, reconnect = function(why) seen = why end,
    })
    wait.till(function() return seen and seen.delay end, "the wait")
    assert.equal(3600000, seen.delay)
    controller:abort()
  end)

  it("are the program's where reconnect is a function: ms, false or nil", function()
    local seen, server = {}, script(function(conn)
      conn:reply(401, "", "Connection: close")
    end, reset, fine)
    local res = assert(sse.fetch(server:url(), {
      reconnect = function(why, attempt)
        seen[#seen + 1] = ("%s %s %d"):format(why.code, why.status, attempt)
        return 1
      end,
    }))
    assert.equal(200, res.status)
    assert.same({ "EHTTP 401 1", "ECONNRESET nil 2" }, seen)
    server = answer(503, "busy")
    res = assert(sse.fetch(server:url(), quick { reconnect = function() return false end }))
    assert.same({ 503, 1 }, { res.status, #server.requests })
  end)

  it("reconnect is asked about no response below 400, and nil is the default", function()
    local server = script(function(conn) conn:reply(404, "none") end)
    local asked = 0
    local function reconnect() asked = asked + 1 end
    assert.equal("none", assert(sse.fetch(server:url(), quick { reconnect = reconnect })):text())
    assert.equal(1, asked)
    server = script(fine)
    assert.equal("fine", assert(sse.fetch(server:url(), { reconnect = reconnect })):text())
    assert.equal(1, asked)
  end)

  it("\"spec\" repeats lost connections and no status", function()
    local server = script(reset, function(conn) conn:reply(503, "busy") end)
    local res = assert(sse.fetch(server:url(), quick { reconnect = "spec" }))
    assert.same({ 503, 2 }, { res.status, #server.requests })
  end)

  it("an error in reconnect, or a wrong value, is raised by fetch; nothing stays open", function()
    local server = answer(503, "busy")
    for _, wrong in ipairs { "5", -1, math.huge, true } do
      misuse.blames("sse.fetch: reconnect must return milliseconds, false or nil, got ", function()
        local _ = sse.fetch(server:url(), { reconnect = function() return wrong end })
      end)
    end
    local thrown = {}
    local ok, err = pcall(sse.fetch, server:url(), { reconnect = function() error(thrown) end })
    assert.is_false(ok)
    assert.equal(thrown, err)
    wait.till(function() return server.open == 0 end, "the close")
  end)

  it("wrong options raise at the caller's line", function()
    for name, value in pairs { maxRetries = -1, retryInterval = "1", reconnect = "never" } do
      misuse.blames(("sse.fetch: option '%s' must be"):format(name),
        function() local _ = sse.fetch("http://h/", { [name] = value }) end)
    end
    for _, name in ipairs { "fetch", "fetchEventSource", "EventSource" } do
      misuse.blames(("sse.%s: option 'minRetryInterval' is larger than 'maxRetryInterval'"):format(
        name), function()
        local _ = sse[name]("http://h/", { minRetryInterval = 2, maxRetryInterval = 1 })
      end)
    end
  end)
end)
