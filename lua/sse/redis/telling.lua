--- What a Presence (sse.redis.presence) asks of the server: to keep this process's number of
-- followers and tell it to the others, and to give theirs. One thing is under way at a time, the
-- *flight*, and what has changed meanwhile follows it. A flight that is lost is followed by another
-- one with a higher sequence number, behind which the first one does nothing should it come late.
-- @module sse.redis.telling
local core = require "sse.core"
local counting = require "sse.redis.counting"
local parse_all = require("sse.redis.follower_numbers").parse_all

local PAUSE = 5000 -- ms after a refusal
local LONGEST_PERIOD = 600000 -- ms: so often at least each number is told and read anew

local telling = {}

--- Prepares a new Presence. `told`: the number that the server has; `must_tell`, `must_read`: what
-- is to be asked; `is_unsure`: whether a flight was lost; `heard_meanwhile`: what was announced
-- since the flight that reads was sent.
function telling.prepare(self)
  self.told, self.must_tell, self.must_read, self.is_unsure = 0, false, false, false
  self.flight, self.heard_meanwhile = nil, nil
  self.pause_ends, self.next_renewal = 0, math.huge
end

-- --- what is due ---------------------------------------------------------------------------------

-- A number counts only while the server knows that this process is alive.
local function can_tell(self)
  return self.must_tell and (self.total == 0 or self.processes:is_registered())
end

local function can_read(self) return self.must_read and self.subscribed == true end

local function is_due(self)
  local log = self.log
  if log.store.pair.state ~= "up" or log.is_asking or log.pause then return false end
  if self.flight or core.now() < self.pause_ends then return false end
  return can_tell(self) or can_read(self)
end

--- Asks what is due, or lets the server know that this process is alive before.
function telling.ask(self)
  if self.must_tell and self.total > 0 and not self.processes:is_registered() then
    self.processes:ask_soon()
  end
  if is_due(self) then counting.queue(self.log.store, self) end
end

--- Has numbers that were told and read long ago told and read anew: the server may have lost them
-- without a word.
function telling.renew(self, now)
  if now < self.next_renewal then return end
  self.must_tell = self.must_tell or self.total > 0
  self.must_read = self.must_read or self:is_heard()
end

-- --- replies -------------------------------------------------------------------------------------

-- What was asked is to be asked again.
local function put_back(self, flight)
  self.must_tell = self.must_tell or flight.number ~= nil
  self.must_read = self.must_read or flight.reads
  self.heard_meanwhile = nil
end

local function on_error(self, flight, err)
  local store, word = self.log.store, err:match "^%u+"
  put_back(self, flight)
  -- A slot is on its way. The channel's other keys may be where they were, so the log stays.
  local is_on_its_way = store.router and (word == "ASK" or word == "TRYAGAIN")
  local again = not is_on_its_way and store:on_error(err, self.log)
  if again then return again(self.log) end
  self.pause_ends = core.now() + PAUSE
end

local function on_reply(self, flight, reply, err)
  if self.flight ~= flight then return end
  self.flight = nil
  if err then return on_error(self, flight, err) end
  local numbers = parse_all(reply)
  if not numbers then return self.log.store.pair:lose "a result of another form than expected" end
  self.log.store:note_success()
  if flight.number then self.told = flight.number end
  if flight.number and flight.number ~= self.total then self.must_tell = true end
  if flight.reads and self:is_heard() then self:take_numbers(numbers, self.heard_meanwhile) end
  self.heard_meanwhile = nil
  self:drop_numbers(flight.dead)
  telling.ask(self)
end

--- The connections are lost, or the log is elsewhere.
function telling.on_down(self)
  local flight = self.flight
  self.flight, self.pause_ends = nil, 0
  if flight then put_back(self, flight) end
  if flight and flight.number then self.is_unsure = true end
  self.must_tell = self.must_tell or self.total > 0 or self.told > 0
  self.must_read = self:is_heard()
end

-- --- asking --------------------------------------------------------------------------------------

local function words_of(self, flight)
  local its, store = self.processes, self.log.store
  its.sequence = its.sequence + 1
  local words = { "EVALSHA", store.shas.tell, 1, self.key, its.id, flight.number or "",
    its.sequence, self.is_unsure and "1" or "", self.topic, store.target.expire,
    flight.reads and "1" or "" }
  return table.move(flight.dead, 1, #flight.dead, #words + 1, words)
end

--- Sends what is due, if anything still is; returns whether.
function telling.send(self)
  if not is_due(self) then return false end
  local store, tells, reads = self.log.store, can_tell(self), can_read(self)
  local flight = { number = tells and self.total or nil, reads = reads,
    dead = tells and self.numbers:list_dead() or {} }
  if tells then self.must_tell = false end
  if reads then self.must_read = false end
  local period = math.min(LONGEST_PERIOD, store.target.expire / 3)
  self.next_renewal = core.now() + period * (0.75 + 0.25 * math.random())
  self.flight, self.heard_meanwhile = flight, reads and {} or nil
  store:send(words_of(self, flight), function(reply, err) on_reply(self, flight, reply, err) end)
  return true
end

--- Takes this process's number away, for good. Returns whether the server was asked.
-- @tparam function on_end called once the server has done it
function telling.withdraw(self, on_end)
  local store, is_told = self.log.store, self.told > 0 or self.flight ~= nil
  self.must_tell, self.must_read = false, false
  if not is_told or store.pair.state ~= "up" then return false end
  self.told, self.flight = 0, { number = 0, reads = false, dead = {} }
  store:send(words_of(self, self.flight), on_end)
  return true
end

return telling
