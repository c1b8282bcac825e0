-- The fields of a failure, the same wherever it is reported: to listeners, to functions for headers
-- and body, and to the log.
local fixture = require "spec.support.fixture"
local sse = require "sse"
local wait = require "spec.support.wait"

local serve, open, record = fixture.serve, fixture.source, fixture.record

local good = fixture.good

local function fields(why)
  return { why.code, why.status, why.body, why.attempt, why.willRetry, why.delay }
end

describe("a failure", function()
  after_each(function()
    sse.set_log(nil)
    fixture.finish()
  end)

  it("has one shape in error events, source.failure, reconnect and onreconnect", function()
    local server = serve(function(conn) conn:reply(503, "busy") end)
    local decided, cause
    local source = open(server:url(), {
      reconnect = function(why) decided = why; return why.attempt < 2 and 7 end,
      onreconnect = function(_, why) cause = why end,
    })
    local log = record(source)
    log.till("error", 1)
    assert.same({ "EHTTP", 503, "busy", 1, true, 7 }, fields(log[1].event))
    assert.equal(cause, log[1].event.failure)
    log.till("error", 2)
    assert.same({ "EHTTP", 503, "busy", 2, false }, fields(log[2].event))
    assert.equal(source.failure, log[2].event.failure)
    assert.equal(decided, source.failure)
  end)

  it("has it in sse.fetch and sse.fetchEventSource, too", function()
    local _, message, code, why = sse.fetch("http://127.0.0.1:1/")
    assert.same({ message, code }, { why.message, why.code })
    local server, seen = serve(function(conn) conn:reply(500, '{"why":"x"}') end), {}
    local handle = sse.fetchEventSource(server:url(), {
      onerror = function(err)
        seen[#seen + 1] = fields(err)
        return #seen < 2 and 1
      end,
    })
    why = select(4, handle:wait())
    assert.same({ "EHTTP", 500, '{"why":"x"}', 1, true, 1000 }, seen[1])
    assert.same({ "EHTTP", 500, '{"why":"x"}', 2, false }, fields(why))
  end)

  it("line 37: is given to functions for headers and body, which may fetch", function()
    local tokens = serve(function(conn) conn:reply(200, "t" .. #conn.server.requests) end)
    local server = serve(function(conn, request)
      if request.headers.authorization == "t2" then good(conn) else conn:reply(401, "") end
    end)
    local told = {}
    local function headers(why)
      told[#told + 1] = why and why.status or "none"
      return { Authorization = assert(sse.fetch(tokens:url())):text() }
    end
    local function body(why) return { after = why and why.status or 0 } end
    local source = open(server:url(), {
      headers = headers, body = body,
      reconnect = function(why) return why.status == 401 and 1 end,
    })
    record(source).till("message")
    assert.same({ "none", 401 }, told)
    for i, sent in ipairs { '{"after":0}', '{"after":401}' } do
      local request = server.requests[i]
      assert.same({ "POST", sent, "application/json" },
        { request.method, request.body, request.headers["content-type"] })
    end
    local handle = sse.fetchEventSource(server:url(), {
      headers = function(why) return { Authorization = why and "t2" or "old" } end, body = body,
      onerror = function() return 1 end,
    })
    wait.till(function() return #server.requests == 4 end, "the second attempt")
    handle:close()
    assert.equal('{"after":401}', server.requests[4].body)
  end)

  it("a body function that gives what is no body fails the source", function()
    local source = open("http://127.0.0.1:1/", { body = function() return 7 end })
    assert.is_false((pcall(sse.run)))
    assert.matches("a string or a table, got number", source.failure.message)
    assert.is_false(source.failure.willRetry)
  end)

  it("is told to the log, the source's own or the default one", function()
    local n = 0
    local server = serve(function(conn)
      n = n + 1
      if n == 1 then conn:reset() elseif n == 2 then good(conn) end
    end)
    local own, default = {}, {}
    local function hook(into)
      return function(level, _, details)
        into[#into + 1] = level .. " " .. tostring(details.delay or details.status)
        assert.equal(server:url(), details.url)
      end
    end
    sse.set_log(hook(default))
    local source = open(server:url(), { log = hook(own) })
    record(source).till("message")
    source:close()
    assert.same({ "debug nil", "warn 5", "debug nil", "info 200", "info nil" }, own)
    assert.same({}, default)
    assert.has_error(function() sse.set_log(7) end)
  end)

  it("a log hook may close the source, at any line", function()
    for stop = 1, 3 do
      local server, n, source = serve(function(conn) conn:stream():close() end), 0, nil
      sse.after(0, function()
        source = open(server:url(), { log = function()
          n = n + 1
          if n > stop and source then source:close() end
        end })
      end)
      wait.till(function() return source and source.readyState == 2 end, "the close")
      wait.past(20)
      assert.equal(2, source.readyState)
    end
  end)

  it("every code is in docs/errors.md, and none else", function()
    local header <close> = assert(io.open "csrc/wire/error.h")
    local page <close> = assert(io.open "docs/errors.md")
    local codes, documented = {}, {}
    for name in header:read("a"):gmatch 'X%(SSE_%u+, "(%u+)"' do codes[name] = true end
    for _, path in ipairs { "csrc/sqlite/database.c", "lua/sse/redis/waiting.lua" } do
      local store <close> = assert(io.open(path))
      for name in store:read("a"):gmatch '"(E%u%u+)"' do codes[name] = true end
    end
    for name in page:read("a"):gmatch "\n### (E%u%u+)\n" do documented[name] = true end
    assert.same(codes, documented)
    assert.is_true(codes.EUNFINISHED and codes.ECALLBACK)
  end)
end)

describe("events{ untilData }", function()
  after_each(fixture.finish)

  local function read(text, fault)
    local server = serve(function(conn)
      conn:stream("Transfer-Encoding: chunked"):chunk(text)
      if fault then conn:close() else conn:chunk("") end
    end)
    local res, data = assert(sse.fetch(server:url())), {}
    for ev in res:events { untilData = "[DONE]" } do data[#data + 1] = ev.data end
    return data, res.failure and res.failure.code
  end

  it("ends cleanly at its terminator", function()
    assert.same({ { "a" } }, { read "data: a\n\ndata: [DONE]\n\ndata: b\n\n" })
  end)

  it("tells an end without it, and a loss, from success", function()
    assert.same({ { "a" }, "EUNFINISHED" }, { read "data: a\n\n" })
    assert.same({ { "a" }, "ECONNRESET" }, { read("data: a\n\n", true) })
  end)

  it("a reader that leaves is no failure", function()
    local server = serve(function(conn) conn:stream():send("data: a\n\ndata: b\n\n") end)
    local res = assert(sse.fetch(server:url()))
    for _ in res:events { untilData = "[DONE]" } do break end
    assert.is_nil(res.failure)
  end)

  it("an error status hands its JSON body over whole; an in-band error is an event", function()
    local server = serve(function(conn, request)
      if request.target == "/no" then return conn:reply(429, '{"error":{"message":"slow"}}') end
      conn:reply(200, 'event: error\ndata: {"error":"x"}\n\ndata: [DONE]\n\n')
    end)
    local res = assert(sse.fetch(server:url("/no")))
    assert.same({ 429, false, "slow" }, { res.status, res.ok, res:json().error.message })
    res = assert(sse.fetch(server:url("/")))
    local types = {}
    for ev in res:events { untilData = "[DONE]" } do types[#types + 1] = ev.type end
    assert.same({ "error" }, types)
    assert.is_nil(res.failure)
    assert.has_error(function() res:events { until_date = "x" } end)
  end)
end)
