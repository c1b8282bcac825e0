--- The master of workers: starts them, replaces those that die, and ends them.
--
-- It runs no loop: it waits for signals and for what its workers say, and forks from there, so that
-- each worker begins with a loop that has never run.
-- @module sse.workers.master
local core = require "sse.core"
local lending = require "sse.workers.lending"
local log = require "sse.log"
local notices = require "sse.workers.notices"
local process = require "sse.workers.process"
local reload = require "sse.workers.reload"
local worker = require "sse.server.worker"

local master = {}

local Master = {}
Master.__index = Master

local AT_ONCE = 5000 -- ms until a worker that was told to end at once is killed
local FIRST_PAUSE = 100 -- ms
local TICKETS_EVERY = 10 * 60 * 1000 -- ms between looks at how old the key of TLS tickets is

--- Says something of the workers: to the log hook, or else what matters to standard error.
-- @tparam string level
-- @tparam string message
-- @tparam[opt] table details `worker`, `pid`
function Master:log(level, message, details)
  if log.write(self.hook, level, message, details or {}) then return end
  if level == "warn" or level == "error" then core.master_say("lua-sse: " .. message .. "\n") end
end

-- --- starting ------------------------------------------------------------------------------------

--- Starts a process for a slot.
-- @tparam table slot
-- @tparam function program
-- @treturn table|nil the process; else the failure was dealt with
function Master:start(slot, program)
  local started, message, code = process.start(self, slot.id, program)
  if not started then
    self:start_failed(slot, message, code)
    return nil
  end
  self.numbers:add(worker.number(slot.id, "starts"), 1)
  self.processes[started.pid] = started
  started.slot = slot
  started.late_at = core.now() + self.start_timeout
  self:log("info", ("worker %d starts"):format(slot.id), { worker = slot.id, pid = started.pid })
  return started
end

-- How long a slot's next worker waits: the first one not at all, then 100 ms, twice as long each
-- time, and up to a fifth more by chance, so that not all of them start at the same moment.
local function pause_of(self, failures)
  if failures <= 1 then return 0 end
  local pause = FIRST_PAUSE * 2 ^ math.min(failures - 2, 30)
  return math.floor(math.min(pause, self.max_pause) * (1 + math.random() / 5))
end

-- A slot has no worker any more, and none was told to end.
local function restart_later(self, slot, what)
  slot.failures = slot.failures + 1
  self.numbers:add(worker.number(slot.id, "crashes"), 1)
  lending.lend(self, slot)
  if slot.successor then
    return self:log("error", ("worker %d %s; another one starts"):format(slot.id, what),
      { worker = slot.id })
  end
  local pause = pause_of(self, slot.failures)
  slot.start_at = core.now() + pause
  local when = pause == 0 and "now" or ("in %d ms"):format(pause)
  self:log("error", ("worker %d %s; another one starts %s"):format(slot.id, what, when),
    { worker = slot.id })
end

--- A slot could not get a process that listens.
-- @tparam table slot
-- @tparam string what "ended with status 1: app.lua:3: wrong"
-- @tparam[opt] string code
-- @tparam[opt] table failed the process
function Master:start_failed(slot, what, code, failed)
  if not self.started then
    return self:fail(("sse.workers: worker %d %s"):format(slot.id, what), code or "ESTART")
  elseif self.reload and self.reload:concerns(slot, failed) then
    self.reload:failed(("worker %d's new process %s"):format(slot.id, what))
    if not slot.process then restart_later(self, slot, "is missing") end
  else
    restart_later(self, slot, what)
  end
end

-- --- ending --------------------------------------------------------------------------------------

-- Ends all processes: in peace, or at once.
local function end_all(self, at_once)
  self.stopping = true
  self.reload = nil
  self.close_sockets() -- before the workers close theirs, so that nobody waits in these
  notices.stopping()
  for _, slot in ipairs(self.slots) do slot.start_at = nil end
  for _, each in pairs(self.processes) do
    if at_once then each:stop(AT_ONCE) else each:drain(self.stop_timeout) end
  end
end

--- The workers can't be: the master ends with this error.
-- @tparam string message
-- @tparam string code
function Master:fail(message, code)
  if self.stopping then return end
  self.failure = { message, code }
  end_all(self, true)
end

-- --- what happens --------------------------------------------------------------------------------

local function all_ready(self)
  for _, slot in ipairs(self.slots) do
    if not slot.process or slot.process.state ~= "ready" then return false end
  end
  return true
end

local function on_ready(self, ready)
  local slot = ready.slot
  ready.ready_at = core.now()
  ready.late_at = self.hang_timeout and ready.ready_at + self.hang_timeout
  self:log("info", ("worker %d is ready"):format(slot.id), { worker = slot.id, pid = ready.pid })
  if slot.successor == ready then
    local old = slot.process
    slot.process, slot.successor, slot.failures = ready, nil, 0
    lending.give_back(slot)
    if old then
      old:drain(self.stop_timeout)
      lending.forget(self, old)
    end
    return self.reload:next()
  end
  lending.give_back(slot)
  if self.started then return lending.lend_all(self) end
  if all_ready(self) then
    self.started = true
    notices.ready()
    if self.wants_reload then reload.begin(self) end
  end
end

-- A process has ended: `what` says how.
local function on_ended(self, gone, what)
  local slot = gone.slot
  self.processes[gone.pid] = nil
  gone:close()
  if slot.process == gone then slot.process = nil end
  lending.forget(self, gone)
  if gone.state == "ending" or self.stopping then return end
  if gone.why then what = ("%s: %s"):format(what, gone.why) end
  if gone.state == "starting" then
    self:start_failed(slot, gone.why and "can't start: " .. gone.why or what, nil, gone)
  else
    if core.now() - gone.ready_at >= self.max_pause then slot.failures = 0 end
    restart_later(self, slot, ("(process %d) %s"):format(gone.pid, what))
  end
end

-- Hears what all processes have said.
local function hear_all(self)
  local list = {}
  for _, each in pairs(self.processes) do list[#list + 1] = each end
  for _, each in ipairs(list) do
    if not each.silent and each:hear() then on_ready(self, each) end
  end
end

-- A process has ended, unless `pid` is nil.
local function on_reaped(self, pid, how, what)
  local gone = self.processes[pid or 0]
  if not gone then return pid end
  if gone:hear() then on_ready(self, gone) end
  on_ended(self, gone, how == "signal" and "was ended by " .. what or
    ("ended with status %d"):format(what))
  return pid
end

-- Looks which processes have ended. What any has said before comes first: where all were ready, the
-- end of one is no failed start. The first process of a container also gets those whose parents
-- have died.
local function reap(self)
  hear_all(self)
  if core.process_id() == 1 then
    repeat until not on_reaped(self, core.reap(-1))
  else
    local pids = {}
    for pid in pairs(self.processes) do pids[#pids + 1] = pid end
    for _, pid in ipairs(pids) do on_reaped(self, core.reap(pid)) end
  end
end

local on_signal = {}

function on_signal.SIGTERM(self) end_all(self, self.stopping) end
function on_signal.SIGINT(self) end_all(self, true) end
function on_signal.SIGHUP(self) reload.begin(self) end

-- Whether the loop of a process has turned since it was looked at last. Then it is looked at again.
-- So it is where the master comes late itself: both may have been stopped, by Ctrl-Z or with their
-- container.
local function is_alive(self, each)
  local turns, now = self.numbers:get(worker.number(each.id, "turns")), core.now()
  if turns == each.turns and now - each.late_at < self.hang_timeout / 4 then return false end
  each.turns, each.late_at = turns, now + self.hang_timeout
  return true
end

-- A process is past its time: to start, to show that it lives, or to end.
local function on_late(self, late)
  if late.state == "ready" then
    if is_alive(self, late) then return end
    self:log("error", ("worker %d (process %d) hangs: its loop has not turned for %d ms"):format(
      late.id, late.pid, self.hang_timeout), { worker = late.id, pid = late.pid })
  elseif late.state == "starting" then
    late.why = ("it did not listen on all addresses within %d ms"):format(self.start_timeout)
  else
    self:log("warn", ("worker %d (process %d) did not end in time and is killed"):format(late.id,
      late.pid), { worker = late.id, pid = late.pid })
  end
  late:kill()
end

-- --- the loop ------------------------------------------------------------------------------------

-- Milliseconds until the next thing is due.
local function time_left(self)
  local at = math.huge
  for _, slot in ipairs(self.slots) do at = math.min(at, slot.start_at or at) end
  for _, each in pairs(self.processes) do at = math.min(at, each.late_at or at) end
  at = math.min(at, notices.due() or at, self.tickets_at)
  return math.max(0, math.ceil(at - core.now()))
end

-- Does what is due.
local function serve_due(self)
  local now = core.now()
  notices.serve(now)
  if now >= self.tickets_at then
    core.rotate_tickets()
    self.tickets_at = now + TICKETS_EVERY
  end
  for _, each in pairs(self.processes) do
    if each.late_at and each.late_at <= now then on_late(self, each) end
  end
  for _, slot in ipairs(self.slots) do
    if slot.start_at and slot.start_at <= now then
      slot.start_at = nil
      slot.process = self:start(slot, self.program)
    end
  end
end

-- Waits until something happens, and deals with it.
local function turn(self)
  local fds, by_fd = {}, {}
  for _, each in pairs(self.processes) do
    if not each.silent then fds[#fds + 1], by_fd[each.control] = each.control, each end
  end
  local signals, readable = core.master_wait(time_left(self), fds)
  for fd, each in pairs(by_fd) do
    if readable[fd] and self.processes[each.pid] == each and each:hear() then
      on_ready(self, each)
    end
  end
  local has_child = false
  for _, name in ipairs(signals) do
    if name == "SIGCHLD" then has_child = true else on_signal[name](self) end
  end
  -- Last: a worker that was ended by the same SIGTERM, sent to the whole group, has not crashed.
  if has_child then reap(self) end
  serve_due(self)
end

--- Starts the workers and looks after them until all have ended.
-- @tparam table given `count`, `addresses` (of sse.workers.addresses), `close_sockets`,
-- `load_program` (returns a function, or nil and a message), `program`, `hook`, `start_timeout`,
-- `stop_timeout`, `hang_timeout` or nil, `max_pause`, `asks`, `numbers`
-- @return true; or nil, message, code
function master.run(given)
  local self = setmetatable(given, Master)
  self.processes, self.slots, self.tickets_at = {}, {}, core.now()
  for id = 1, self.count do self.slots[id] = { id = id, failures = 0, start_at = core.now() } end
  serve_due(self)
  while not self.stopping or next(self.processes) do turn(self) end
  if self.failure then return nil, table.unpack(self.failure) end
  return true
end

return master
