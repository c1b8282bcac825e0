--- Which processes are alive, of all that use the same server or cluster. A process that has
-- followers says so every few seconds, by the script `beat` of sse.redis.presence_scripts, and is
-- forgotten where it has not for the time of two looks (`check_interval`). Numbers of followers
-- (sse.redis.presence) count as long as their process is alive, so that nothing has to be said of
-- each channel again and again.
-- @module sse.redis.processes
local core = require "sse.core"
local lists = require "sse.redis.lists"
local names = require "sse.redis.names"
local slots = require "sse.redis.slots"

local SOONEST = 100 -- ms, at least, between two times that the server is asked

local Processes = {}
Processes.__index = Processes

-- --- who is alive --------------------------------------------------------------------------------

--- Whether a process is alive, as far as was heard.
function Processes:is_live(process)
  if self.live[process] then return true end
  self.absent[process] = self.absent[process] or self.was_absent[process] or core.now()
  return false
end

--- Whether a process has been missing for so long that its numbers can be dropped.
function Processes:is_dead(process)
  local since = self.absent[process]
  return since ~= nil and not self.live[process] and since + self.life < self.confirmed
end

--- The number of a process was heard; if it is a new one, the server is asked who is alive.
function Processes:meet(process)
  if self.live[process] or self.absent[process] then return end
  self:is_live(process)
  self:ask_soon()
end

--- A process has just told a number, so it is alive, whatever is known of it. The server is asked.
function Processes:hear(process)
  if self.live[process] or not self.absent[process] then return end
  self.absent[process] = core.now()
  self:ask_soon()
end

local function set_live(self, list)
  self.live = {}
  for _, process in ipairs(list) do self.live[process] = true end
  self.was_absent, self.absent = self.absent, {}
  for _, presence in ipairs(lists.keys(self.presences)) do presence:recount() end
  self.was_absent = {}
end

-- --- asking --------------------------------------------------------------------------------------

local function is_known(self, store)
  return self.known_by == store and self.known_session == store.pair.session
    and store.pair.state == "up" and core.now() - self.said < self.life
end

--- Whether the server knows that this process is alive.
function Processes:is_registered()
  local store = self.owner:store_of_slot(self.slot)
  return store ~= nil and is_known(self, store)
end

-- Takes a reply; returns false where it is of no known form.
local function take(self, store, question, reply)
  local is_new, version, list = table.unpack(type(reply) == "table" and reply or {}, 1, 3)
  if type(is_new) ~= "string" or type(version) ~= "string" then return false end
  if list ~= nil and type(list) ~= "table" then return false end
  local was_known = is_known(self, store)
  self.confirmed, self.version = question.at, list and version or self.version
  if list then set_live(self, list) end
  if question.is_of_all then return true end
  self.known_by, self.known_session, self.said = store, store.pair.session, question.at
  if was_known and is_new ~= "1" then return true end
  for _, presence in ipairs(lists.keys(self.presences)) do presence:on_registered(is_new == "1") end
  return true
end

local function on_error(self, store, err)
  local word = err:match "^%u+"
  if store.router and word ~= "NOSCRIPT" then return store.router.lobby.pair:start() end
  store:on_error(err)
  if word == "NOSCRIPT" then self.next = 0 end
end

local function words_of(self, store, process, leaves)
  return { "EVALSHA", store.shas.beat, 2, self.key, self.key .. ":state", process, self.life,
    self.version, leaves and "1" or "" }
end

local function is_asked(self, store)
  local asked = self.asked
  return asked ~= nil and asked.store == store and asked.session == store.pair.session
end

-- Asks who is alive, and says that this process is, where it has followers. What is asked while a
-- reply is still to come may have happened behind it: it is asked once more.
local function ask(self)
  local store = self.owner:store_of_slot(self.slot)
  if not store then return end
  if store.pair.state ~= "up" then return store.pair:start() end
  self.asks_again = is_asked(self, store)
  if self.asks_again then return end
  local is_of_all = self.own == 0
  local question = { store = store, session = store.pair.session, at = core.now(),
    is_of_all = is_of_all }
  self.asked, self.asked_at = question, question.at
  self.next = question.at + self.life / 4 * (0.75 + 0.5 * math.random())
  store:send(words_of(self, store, is_of_all and "" or self.id), function(reply, err)
    if self.asked ~= question then return end
    self.asked = nil
    if err then return on_error(self, store, err) end
    if not take(self, store, question, reply) then
      store.pair:lose "a result of another form than expected"
    elseif self.asks_again then
      self:ask_soon()
    end
  end)
end

--- Asks, but not too often.
function Processes:ask_soon()
  local wait = self.asked_at + SOONEST - core.now()
  if wait <= 0 then return ask(self) end
  if self.soon then return end
  self.soon = core.timer(wait, function()
    self.soon = nil
    ask(self)
  end)
  self.soon:unref()
end

--- Called now and then while a server is there.
function Processes:tick(now)
  if now >= self.next and (self.own > 0 or self.heard > 0) then ask(self) end
end

--- Says that this process has no followers any more.
-- @tparam function on_reply called with the reply, as of store:send
-- @return the store that was asked, or nil
function Processes:leave(on_reply)
  local store = self.owner:store_of_slot(self.slot)
  if self.soon then self.soon:stop() end
  self.soon = nil
  if not store or not is_known(self, store) then return nil end
  self.known_by = nil
  store:send(words_of(self, store, self.id, true), on_reply)
  return store
end

-- --- making --------------------------------------------------------------------------------------

-- No channel's hash tag is this one: in those, hexadecimal digits follow a "%".
local function key_of(target) return target.prefix .. "{%processes}" end

local processes = {}

--- The Processes of a store, or nil where nobody has asked for followers.
function processes.known(store) return (store.router or store).processes end

--- The Processes of a store. Fields: `id`, this process; `presences`, a set; `own` and `heard`, how
-- many of them have followers here, and elsewhere; `confirmed`, when the server was asked last that
-- has said who is alive, 0: it was not.
function processes.of(store)
  local owner, target = store.router or store, store.target
  if owner.processes then return owner.processes end
  local key = key_of(target)
  owner.processes = setmetatable({ owner = owner, key = key, slot = slots.of(key),
    id = names.new(8), life = math.ceil(2 * target.check_interval), version = "", live = {},
    absent = {}, was_absent = {}, presences = {}, own = 0, heard = 0, confirmed = 0, said = 0,
    next = 0, asked_at = -SOONEST, sequence = 0 }, Processes)
  return owner.processes
end

return processes
