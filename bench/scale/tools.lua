--- What the rows of `make bench-scale` measure with.
local core = require "sse.core"
local sse = require "sse"

local tools = { build = "build" }

-- --- the longest turn ----------------------------------------------------------------------------

local probe = {}
probe.__index = probe

--- Watches the loop until probe:stop(): a deferred call that defers itself sees the end of each
-- turn. It keeps the loop from sleeping, so a turn takes as long as its work. Returns a probe.
function tools.probe()
  local self = setmetatable({ longest = 0, wall = 0, turns = 0 }, probe)
  local cpu, now = os.clock(), core.now()
  local function look()
    if self.stopped then return end
    local new_cpu, new_now = os.clock(), core.now()
    self.longest = math.max(self.longest, new_cpu - cpu)
    self.wall = math.max(self.wall, new_now - now)
    self.turns = self.turns + 1
    cpu, now = new_cpu, new_now
    core.defer(look)
  end
  core.defer(look)
  return self
end

--- The longest turn so far in milliseconds of this process's CPU time, which other processes do not
-- disturb; then in milliseconds of the clock, rounded.
function probe:milliseconds()
  return self.longest * 1e3, self.wall
end

--- Ends the watch; returns what probe:milliseconds does.
function probe:stop()
  self.stopped = true
  return self:milliseconds()
end

-- --- a crowd of clients --------------------------------------------------------------------------

local crowd = {}
crowd.__index = crowd

--- Starts a process whose `count` clients request a target, and read and drop what they are sent.
-- crowd:say "cut" closes all connections at once, crowd:say("return", id) requests the target
-- again with that Last-Event-ID; crowd:close() ends the process.
function tools.crowd(port, count, target)
  local command = ("%s/crowd %d %d %s"):format(tools.build, port, count, target)
  return setmetatable({ pipe = assert(io.popen(command, "w")) }, crowd)
end

function crowd:say(...)
  self.pipe:write(table.concat({ ... }, " "), "\n")
  self.pipe:flush()
end

function crowd:close()
  self.pipe:close()
end

-- --- running -------------------------------------------------------------------------------------

--- Runs fn(...) as a task and the loop until the task is over; returns what fn returns.
function tools.task(fn, ...)
  local task = sse.spawn(fn, ...)
  local results = table.pack(task:wait())
  return table.unpack(results, 1, results.n)
end

--- Waits, within a task, until the function says so.
function tools.wait_until(is_so)
  while not is_so() do sse.sleep(1) end
end

--- Calls fn a few times before, then `times` times, and returns microseconds of CPU a call.
function tools.cpu_each(times, fn)
  for _ = 1, math.min(times, 10) do fn() end
  local began = os.clock()
  for _ = 1, times do fn() end
  return (os.clock() - began) * 1e6 / times
end

return tools
