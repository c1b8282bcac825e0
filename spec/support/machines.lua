--- Two machines that share a channel by Redis, each played by a process that serves the channel's
-- streams and publishes to it; clients that stay, and clients that come, go and resume at the other
-- machine; and harm that comes to Redis meanwhile.
local child = require "spec.support.child"
local core = require "sse.core"
local ledger = require "spec.support.ledger"
local machine_of = require("spec.support.machine").start
local readers = require "spec.support.readers"
local redis = require "spec.support.redis"
local socket = require "socket"
local sse = require "sse"
local wait = require "spec.support.wait"

local machines = {}

local COUNT <const> = 2
local LIMIT <const> = 60000 -- ms
local TICK <const> = 20 -- ms between looks at what the loop does not see

-- --- waiting -------------------------------------------------------------------------------------

local Run = {}
Run.__index = Run

--- Pumps the loop until fn() is true, which is asked now and then.
function Run.till(_, fn, what)
  local last = -TICK
  wait.until_true(function()
    local now = core.now()
    if now - last < TICK then return false end
    last = now
    return fn()
  end, LIMIT, what)
end

--- Pumps the loop until so many events more have been seen.
function Run:till_more(count)
  local goal = self.seen.seen + count
  wait.until_true(function() return self.seen.seen >= goal end, LIMIT, "events")
end

--- Pumps the loop until the stores of the machines, or of those given, have told of a state since
-- the last time that this was called.
-- @tparam string state "up" or "down"
-- @tparam[opt] {int,...} which
function Run:till_states(state, which)
  for _, id in ipairs(which or { 1, 2 }) do
    local machine = self.machines[id]
    self:till(function()
      local list = machine:list_states()
      for i = machine.states + 1, #list do
        if list[i] == state then
          machine.states = i
          return true
        end
      end
    end, ("machine %d to say '%s'"):format(id, state))
  end
end

--- Whether all readers have what both machines publish.
function Run:till_well()
  local before = {}
  for i, reader in ipairs(self.steady) do before[i] = reader.position .. (reader.epoch or "") end
  local function is_well()
    for i, reader in ipairs(self.steady) do
      if reader.position .. (reader.epoch or "") == before[i] then return false end
    end
    return true
  end
  wait.until_true(is_well, LIMIT, "events for all")
  self:till_more(self.given.rate // 10)
end

--- Pumps the loop for `share` of the run's time: as long as something lasts. In a short run, not at
-- all.
function Run:last(share)
  local ends = socket.gettime() + share * self.given.seconds
  if self.given.is_short then return end
  self:till(function() return socket.gettime() >= ends end, "time")
end

function Run:fault(...) self.seen:fault(...) end

-- --- the run -------------------------------------------------------------------------------------

local function spawn(self, fn, ...)
  self.running = self.running + 1
  sse.spawn(function(...)
    fn(...)
    self.running = self.running - 1
  end, ...)
end

local function open(given)
  local self = setmetatable({ given = given, harm = given.harm, machines = {}, steady = {},
    running = 0 }, Run)
  self.harm:open(given)
  for id = 1, COUNT do
    local host = self.harm.hosts and self.harm.hosts[id] or { address = "127.0.0.1" }
    self.machines[id] = machine_of(id, { store = self.harm:store(id), rate = given.rate / COUNT,
      address = host.address, command = host.command })
  end
  for _, machine in ipairs(self.machines) do machine:till "serves" end
  self.seen = readers.room(function(id) return self.machines[id].url end)
  self.seen.may_lose = self.harm.loses
  for i = 1, given.steady do
    local reader = self.seen:reader(i % COUNT + 1)
    self.steady[i], reader.steady = reader, true
    reader:open()
    wait.till(function() return reader.worker == reader.want end, "a reader")
  end
  self.began = socket.gettime()
  for _, machine in ipairs(self.machines) do machine:kill "USR1" end
  self:till_more(1)
  for i = 1, given.restless do
    spawn(self, readers.roam, self.seen:reader(i % COUNT + 1), COUNT)
  end
  return self
end

-- How long nothing has come at worst, in ms; looked at until `close`.
local function watch_pauses(self)
  local last, since = self.seen.seen, core.now()
  self.longest = 0
  self.watch = core.every(TICK, function()
    local now = core.now()
    if self.seen.seen ~= last then last, since = self.seen.seen, now end
    self.longest = math.max(self.longest, now - since)
  end)
  self.watch:unref()
end

-- Waits until each reader has what was acknowledged last.
local function catch_up(self, acknowledged)
  local newest = {}
  for _, ids in ipairs(acknowledged) do
    for _, id in pairs(ids) do
      local epoch, position = id:match "(%w+)-(%d+)"
      newest[epoch] = math.max(newest[epoch] or 0, math.tointeger(tonumber(position)))
    end
  end
  for _, reader in ipairs(self.seen.list) do
    wait.until_true(function()
      local epoch = self.seen.epoch
      return reader.epoch == epoch
        and reader.position >= math.max(self.seen.head, newest[epoch] or 0)
    end, LIMIT, "a reader to catch up")
  end
end

local function check_readers(self)
  for _, reader in ipairs(self.steady) do
    if self.harm.loses and reader.gaps ~= 1 then
      self:fault("%d gap events for one loss", reader.gaps)
    end
  end
  if self.seen.losses > 0 then self:fault("%d streams were lost", self.seen.losses) end
  if self.seen.moves > 0 then self:fault("%d streams of a wrong machine", self.seen.moves) end
end

-- Ends the publishers, compares, and ends the machines. Returns the numbers.
local function close(self)
  local published, acknowledged, refused = 0, {}, {}
  for _, machine in ipairs(self.machines) do machine:kill "USR1" end
  for id, machine in ipairs(self.machines) do
    self:till(function() return machine:output():find "published %d+\n" end, "the publishers")
    published = published + machine:output():match "published (%d+)\n"
    acknowledged[id], refused[id] = machine:read_file()
  end
  local seconds = socket.gettime() - self.began
  self.watch:stop()
  self.seen.over = true
  wait.until_true(function() return self.running == 0 end, LIMIT, "the tasks")
  catch_up(self, acknowledged)
  local total, missed = ledger.compare(self.seen, self.steady, acknowledged)
  local repeated = ledger.find_repeated(self.seen, acknowledged)
  check_readers(self)
  for _, reader in ipairs(self.seen.list) do reader:rest() end
  for id, machine in ipairs(self.machines) do
    machine:kill "TERM"
    if machine:wait() ~= 0 then self:fault("machine %d: %s", id, machine:output()) end
  end
  return { published = math.tointeger(published), acknowledged = total, missed = missed,
    repeated = repeated, refused = refused, seconds = seconds }
end

--- Runs it.
-- @tparam table given `harm`, one of spec.support.harms; `seconds`, `rate` (events a second of
-- both), `steady` and `restless` (clients)
-- @treturn table `faults`, a list of texts, and numbers
function machines.run(given)
  local self = open(given)
  watch_pauses(self)
  self:till_more(given.rate * given.seconds // 4)
  self.harm:act(self)
  self:till_well()
  wait.until_true(function() return self.seen.resumes >= given.restless end, LIMIT, "resumes")
  local ends = self.began + given.seconds
  self:till(function() return socket.gettime() >= ends end, "the end")
  local got, seen = close(self), self.seen
  got.faults, got.seen, got.delivered, got.resumes = seen.faults, seen.seen, seen.delivered,
    seen.resumes
  got.gaps, got.longest, got.p50, got.p99 = 0, self.longest, seen:delay(0.5), seen:delay(0.99)
  for _, reader in ipairs(seen.list) do got.gaps = got.gaps + reader.gaps end
  return got
end

--- For after_each.
function machines.stop(harm)
  child.stop()
  harm:close()
  redis.stop()
end

return machines
