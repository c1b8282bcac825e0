--- How many followers a channel has in this process and in all others. The server keeps this
-- process's number and announces it; the others' are read once, and what is announced from then on
-- changes them (sse.redis.telling). They count while their process is alive (sse.redis.processes).
-- @module sse.redis.presence
local core = require "sse.core"
local follower_numbers = require "sse.redis.follower_numbers"
local processes = require "sse.redis.processes"
local telling = require "sse.redis.telling"

local Presence = {}
Presence.__index = Presence

Presence.ask, Presence.send = telling.ask, telling.send

--- The log that moves where a server says that these numbers are elsewhere.
function Presence:its_log() return self.log end

-- --- those who listen ----------------------------------------------------------------------------

local function flush(self)
  self.is_changed = false
  if not self.is_read or self.numbers.count > 0 and self.processes.confirmed == 0 then return end
  local list = {}
  for face, on_count in pairs(self.faces) do list[face] = on_count end
  for face, on_count in pairs(list) do
    local count = self.numbers.sum + self.total - (self.own[face] or 0)
    if self.faces[face] == on_count and self.told_faces[face] ~= count then
      self.told_faces[face] = count
      self.log.call(on_count, count)
    end
  end
end

-- At the turn's end, those who listen are told. Before the numbers are read nothing is known.
local function change(self)
  if self.is_changed or not self.is_read then return end
  self.is_changed = true
  core.defer(function() flush(self) end)
end

-- --- numbers -------------------------------------------------------------------------------------

-- Whether this process has any followers, and whether others have.
local function note_use(self)
  local its, has_own, has_others = self.processes, self.total > 0, self.numbers.count > 0
  if has_own ~= self.has_own then its.own = its.own + (has_own and 1 or -1) end
  if has_others ~= self.has_others then its.heard = its.heard + (has_others and 1 or -1) end
  self.has_own, self.has_others = has_own, has_others
end

--- Other processes are alive than before.
function Presence:recount()
  self.numbers:recount()
  change(self)
end

--- Takes the announcement of a number.
function Presence:on_announcement(text)
  local process, number = follower_numbers.parse(text)
  if not process or process == self.processes.id then return end
  if number > 0 then self.processes:hear(process) end
  if self.heard_meanwhile then self.heard_meanwhile[process] = number end
  if self.numbers:set(process, number) then change(self) end
  note_use(self)
end

--- Takes all numbers.
-- @tparam table by_process as the server has them
-- @tparam table newer what was announced since they were asked for
function Presence:take_numbers(by_process, newer)
  local id = self.processes.id
  if (by_process[id] or 0) ~= self.total then self.must_tell = true end
  by_process[id] = nil
  for process, number in pairs(newer) do by_process[process] = number end
  self.is_read = true
  self.numbers:replace(by_process)
  note_use(self)
  change(self)
end

--- Drops the numbers of processes that are dead.
function Presence:drop_numbers(list)
  for _, process in ipairs(list) do
    if self.processes:is_dead(process) then self.numbers:set(process, 0) end
  end
  note_use(self)
end

-- --- as logs have it -----------------------------------------------------------------------------

--- A face of the log has so many followers now.
function Presence:announce(face, followers)
  self.total = self.total - (self.own[face] or 0) + followers
  self.own[face] = followers > 0 and followers or nil
  self.must_tell = self.must_tell or self.total ~= self.told or self.flight ~= nil
  note_use(self)
  change(self)
  if self.must_tell then self.log.store:wake(self) end
end

--- Sets or ends what a face is told of the others by.
function Presence:others(face, on_count)
  local was = self:is_heard()
  self.faces[face], self.told_faces[face] = on_count, nil
  local is = self:is_heard()
  change(self)
  if was == is then return end
  if is then
    self.must_read = true
  else
    self.must_read, self.is_read = false, false
    self.numbers:clear()
    note_use(self)
  end
  local store = self.log.store
  store.changed[self] = true
  if is then store:wake(self) end
end

--- Whether somebody wants to hear of the others.
function Presence:is_heard() return next(self.faces) ~= nil end

--- Whether announcements are to be subscribed to.
function Presence:is_watched() return self:is_heard() and not self.log.is_asking end

--- Whether something is still to be done for a log that nobody has open.
function Presence:is_busy()
  return self.must_tell or self.flight ~= nil or self.subscribed ~= nil
    or self.log.store.changed[self] == true
end

-- --- the server ----------------------------------------------------------------------------------

--- The server knows that this process is alive; is_new: it did not, and others may have dropped its
-- numbers.
function Presence:on_registered(is_new)
  if is_new and (self.total > 0 or self.flight) then self.must_tell = true end
  self:ask()
end

--- The channel's log was lost, and this process's number with it.
function Presence:on_lost()
  self.must_tell = self.must_tell or self.total > 0
  self:ask()
end

--- The server, or the log's place, is another one, or what was asked may be lost.
function Presence:on_down()
  self.subscribed, self.queued = nil, nil
  telling.on_down(self)
end

--- Announcements do not come any more.
function Presence:end_subscription()
  self.subscribed, self.must_read = nil, self:is_heard()
end

--- The log is another store's now, or the server is back.
function Presence:enter(store)
  store.topics[self.topic] = self
  if self:is_watched() then store.changed[self] = true end
  if self:is_watched() or self.must_tell then store:wake(self) end
end

--- The log is no longer the store's.
function Presence:leave(store)
  if self.subscribed and store.pair.state == "up" then store.pair:unsubscribe { self.topic } end
  store.topics[self.topic], store.changed[self], store.woken[self] = nil, nil, nil
end

--- Called every few seconds while the server is there.
function Presence:tick(now)
  telling.renew(self, now)
  telling.ask(self)
end

--- Takes this process's number away, whatever waits. Returns whether the server was asked.
-- @tparam function on_end called once the server has done it
function Presence:withdraw(on_end)
  self.own, self.total = {}, 0
  note_use(self)
  return telling.withdraw(self, on_end)
end

--- Nobody has the log open any more.
function Presence:drop()
  self.total = 0
  self.numbers:clear()
  note_use(self)
  self.log.store.topics[self.topic] = nil
  self.processes.presences[self] = nil
end

--- The store is closed: nobody is heard of.
function Presence:finish()
  local list = self.faces
  self.faces = {}
  for _, on_count in pairs(list) do
    core.defer(function() self.log.call(on_count, 0) end)
  end
end

local presence = {}

--- The Presence of a channel's log.
function presence.of(log)
  if log.presence then return log.presence end
  local store, key = log.store, log.keys[1] .. ":followers"
  local self = setmetatable({ log = log, key = key, processes = processes.of(store),
    topic = ("%s@%d"):format(key, store.target.database), own = {}, total = 0, faces = {},
    told_faces = {}, is_read = false, has_own = false, has_others = false, is_changed = false,
  }, Presence)
  telling.prepare(self)
  self.numbers = follower_numbers.new(self.processes)
  self.processes.presences[self] = true
  store.topics[self.topic], log.presence = self, self
  return self
end

return presence
