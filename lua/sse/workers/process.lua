--- One worker's process, as its master sees it.
-- @module sse.workers.process
local addresses = require "sse.workers.addresses"
local child = require "sse.workers.child"
local core = require "sse.core"

local process = {}

local Process = {}
Process.__index = Process

-- In a new worker: closes what only the master and other workers use.
local function become_worker(master, id, control, of_master)
  core.close_descriptor(of_master)
  for _, other in pairs(master.processes) do core.close_descriptor(other.control) end
  for i, ask in ipairs(master.asks) do
    if i ~= id then core.close_descriptor(ask.from) end
  end
  return {
    id = id, count = master.count, control = control, asks = master.asks, listens = {}, lent = {},
    beat = master.hang_timeout and master.hang_timeout / 4, numbers = master.numbers,
    addresses = addresses.of_worker(master.addresses, id),
  }
end

--- Forks a worker. In the worker this does not return.
-- @tparam table master of sse.workers.master
-- @tparam int id
-- @tparam function program
-- @treturn table|nil a process: `pid`, `id`, `control`, `state` ("starting", "ready", "ending"),
-- `late_at`, when its patience is over, and once it has failed to start `why`
-- @treturn ?string message
-- @treturn ?string code
function process.start(master, id, program)
  local mine, theirs, code = core.pair(false)
  if not mine then return nil, theirs, code end
  local pid, message
  pid, message, code = core.fork()
  if pid == 0 then
    child.run(theirs, function() return become_worker(master, id, theirs, mine) end, program)
  end
  core.close_descriptor(theirs)
  if pid then
    return setmetatable({ pid = pid, id = id, control = mine, state = "starting" }, Process)
  end
  core.close_descriptor(mine)
  return nil, "cannot fork: " .. message, code
end

--- Reads what the process has said: that it is ready, or why it could not start.
-- @treturn boolean whether it has just become ready
function Process:hear()
  local said, _, code = core.pair_read(self.control)
  local became_ready = false
  while said and said ~= "" do
    if self.state == "starting" and not self.why and said:sub(1, 1) == "r" then
      self.state, became_ready = "ready", true
    else
      self.why = (self.why or "") .. (self.why and said or said:sub(2))
    end
    said, _, code = core.pair_read(self.control)
  end
  self.silent = code ~= "EAGAIN" -- its end: there is nothing more to hear
  return became_ready
end

-- The process ends within so many milliseconds, and sooner where it was told that before: then who
-- asks again and again gets no later end.
local function ends_within(self, timeout)
  local at = core.now() + timeout
  if self.state ~= "ending" then
    self.state, self.late_at = "ending", at
  elseif self.late_at then
    self.late_at = math.min(self.late_at, at)
  end
end

--- Tells the process to end in peace.
-- @tparam number timeout milliseconds, after which it is killed
function Process:drain(timeout)
  core.kill(self.pid, "SIGTERM")
  ends_within(self, timeout)
end

--- Tells the process to end at once. One that is just starting has nothing to close.
-- @tparam number timeout milliseconds, after which it is killed
function Process:stop(timeout)
  if self.state == "starting" then
    core.kill(self.pid, "SIGKILL")
  else
    core.pair_write(self.control, "c")
  end
  ends_within(self, timeout)
end

--- Has the process accept from the sockets of another worker, or no longer.
-- @tparam int id
-- @tparam boolean borrows
function Process:borrow(id, borrows)
  core.pair_write(self.control, ("%s%d;"):format(borrows and "b" or "g", id))
end

--- Kills the process.
function Process:kill()
  core.kill(self.pid, "SIGKILL")
  self.late_at = nil
end

--- Forgets the process, which has ended.
function Process:close() core.close_descriptor(self.control) end

return process
