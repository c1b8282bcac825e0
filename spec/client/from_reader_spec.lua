-- sse.EventSource.fromReader: events from a function that returns bytes.
local fixture = require "spec.support.fixture"
local core = require "sse.core"
local sse = require "sse"
local wait = require "spec.support.wait"

local record = fixture.record
local OPEN, CLOSED = 1, 2

local function pieces(...)
  local list, n = { ... }, 0
  return function()
    n = n + 1
    return list[n]
  end
end

describe("EventSource.fromReader", function()
  after_each(fixture.finish)

  it("opens, gives the events, closes; one ECLOSED, no failure", function()
    local source = sse.EventSource.fromReader(pieces("id: 1\nda", "", "ta: a\n\nevent: t\n",
      "data: b\n\ndata: half"))
    local log = record(source)
    assert.equal(0, source.readyState)
    wait.till(function() return source.readyState == CLOSED end, "the end")
    assert.equal("open message t error", log.types())
    assert.same({ OPEN, "a", "1", "ECLOSED", CLOSED }, { log[1].readyState, log[2].event.data,
      log[3].event.lastEventId, log[4].event.code, log[4].readyState })
    assert.is_nil(source.failure)
    assert.same({ "about:event-stream", "null", "null" },
      { source.url, log[2].event.origin, log[3].event.origin })
    assert.equal("EventSource: about:event-stream", tostring(source))
    assert.equal(2, source:stats().events)
    assert.is_nil((source:reconnect()))
  end)

  it("is a loop, asks only when asked, and stops asking when left", function()
    local asked = 0
    local source = sse.EventSource.fromReader(function()
      asked = asked + 1
      return ("data: %d\n\n"):format(asked)
    end)
    local heard = {}
    for ev in source:events() do
      heard[#heard + 1] = ev.data
      sse.sleep(2)
      assert.is_true(asked <= #heard + 1)
      if ev.data == "5" then break end
    end
    assert.same({ "1", "2", "3", "4", "5" }, heard)
    assert.equal(CLOSED, source.readyState)
    local so_far = asked
    wait.past(5)
    assert.equal(so_far, asked)
  end)

  it("the reader may wait: another response's body", function()
    local server = fixture.serve(function(conn) conn:reply(200, "data: x\n\ndata: y\n\n") end)
    local take
    local source = sse.EventSource.fromReader(function()
      take = take or assert(sse.fetch(server:url())):chunks()
      return take()
    end)
    local data = {}
    for ev in source:events() do data[#data + 1] = ev.data end
    assert.same({ "x", "y" }, data)
  end)

  it("hands its failure over", function()
    local source = sse.EventSource.fromReader(function() return nil, "no more", "ECONNRESET" end)
    assert.equal("ECONNRESET", record(source).till("error").event.code)
    assert.same({ "no more", false }, { source.failure.message, source.failure.willRetry })
    source = sse.EventSource.fromReader(pieces(("data: " .. ("x"):rep(50))), { maxEventSize = 10 })
    assert.equal("ETOOBIG", record(source).till("error").event.code)
  end)

  it("one that raises, or gives no bytes, is reported", function()
    for _, read in ipairs { function() error "broken" end, function() return 7 end } do
      local source = sse.EventSource.fromReader(read)
      local log = record(source)
      assert.is_false((pcall(sse.run)))
      assert.equal("EINVAL", log.till("error").event.code)
      assert.equal(CLOSED, source.readyState)
    end
    assert.has_error(function() sse.EventSource.fromReader("file") end)
    assert.has_error(function() sse.EventSource.fromReader(print, { proxy = "x" }) end)
  end)

  it("dropped and collected at any line of its first turns is closed in silence", function()
    for line = 1, 120 do
      local source, passed = sse.EventSource.fromReader(pieces("data: 1\n\n")), 0
      debug.sethook(function()
        passed = passed + 1
        if passed ~= line then return end
        source = nil
        collectgarbage()
      end, "l")
      local ok, err = pcall(function()
        for _ = 1, 3 do core.turn() end
      end)
      debug.sethook()
      assert(ok, err)
      if source then source:close() end
    end
  end)

  it("closed in an event, nothing comes of the rest; an aborted signal asks nothing", function()
    local source = sse.EventSource.fromReader(pieces("data: 1\n\ndata: 2\n\n", "data: 3\n\n"))
    local log = record(source)
    source.onmessage = function() source:close() end
    wait.till(function() return source.readyState == CLOSED end, "the close")
    wait.past(5)
    assert.equal("open message", log.types())
    source = sse.EventSource.fromReader(error, { signal = sse.AbortSignal.abort() })
    assert.equal(CLOSED, source.readyState)
    wait.past(2)
  end)
end)
