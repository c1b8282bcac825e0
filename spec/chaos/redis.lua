--- make chaos-redis: two machines that share a channel by Redis, under load, while Redis is killed,
-- stopped, emptied and so on. CHAOS_SECONDS=60 for each, CHAOS_RATE=1000 events a second of both,
-- CHAOS_STEADY=4 clients that stay, CHAOS_RESTLESS=4 that come and go, CHAOS_TIMES=3 kills and
-- moves. CHAOS_HARM=2 is the second one alone. The exit status is not 0 if anything was missed
-- that Redis has not lost, came twice or out of order, or if a stream was lost.
--
-- usage: lua redis.lua, or lua redis.lua --one INDEX [SETTINGS], which prints JSON.
local harms = require "spec.support.harms"
local hosts = require "spec.support.hosts"
local machines = require "spec.support.machines"
local sse = require "sse"

local SHORT <const> = 10 -- s; below, nothing lasts longer than it takes to be noticed

local function number(name, default)
  return math.tointeger(tonumber(os.getenv("CHAOS_" .. name))) or default
end

local given = {
  seconds = number("SECONDS", 60), rate = number("RATE", 1000), steady = number("STEADY", 4),
  restless = number("RESTLESS", 4), times = number("TIMES", 3),
}
given.is_short = given.seconds < SHORT

-- --- one -----------------------------------------------------------------------------------------

local function run_one(index, settings)
  given.harm = harms.new(index, settings)
  local ok, got = xpcall(machines.run, debug.traceback, given)
  machines.stop(given.harm)
  print(sse.json.encode(ok and got or { faults = { got } }))
end

-- --- all -----------------------------------------------------------------------------------------

-- Each in a process of its own.
local function start(index)
  local before = harms.list[index].needs_hosts and hosts.COMMAND or ""
  local command = ("%s %s %s --one %d"):format(before, arg[-1], arg[0], index)
  local out <close> = assert(io.popen(command))
  local text = out:read "a"
  return sse.json.decode(text:match "([^\n]*)\n*$") or { faults = { text } }
end

local COLUMNS = "%-26s %9s %12s %9s %6s %4s %7s %10s %7s"

local function show(name, got)
  if not got.published then
    print(name)
  else
    print(COLUMNS:format(name, got.published, got.acknowledged, got.seen, got.missed, got.gaps,
      got.resumes, got.longest, got.p99))
  end
  for _, fault in ipairs(got.faults) do print("  FAULT: " .. fault) end
  for id, reasons in ipairs(got.refused or {}) do
    for why, count in pairs(reasons) do
      print(("  not acknowledged by machine %d, %d: %s"):format(id, count, why))
    end
  end
end

-- Returns whether nothing was wrong.
local function show_one(index)
  local harm = harms.list[index]
  local why_not = harm.needs_hosts and hosts.why_not()
  if why_not then
    print(("%-26s not run: %s"):format(harm.name, why_not))
    return true
  end
  local got = start(index)
  show(harm.name, got)
  return #got.faults == 0
end

local function run_all()
  local are_fine, only = true, number "HARM"
  print(("two machines, %d events a second, %d s each; %d clients stay, %d come, go and resume at "
    .. "the other machine"):format(given.rate, given.seconds, given.steady, given.restless))
  print(COLUMNS:format("fault", "published", "acknowledged", "delivered", "missed", "gaps",
    "resumed", "silence/ms", "p99/ms"))
  for index = only or 1, only or #harms.list do are_fine = show_one(index) and are_fine end
  return are_fine
end

if arg[1] == "--one" then
  run_one(tonumber(arg[2]), arg[3])
else
  io.stdout:setvbuf "line"
  os.exit(run_all(), true)
end
