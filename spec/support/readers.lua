--- Clients of one channel that several processes serve, each of which wants a certain one of them,
-- a "worker", and what they have seen: the events of all in one table by id, so that two orders
-- can't hide.
local socket = require "socket"
local sse = require "sse"

local readers = {}

local Reader = {}
Reader.__index = Reader

local Room = {}
Room.__index = Room

--- What all readers of a channel share.
-- @tparam string|function url the stream's; or url(want) gives that of a worker
-- @treturn table `by_id` (the data by id), `epoch` (the newest one), `head` (the newest position in
-- it), `seen` (the number of ids), `faults` (texts), `delivered`, `resumes` (in the other worker),
-- `losses`, `moves`, `delays` (counts by ms). `may_lose`, if set: the store may lose its events,
-- which begins a new epoch and is told by a gap event
function readers.room(url)
  return setmetatable({
    url = type(url) == "function" and url or function() return url end,
    by_id = {}, seen = 0, ended = {}, faults = {}, head = 0, delivered = 0, resumes = 0, losses = 0,
    moves = 0, delays = {}, list = {},
  }, Room)
end

function Room:fault(...)
  if #self.faults < 20 then table.insert(self.faults, string.format(...)) end
end

-- The delay that `share` of the events had at most, in ms.
function Room:delay(share)
  local total, sum, last = 0, 0, 0
  for ms, count in pairs(self.delays) do
    total, last = total + count, math.max(last, ms)
  end
  for ms = 0, last do
    sum = sum + (self.delays[ms] or 0)
    if sum >= share * total then return ms end
  end
end

--- A client, which has not connected yet.
-- @tparam int want the worker's id
function Room:reader(want)
  local reader = setmetatable({
    room = self, want = want, position = 0, losses = 0, slowest = 0, gaps = 0, comments = 0,
    ends = {},
  }, Reader)
  table.insert(self.list, reader)
  return reader
end

-- A reader's first event of an epoch. Only a store that has lost its events begins another epoch,
-- and none comes back; a gap event has said so.
local function enter(self, epoch)
  local room = self.room
  if room.epoch ~= epoch then
    if room.epoch and not room.may_lose or room.ended[epoch] then
      room:fault("the epoch %s after %s", epoch, room.epoch)
    end
    if room.epoch then room.ended[room.epoch] = true end
    room.epoch, room.head = epoch, 0
  end
  if self.epoch then
    self.ends[self.epoch] = self.position
    if not self.is_told then room:fault("the epoch %s without a gap event", epoch) end
  end
  self.epoch, self.position, self.is_told = epoch, 0, false
end

-- An event: the next one for this reader, and the same at this position for all.
local function on_event(self, ev)
  local room = self.room
  local epoch, position = ev.lastEventId:match "^(%w+)%-(%d+)$"
  position = math.tointeger(tonumber(position))
  if self.epoch ~= epoch then enter(self, epoch) end
  if position ~= self.position + 1 then room:fault("after %d came %d", self.position, position) end
  self.position, self.id = position, ev.lastEventId
  local known = room.by_id[self.id]
  if not known then
    room.by_id[self.id], room.seen = ev.data, room.seen + 1
  elseif known ~= ev.data then
    room:fault("at %s: '%s' and '%s'", self.id, known, ev.data)
  end
  if epoch == room.epoch then room.head = math.max(room.head, position) end
  room.delivered = room.delivered + 1
  local at = tonumber(ev.data:match "%S+$")
  if self.steady and at > self.since then -- else the event was published before it was back
    local ms = math.max(0, math.floor(socket.gettime() * 1000 - at))
    room.delays[ms] = (room.delays[ms] or 0) + 1
    self.slowest = math.max(self.slowest, ms)
  end
end

-- A reader that leaves behind a gap event, before an event has come, comes back with its old id and
-- is told again.
local function on_gap(self, ev)
  local is_again = self.is_told and self.told_by == self.source
  if not self.room.may_lose or is_again or not ev.data:find '"reason":"unknown"' then
    self.room:fault("a gap: %s", ev.data)
  end
  self.gaps, self.is_told, self.told_by = self.gaps + 1, true, self.source
end

-- The stream says which worker serves it. Another one than wanted: connects anew.
local function on_served(self, ev)
  local id, pid = ev.data:match "(%d+) (%d+)"
  local before = self.worker
  self.since = socket.gettime() * 1000
  self.worker, self.pid = math.tointeger(tonumber(id)), math.tointeger(tonumber(pid))
  if self.worker ~= self.want then
    self.room.moves = self.room.moves + 1
    self.source:close()
    self:open()
  elseif before and before ~= self.worker and self.id then
    self.room.resumes = self.room.resumes + 1
  end
end

--- Connects, and goes on where the reader was.
function Reader:open()
  local source = sse.EventSource(self.room.url(self.want), {
    lastEventId = self.id, reconnect = "resilient", minRetryInterval = 10,
  })
  self.source = source
  source.onmessage = function(ev) on_event(self, ev) end
  source:addEventListener("served", function(ev) on_served(self, ev) end)
  source:addEventListener("sse-gap", function(ev) on_gap(self, ev) end)
  source.oncomment = function() self.comments = self.comments + 1 end
  source.onerror = function(ev)
    if ev.code == "ECONNREFUSED" then self.room:fault("refused: %s", ev.message) end
    self.losses = self.losses + 1
    self.room.losses = self.room.losses + 1
    sse.after(10, function() -- and not after the seconds for which a server that ends asks
      if source.readyState == source.CONNECTING then source:reconnect() end
    end)
  end
end

--- Leaves.
function Reader:rest()
  self.source:close()
end

--- Whether the reader is served by a process.
function Reader:is_with(pid) return self.pid == pid and self.source.readyState == 1 end

--- A reader comes and goes at random until `room.over`, each time with the other worker. For
-- sse.spawn.
function readers.roam(self, workers)
  while not self.room.over do
    self:open()
    sse.sleep(math.random(50, 1000))
    self:rest()
    if self.room.over then break end
    sse.sleep(math.random(0, 500))
    if self.worker == self.want then self.want = self.want % workers + 1 end
  end
  self:open()
end

return readers
