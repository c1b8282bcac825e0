-- Two machines that share a channel by Redis: what `make chaos-redis` does for minutes, in short.
-- Every event comes to all, once and in one order, whatever happens to Redis; where Redis itself
-- loses events, each client gets one gap event.
local child = require "spec.support.child"
local harms = require "spec.support.harms"
local hosts = require "spec.support.hosts"
local json = require "sse.json"
local machines = require "spec.support.machines"
local net = require "spec.support.net"

local SETTINGS = "timeout = 400, connect_timeout = 400, check_interval = 200"

-- In the stress run each event costs every client a collection.
local SECONDS, RATE = net.stress and 2 or 1, net.stress and 20 or 1000
local STEADY, RESTLESS = net.stress and 2 or 4, net.stress and 1 or 4

describe("machines that share a channel by Redis", function()
  local harm

  after_each(function()
    child.stop()
    if harm then machines.stop(harm) end
    harm = nil
  end)

  -- In a process that has namespaces of its own.
  local function run_on_hosts(index)
    local environment = "CHAOS_SECONDS=%d CHAOS_RATE=%d CHAOS_STEADY=%d CHAOS_RESTLESS=%d %s"
    local program = child.start(("spec/chaos/redis.lua --one %d '%s'"):format(index, SETTINGS),
      environment:format(SECONDS, RATE, STEADY, RESTLESS, hosts.COMMAND))
    program:wait()
    return assert(json.decode(program:output():match "([^\n]*)\n*$"), program:output())
  end

  local function run_here(index)
    harm = harms.new(index, SETTINGS)
    return machines.run { harm = harm, seconds = SECONDS, rate = RATE, steady = STEADY,
      restless = RESTLESS, times = 1, is_short = true }
  end

  for index, kind in ipairs(harms.list) do
    it("miss nothing: " .. kind.name, function()
      local why_not = kind.needs_hosts and hosts.why_not()
      if why_not then return pending(why_not) end
      local got = kind.needs_hosts and run_on_hosts(index) or run_here(index)
      assert.same({}, got.faults)
      assert.is_true(got.acknowledged > 0 and got.resumes > 0)
      assert.equal(kind.loses or false, got.gaps > 0)
    end)
  end
end)
