-- stream:sleep, and handlers that end with their streams.
local core = require "sse.core"
local misuse = require "spec.support.misuse"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local shutdown = require "spec.support.shutdown"
local sse = require "sse"
local wait = require "spec.support.wait"

local LONG = 3600 * 1000

describe("stream:sleep", function()
  after_each(function()
    serving.stop()
    wait.idle() -- a timer of an hour would be left here
  end)

  -- A server whose handler gives its stream to fn; `log.got` is what fn returned.
  local function start(fn)
    local log = {}
    log.server = serving.start(function(s)
      s:get("/stream", function(_, res)
        local stream = res:event_stream()
        log.stream = stream
        log.got = table.pack(fn(stream))
      end)
    end)
    return log
  end

  local function returned(log)
    raw.pump(function() return log.got end, "the end of the sleep")
    return table.unpack(log.got, 1, log.got.n)
  end

  local function sleep(stream) return stream:sleep(LONG) end
  local CLOSED = { nil, "closed", "ECLOSED" }

  it("waits, and gives true", function()
    local log = start(function(stream) return stream:sleep(20), stream:sleep(0) end)
    local client = shutdown.listener()
    assert.is_nil(log.got)
    assert.same({ true, true }, { returned(log) })
    client:close()
  end)

  it("ends as soon as the client leaves", function()
    local log = start(sleep)
    shutdown.listener():close()
    assert.same(CLOSED, { returned(log) })
  end)

  it("ends as soon as the program closes the stream", function()
    local log = start(sleep)
    local client = shutdown.listener()
    log.stream:close()
    assert.same(CLOSED, { returned(log) })
    client:close()
  end)

  it("ends as soon as a shutdown ends the stream", function()
    local log = start(sleep)
    local client = shutdown.listener()
    local over = shutdown.start(log.server, { within = 0 })
    assert.same(CLOSED, { returned(log) })
    client:close()
    shutdown.finished(over)
  end)

  it("does not wait where the stream has ended", function()
    local log = start(function(stream)
      stream:close()
      local turns = 0
      core.defer(function() turns = turns + 1 end)
      local got = { stream:sleep(LONG) }
      return turns, got
    end)
    local client = shutdown.listener()
    local turns, got = returned(log)
    assert.equal(0, turns)
    assert.same(CLOSED, got)
    client:close()
  end)

  it("takes several sleepers beside one who drains, and lets each end alone", function()
    local log = start(function(stream)
      stream:drain()
      return true
    end)
    local client = shutdown.listener()
    returned(log)
    local got = {}
    local function sleeper(name, ms)
      return sse.spawn(function() got[name] = table.pack(log.stream:sleep(ms)) end)
    end
    sleeper("short", 1)
    sleeper("long", LONG)
    local cancelled = sleeper("cancelled", LONG)
    raw.pump(function() return got.short end, "the short sleep")
    cancelled:cancel()
    assert.is_true(got.short[1])
    assert.is_nil(got.long)
    log.stream:send "x"
    assert.is_true(log.stream:drain())
    assert.is_nil(got.long)
    client:close()
    raw.pump(function() return got.long end, "the long sleep")
    assert.same({ nil, "closed", "ECLOSED", n = 3 }, got.long)
    assert.is_nil(got.cancelled)
  end)

  it("waits outside of a task by pumping", function()
    local log = start(function() end)
    local client = shutdown.listener()
    assert.is_true(log.stream:sleep(1))
    core.timer(1, function() client:close() end)
    assert.same(CLOSED, { log.stream:sleep(LONG) })
  end)

  it("raises at the caller's line", function()
    local blames, stream = misuse.blames, nil
    misuse.handle(function(_, res)
      stream = res:event_stream()
      for _, ms in ipairs { -1, 0 / 0, math.huge, "1000" } do
        blames("stream:sleep: expected milliseconds, a number >= 0, got",
          function() stream:sleep(ms) end)
      end
      blames("stream:sleep: expected milliseconds", function() stream:sleep() end)
      blames("stream:sleep(ms)", function() stream:sleep(1, 2) end)
      blames("stream:sleep", function() stream.sleep(1) end)
      stream:close()
      blames("stream:sleep: expected milliseconds", function() stream:sleep() end)
    end)
  end)
end)
