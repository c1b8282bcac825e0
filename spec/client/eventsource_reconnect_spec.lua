-- A lost connection and the reconnect: CONFORMANCE lines 33 to 37, 42 and 43.
local core = require "sse.core"
local fixture = require "spec.support.fixture"
local sse = require "sse"
local wait = require "spec.support.wait"

local serve, open, record = fixture.serve, fixture.source, fixture.record
local script = fixture.script
local good, sends = fixture.good, fixture.sends
local CONNECTING, CLOSED, DAY = 0, 2, 86400000

local function id_of(server, n)
  return server.requests[n].headers["last-event-id"]
end

describe("a lost connection", function()
  after_each(fixture.finish)

  it("line 33: the wait doubles with jitter, up to the maximum", function()
    local waits = {}
    local server = script(function(conn) conn:reset() end)
    local source = open(server:url(), {
      retryInterval = 4, maxRetryInterval = 40,
      onreconnect = function(ms) waits[#waits + 1] = ms end,
    })
    wait.till(function() return #waits >= 9 end, "nine reconnects")
    source:close()
    assert.equal(4, waits[1])
    for i = 2, 9 do
      local whole = math.min(40, 4 * 2 ^ (i - 1))
      assert.is_true(waits[i] >= whole / 2 and waits[i] <= whole, i .. ": " .. waits[i])
    end
  end)

  it("line 33: a connection as long as the last wait starts the row anew", function()
    local waits = {}
    local server = script(function(conn) conn:reset() end, function(conn) conn:reset() end,
      function(conn)
      conn:stream()
      core.after(60, function() conn:close() end)
    end, function(conn) conn:reset() end)
    local source = open(server:url(), {
      retryInterval = 10, maxRetryInterval = 1000,
      onreconnect = function(ms) waits[#waits + 1] = ms end,
    })
    wait.till(function() return #waits >= 4 end, "four reconnects")
    source:close()
    assert.is_true(waits[2] >= 10 and waits[2] <= 20)
    assert.equal(10, waits[3])
    assert.equal(10, waits[4]) -- the first that failed
  end)

  it("line 33: who ends each connection after its events is asked at its pace, for ever", function()
    local server, waits = script(sends("retry: 30\ndata: a\n\ndata: b\n\n")), {}
    local source = open(server:url(), {
      retryInterval = 1, maxRetryInterval = 5, maxRetries = 0,
      onreconnect = function(ms, why) waits[#waits + 1] = { ms, why.attempt } end,
    })
    wait.till(function() return #waits >= 6 end, "six reconnects")
    assert.not_equal(CLOSED, source.readyState)
    source:close()
    for _, each in ipairs(waits) do assert.same({ 30, 1 }, each) end
  end)

  it("line 33: failures count from the last connection that delivered", function()
    local n, waits = 0, {}
    local server = serve(function(conn)
      n = n + 1
      if n % 3 == 0 then conn:stream():send("data: x\n\n"):close() else conn:stream():close() end
    end)
    local source = open(server:url(), {
      retryInterval = 60, maxRetryInterval = 1000, maxRetries = 2,
      onreconnect = function(ms, why) waits[#waits + 1] = { ms == 60, why.attempt } end,
    })
    wait.till(function() return #waits >= 9 end, "nine reconnects")
    source:close()
    for i, each in ipairs(waits) do
      if i % 3 ~= 2 then assert.is_true(each[1]) end
      assert.equal(i % 3 == 2 and 2 or 1, each[2])
    end
  end)

  it("line 20: a retry of 0 makes no hot loop, a huge one does not wrap", function()
    for text, expected in pairs { ["0"] = 20, ["2147483648"] = DAY, ["12345678901234567890"] = DAY,
      ["99999999999999999999999"] = DAY, ["50"] = 50, ["60000"] = 60000 } do
      local got
      local server = script(sends("retry: " .. text .. "\n\n"), good)
      open(server:url(), {
        retryInterval = 1, minRetryInterval = 20, maxRetryInterval = 300,
        onreconnect = function(ms) got = got or ms end,
      })
      wait.till(function() return got end, "a reconnect")
      assert.equal(expected, got)
    end
  end)

  it("line 34: a server's retry survives later reconnects", function()
    local waits = {}
    local server = script(sends("retry: 25\n"), sends(""), sends(""), good)
    local source = open(server:url(), {
      retryInterval = 1, maxRetryInterval = 25,
      onreconnect = function(ms) waits[#waits + 1] = ms end,
    })
    record(source).till("message")
    assert.same({ 25, 25, 25 }, waits)
  end)

  it("line 35: sends the last event id as its UTF-8 bytes", function()
    local server = script(sends("id: zwölf 🦆\ndata: x\n\n"), good)
    record(open(server:url())).till("message", 2)
    assert.equal("zwölf 🦆", id_of(server, 2))
  end)

  it("line 35: sends an id of Chinese text", function()
    local server = script(sends("id: 第七条消息\ndata: x\n\n"), good)
    record(open(server:url())).till("message", 2)
    assert.equal("第七条消息", id_of(server, 2))
  end)

  it("line 40: a listener that raises, collects, closes and opens another loses nothing", function()
    local server = serve(function(conn) conn:stream():send("data: 1\n\ndata: 2\n\ndata: 3\n\n") end)
    local source, again, data = open(server:url()), nil, {}
    source.onmessage = function(ev)
      data[#data + 1] = ev.data
      collectgarbage()
      if ev.data == "1" then error("raised in a listener") end
      source:close()
      again = record(open(server:url()))
    end
    local function done() return again and again.count("message") == 3 end
    local ok, message = pcall(wait.till, done, "the error")
    assert.is_false(ok)
    assert.matches("raised in a listener", message)
    wait.till(done, "the second source's events")
    assert.same({ "1", "2" }, data)
  end)

  it("line 35: sends none when it was reset to empty", function()
    local server = script(sends("id: 1\ndata: x\n\n"), sends("id\ndata: y\n\n"), good)
    record(open(server:url())).till("message", 3)
    assert.equal("1", id_of(server, 2))
    assert.is_nil(id_of(server, 3))
  end)

  it("line 35: an id without data counts, an unfinished one does not", function()
    local server = script(sends("id: 7\n\nid: 8\n"), good)
    record(open(server:url())).till("message")
    assert.equal("7", id_of(server, 2))
  end)

  it("line 35: an id that no header carries is left out, with one warning", function()
    local warnings, original = {}, _G.warn
    _G.warn = function(...) warnings[#warnings + 1] = table.concat { ... } end
    local server = script(sends("id: a\1b\ndata: x\n\n"), sends(""), good)
    local log = record(open(server:url()))
    local ok, err = pcall(log.till, "message", 2)
    _G.warn = original
    assert.is_true(ok, err)
    assert.is_nil(id_of(server, 2))
    assert.is_nil(id_of(server, 3))
    assert.equal(1, #warnings)
    assert.equal("a\1b", log[#log].event.lastEventId)
  end)

  it("line 36: an event without an id reports the old one", function()
    local server = script(sends("id: 1\ndata: x\n\n"), sends("data: y\n\n"), good)
    local log = record(open(server:url()))
    log.till("message", 3)
    assert.equal("1", log[#log].event.lastEventId)
    assert.equal("1", id_of(server, 3))
  end)

  it("line 36: half an event neither merges with the new connection nor leaks its id", function()
    local server = script(sends("id: 1\ndata: x\n\nid: 2\nevent: t\ndata: half"),
      sends("data: y\n\n"), good)
    local log = record(open(server:url()))
    log.till("message", 3)
    assert.equal(0, log.count("t"))
    assert.equal("y", log[5].event.data)
    assert.equal("1", log[5].event.lastEventId)
    assert.equal("1", id_of(server, 2))
  end)

  it("line 8: the byte order mark is dropped on each connection", function()
    local server = script(sends("\239\187\191data: a\n\n"), sends("\239\187\191data: b\n\n"), good)
    local log = record(open(server:url()))
    log.till("message", 3)
    assert.same({ "a", "b" }, { log[2].event.data, log[5].event.data })
  end)

  it("line 37: repeats method, headers and body; a headers function is asked again", function()
    local server = script(sends(""), sends(""), good)
    local n = 0
    record(open(server:url(), {
      method = "PUT", body = "the body",
      headers = function() n = n + 1 return { Authorization = "Bearer " .. n } end,
    })).till("message")
    for i = 1, 3 do
      local request = server.requests[i]
      assert.same({ "PUT", "the body", "Bearer " .. i },
        { request.method, request.body, request.headers.authorization })
    end
  end)

  it("line 37: the headers function may wait for a token", function()
    local tokens = serve(function(conn) conn:reply(200, "t" .. #conn.server.requests) end)
    local server = script(sends(""), good)
    record(open(server:url(), {
      headers = function()
        return { Authorization = assert(assert(sse.fetch(tokens:url())):text()) }
      end,
    })).till("message")
    assert.same({ "t1", "t2" }, { server.requests[1].headers.authorization,
      server.requests[2].headers.authorization })
  end)

  it("line 42: silence past heartbeatTimeout is a loss, any byte is life", function()
    local server = script(function(conn)
      conn:stream()
      local n = 0
      local timer
      timer = core.every(20, function()
        n = n + 1
        if n == 10 or conn.closed then timer:stop() else conn:send(":") end
      end)
    end, good)
    local began = core.now()
    local log = record(open(server:url(), { heartbeatTimeout = 100 }))
    log.till("message")
    assert.equal("open error open message", log.types())
    assert.equal("ETIMEDOUT", log[2].event.code)
    assert.is_true(core.now() - began >= 250) -- nine signs of life, then 100 ms of silence
  end)

  it("line 42: a head that never comes is silence too", function()
    local server = script(function() end, good)
    local log = record(open(server:url(), { heartbeatTimeout = 50 }))
    log.till("message")
    assert.equal("error open message", log.types())
  end)

  it("line 43: an endless error body is read up to 64 KiB", function()
    local server = serve(function(conn)
      conn:head(500, "Content-Type: text/plain"):send(("x"):rep(200000))
    end)
    local log = record(open(server:url()))
    assert.equal(65536, #log.till("error").event.body)
    wait.till(function() return server.open == 0 end, "the close")
  end)

  it("line 22: an event over maxEventSize fails for good and names the limit", function()
    local server = script(sends("data: " .. ("x"):rep(2000) .. "\n\n"))
    local log = record(open(server:url(), { maxEventSize = 1000 }))
    local failed = log.till("error")
    assert.equal("ETOOBIG", failed.event.code)
    assert.matches("1000", failed.event.message)
    assert.equal(CLOSED, failed.readyState)
    wait.past(30)
    assert.equal(1, #server.requests)
  end)

  it("reconnect() connects again at once, with the last id and without an error", function()
    local server = script(function(conn) conn:stream():send("id: 9\ndata: x\n\n") end, good)
    local source = open(server:url(), { retryInterval = 60000, maxRetryInterval = 60000 })
    local log = record(source)
    log.till("message")
    assert.is_true(source:reconnect())
    assert.equal(CONNECTING, source.readyState)
    log.till("message", 2)
    assert.equal("open message open message", log.types())
    assert.equal("9", id_of(server, 2))
    assert.equal(1, source:stats().reconnects)
    wait.till(function() return server.open == 1 end, "the old connection's end")
    source:close()
    assert.same({ nil, "the source is closed", "ECLOSED" }, { source:reconnect() })
  end)

  it("counts in stats()", function()
    local server = script(sends("data: one\n\n"), sends("data: two\n\n"), good)
    local source = open(server:url())
    record(source).till("message", 3)
    local stats = source:stats()
    assert.same({ 3, 2, 11 + 11 + 12 }, { stats.events, stats.reconnects, stats.bytes })
    assert.is_true(core.now() - stats.lastActivity < 5000)
  end)
end)
