-- A consumer that reads slowly stops the sender, whichever interface it uses: no memory grows
-- meanwhile, and no event is lost. The server, in a process of its own, tries to send a gigabyte.
local child = require "spec.support.child"
local fixture = require "spec.support.fixture"
local sse = require "sse"
local wait = require "spec.support.wait"

local stress = os.getenv("SSE_STRESS_GC") ~= nil -- each callback costs a collection
local SLOW, INTERVAL = stress and 10 or 200, 2 -- events, and ms to wait for each
local FAST = 30000 -- more events than two sockets' buffers hold
local EVENT = 1024
local MEMORY = 4 * 2^20 -- for everything else
local SOCKETS = 64 * 2^20 -- more than the kernel's and the stream's buffers, far below a gigabyte

-- Resident bytes; 0 on systems that do not tell, where the only proof is that the server could send
-- no more.
local function memory()
  wait.collect()
  local file <close> = io.open("/proc/self/smaps_rollup")
  if not file then return 0 end
  return 1024 * tonumber(file:read("a"):match("\nRss:%s*(%d+) kB"))
end

local function stats(base)
  return assert(assert(sse.fetch(base .. "/stats")):json())
end

-- Waits until the server can send no more.
local function till_stuck(base)
  local before, now
  wait.till(function()
    before, now = now, stats(base)
    wait.past(50)
    return before and before.sent == now.sent and now.full > 0
  end, "a server that is stuck")
  return now
end

-- The interfaces for reading events, each as a function that returns an iterator.
local takers = {
  ["EventSource:events"] = function(url)
    return fixture.source(url):events()
  end,
  ["fetch and events"] = function(url)
    return assert(sse.fetch(url)):events()
  end,
}

describe("backpressure", function()
  local base

  before_each(function()
    base = "http://127.0.0.1:" .. child.start("spec/support/flood.lua"):till("port (%d+)")
  end)

  after_each(function()
    fixture.finish()
    child.stop()
  end)

  -- Reads as many events as limit() allows, in order, and waits after each.
  local function take_slowly(open, log)
    sse.spawn(function()
      for ev in open(base .. "/flood") do
        log.taken = log.taken + 1
        log.ordered = log.ordered and tonumber(ev.lastEventId) == log.taken and #ev.data == 1000
        if log.taken == log.stop_at then break end
        if log.slow then sse.sleep(INTERVAL) end
      end
      log.ended = true
    end)
  end

  for name, open in pairs(takers) do
    it(name .. " in a task: memory stays flat, the server is stuck, nothing is lost", function()
      local log = { taken = 0, ordered = true, slow = true }
      take_slowly(open, log)
      wait.till(function() return log.taken >= 3 end, "the first events")
      local before = memory()
      wait.till(function() return log.taken >= SLOW end, "slowly taken events")
      local stuck = till_stuck(base)
      assert.is_true(stuck.pending > 0)
      assert.is_true(stuck.sent * EVENT < SOCKETS, stuck.sent .. " events sent")
      assert.is_true(memory() - before < MEMORY, memory() - before .. " bytes more")
      log.slow, log.stop_at = false, log.taken + (stress and 50 or FAST)
      wait.till(function() return log.ended end, "the rest")
      assert.are.equal(log.stop_at, log.taken)
      assert.is_true(log.ordered)
      if not stress then assert.is_true(stats(base).sent > stuck.sent) end
    end)
  end

  it("one event after the other outside of tasks: the same", function()
    local iterate, _, _, closing = fixture.source(base .. "/flood"):events()
    for n = 1, 5 do assert.are.equal(tostring(n), iterate().lastEventId) end
    local before = memory()
    local stuck = till_stuck(base)
    assert.is_true(stuck.pending > 0)
    assert.is_true(memory() - before < MEMORY, memory() - before .. " bytes more")
    for n = 6, stress and 60 or FAST do
      if iterate().lastEventId ~= tostring(n) then error("not event " .. n) end
    end
    if not stress then assert.is_true(stats(base).sent > stuck.sent) end
    getmetatable(closing).__close()
  end)

  it("a listener that is busy with each event holds the server back", function()
    local heard, ordered, before = 0, true, nil
    local source = fixture.source(base .. "/flood")
    source.onmessage = function(ev)
      heard = heard + 1
      ordered = ordered and tonumber(ev.lastEventId) == heard
      if heard == 3 then before = memory() end
      local till = os.clock() + 0.001
      while os.clock() < till do end
      if heard == 3 * SLOW then source:close() end
    end
    wait.till(function() return source.readyState == sse.EventSource.CLOSED end, "the events")
    assert.is_true(ordered)
    assert.is_true(memory() - before < MEMORY, memory() - before .. " bytes more")
    assert.is_true(stats(base).sent * EVENT < SOCKETS)
  end)
end)
