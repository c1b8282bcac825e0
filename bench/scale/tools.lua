--- What the rows of `make bench-scale` measure with.
local sse = require "sse"

local tools = { build = "build" }

-- --- how long the loop was away ------------------------------------------------------------------

local probe = {}
probe.__index = probe

--- Watches by a timer of 1 ms for how long the loop calls no timer, until probe:stop().
function tools.probe()
  local self = setmetatable({ longest = 0, wall = 0 }, probe)
  local cpu, now = os.clock(), sse.now()
  function self.look()
    local new_cpu, new_now = os.clock(), sse.now()
    self.longest = math.max(self.longest, new_cpu - cpu)
    self.wall = math.max(self.wall, new_now - now)
    cpu, now = new_cpu, new_now
  end
  self.timer = sse.every(1, self.look)
  return self
end

--- Ends the watch. Returns the most CPU time that this process spent between two calls of the
-- timer, in milliseconds: how long the loop was away on a machine with nothing else to do. Then
-- the longest time by the clock.
function probe:stop()
  self.look()
  self.timer:stop()
  return self.longest * 1e3, self.wall
end

-- --- a crowd of clients --------------------------------------------------------------------------

local crowd = {}
crowd.__index = crowd

local crowds = {} -- all that were made: collecting one would wait for its process

--- Starts a process whose `count` clients request a target, and read and drop what they are sent.
-- crowd:say "cut" closes all connections at once, crowd:say("return", id) requests the target
-- again with that Last-Event-ID; crowd:close() ends the process.
function tools.crowd(port, count, target)
  local command = ("%s/crowd %d %d %s"):format(tools.build, port, count, target)
  local self = setmetatable({ pipe = assert(io.popen(command, "w")) }, crowd)
  crowds[#crowds + 1] = self
  return self
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
