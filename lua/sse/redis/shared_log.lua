--- A channel's log as all parts of this process share it: what the newest event is, who watches,
-- and the order in which everything is asked of Redis. sse.redis.appends and sse.redis.reads have
-- what is asked.
-- @module sse.redis.shared_log
local announcement = require "sse.redis.announcement"
local appends = require "sse.redis.appends"
local core = require "sse.core"
local protected = require "sse.shared.protected"
local reads = require "sse.redis.reads"

local NO_SESSION = 0 -- where a log was asked before, over connections that do not count any more
local HELD_FOR = 1000 -- ms that the result of an append waits for the news of its event

local SharedLog = {}
SharedLog.__index = SharedLog

SharedLog.append, SharedLog.read = appends.append, reads.read
SharedLog.wake_appends = appends.wake

--- By what a channel appends in C, with these bounds.
function SharedLog:direct(bounds) return self.queue:direct(appends.number_of(self, bounds)) end

--- Calls a function of the channel's or the program's; what it raises is the loop's.
local function call(fn, ...)
  local ok, err = protected.call(fn, ...)
  if not ok then core.report(err) end
end

SharedLog.call = call

-- --- the newest event ----------------------------------------------------------------------------

--- Notes an event that this process has heard of.
function SharedLog:note(epoch, position, token)
  local known = self.known
  if known.epoch == epoch and known.position >= position then return end
  self.known = { epoch = epoch, position = position, token = token }
  if self.presence and known.epoch ~= "" and known.epoch ~= epoch then self.presence:on_lost() end
end

--- The words that all scripts begin with, behind the script's name.
function SharedLog:words(script, bounds)
  local known, keys = self.known, self.keys
  return { "EVALSHA", self.store.shas[script], 4, keys[1], keys[2], keys[3], keys[4],
    self.store.new_epoch(), known.epoch, known.position, known.token, bounds.history,
    bounds.history_bytes, bounds.max_age or 0, self.store.target.expire }
end

--- Sends a command, perhaps with a run of appends. Where the log has moved to another server before
-- the reply comes, nobody hears of the reply: the command was, or will be, sent again.
function SharedLog:send(words, on_reply, run, mark)
  local store = self.store
  if not store.router then return store:send(words, on_reply, run, mark) end
  local moves = self.moves
  if self.is_asking then store:send({ "ASKING" }, function() end) end
  store:send(words, function(reply, err)
    if self.moves == moves then on_reply(reply, err) end
  end, run, mark)
end

--- The log that moves where a server says that what has this topic is elsewhere.
function SharedLog:its_log() return self end

-- --- watching ------------------------------------------------------------------------------------

--- Whether somebody in this process watches the log.
function SharedLog:is_watched() return next(self.watchers) ~= nil end

--- Sets or ends a face's watch.
function SharedLog:watch(face, on_news)
  local was = self:is_watched()
  self.watchers[face] = on_news
  if was == self:is_watched() then return end
  self.told, self.told_before, self.owed = nil, nil, nil
  self:release_held()
  self.store:change_subscription(self)
end

--- Tells those who watch of an event, or without a position that the log is to be read again.
function SharedLog:tell(position, record, epoch)
  local list = {}
  for face, on_news in pairs(self.watchers) do list[face] = on_news end
  for face, on_news in pairs(list) do
    if self.watchers[face] == on_news then call(on_news, position, record, epoch) end
  end
end

-- Tells of an event that was announced. One without its record is this process's own, or to be
-- read.
local function tell_event(self, epoch, position, token, record)
  local told = self.told
  self:note(epoch, position, token)
  if not told or told.epoch ~= epoch or told.position < position then
    self.told = { epoch = epoch, position = position }
  end
  record = record or appends.own_record(self, token)
  if not record then return self:tell(nil) end
  record.position = position
  self:tell(position, record, epoch)
end

--- Takes an announcement of the log's.
function SharedLog:on_announcement(text)
  if not self:is_watched() then return end
  local epoch, list = announcement(text)
  if not epoch then return end -- somebody else's message
  for _, event in ipairs(list) do tell_event(self, epoch, table.unpack(event, 1, 3)) end
  self:release_held()
end

--- Notes where the log is by a look. Where news of that have not come by the next look, they are
-- lost.
function SharedLog:on_look(epoch, head)
  local told, owed = self.told, self.owed
  if not self:is_watched() then return end
  if told and told.epoch == epoch and told.position >= head then
    self.owed = nil
  elseif self.is_asking then
    self:read_again(epoch, head)
  elseif owed and owed.epoch == epoch then
    self:read_again(owed.epoch, owed.position)
  else
    self.owed = { epoch = epoch, position = head }
  end
end

--- Has those who watch read, up to a position at least.
function SharedLog:read_again(epoch, position)
  self.owed, self.told = nil, { epoch = epoch, position = position }
  self:tell(nil)
  self:release_held()
end

-- --- results that wait for news ------------------------------------------------------------------

--- Whether the news of an event of this process's own are still to come.
function SharedLog:awaits_news(epoch, position)
  if not self:is_watched() or self.subscribed ~= true then return false end
  local told = self.told
  return not told or told.epoch ~= epoch or told.position < position
end

--- Gives events of a run, which lie from a position on, their results once the news of the last one
-- have come.
function SharedLog:hold(run, from, to, position, epoch)
  self.held[#self.held + 1] = { run = run, from = from, to = to, position = position,
    last = position + to - from, epoch = epoch, since = core.now() }
end

--- Gives the results whose news have come.
function SharedLog:release_held()
  local held = self.held
  if #held == 0 then return end
  self.held = {}
  for _, one in ipairs(held) do
    if self:awaits_news(one.epoch, one.last) then
      self.held[#self.held + 1] = one
    else
      appends.finish(self, one.run, one.from, one.to, one.position, one.epoch)
    end
  end
end

-- Where news do not come, those who watch read.
local function check_held(self, now)
  local oldest = self.held[1]
  if not oldest or now - oldest.since < HELD_FOR then return end
  local newest = self.held[#self.held]
  self:read_again(newest.epoch, newest.last)
end

-- --- the connection ------------------------------------------------------------------------------

--- Whether the log can be asked now: the server is there, and where the log is watched, its news
-- come, or it is looked at often instead.
function SharedLog:can_ask()
  if self.store.pair.state ~= "up" or self.pause then return false end
  return self.subscribed == true or self.is_asking or not self:is_watched()
end

--- Asks what waits. The first thing that is asked over new connections is whether the log is still
-- the one that this process knows.
function SharedLog:ask()
  if self.presence then self.presence:ask() end
  if not self:can_ask() then return end
  local session = self.store.pair.session
  if self.session ~= session then
    local was_asked = self.session ~= nil
    self.session = session
    if was_asked or self.known.position > 0 then reads.verify(self) end
  end
  reads.send(self)
  appends.send(self)
end

--- Nothing is heard of the log's events any more.
function SharedLog:end_subscription()
  self.told_before = self.told_before or self.told
  self.subscribed, self.told, self.owed = nil, nil, nil
  self:forget_session()
  self:release_held()
end

--- Before the log is asked anything else, it is asked whether it is still the same.
function SharedLog:forget_session() self.session = self.session and NO_SESSION end

--- The connections are lost. What was asked is asked again once they are back.
function SharedLog:on_down(why)
  self.told_before = self.told_before or self.told
  self.subscribed, self.told, self.owed = nil, nil, nil
  appends.on_down(self, why)
  reads.on_down(self)
  if self.presence then self.presence:on_down() end
  self:release_held()
end

--- Called now and then while the server is there.
function SharedLog:tick(now)
  check_held(self, now)
  if not self:is_watched() or not self:can_ask() then return end
  local sooner = self.next_look - self.store.target.check_interval // 2
  if self.is_asking or self.owed and now >= sooner then return reads.look(self) end
  if now < self.next_look then return end
  self.next_look = now + self.store:look_pause()
  if self.session ~= self.store.pair.session then return self:ask() end
  reads.look(self)
end

--- Whether something that was asked of the log has no result yet.
function SharedLog:is_busy() return appends.is_busy(self) or reads.is_busy(self) end

--- Fails all that waits.
function SharedLog:fail(message, code)
  appends.fail(self, message, code)
  reads.fail(self, message, code)
  self.watchers = {}
  self:release_held()
end

local shared_log = {}

-- A channel's name as part of a hash tag, whose end is a brace.
local function escape(name)
  return (name:gsub("[%%{}]", function(c) return ("%%%02X"):format(c:byte()) end))
end

--- Makes a channel's log.
-- @param store as of sse.redis.store
-- @tparam string name
function shared_log.new(store, name)
  local key = ("%s{%s}"):format(store.target.prefix, escape(name))
  local self = setmetatable({ store = store, name = name, faces = 0, watchers = {}, held = {},
    keys = { key, key .. ":events", key .. ":ids", key .. ":dedupe" },
    topic = ("%s@%d"):format(key, store.target.database),
    known = { epoch = "", position = 0, token = "" }, moves = 0,
    next_look = core.now() + store:look_pause() }, SharedLog)
  appends.prepare(self)
  reads.prepare(self)
  return self
end

return shared_log
