--- A model of what a channel promises: logs of everything that was published, and clients that
-- check each event as it comes.
local core = require "sse.core"
local json = require "sse.json"
local new_parser = require "sse.parser"

local model = {}

-- --- logs ---------------------------------------------------------------------------------------

local Log = {}
Log.__index = Log

--- The model of a channel's log with these options.
-- @tparam boolean stored whether a store keeps it
-- @tparam table siblings epoch -> the model of the log of that name and epoch
function model.log(name, epoch, options, stored, siblings)
  return setmetatable({ name = name, epoch = epoch, options = options, siblings = siblings,
    first = 1, next = 1, lost = 0, perhaps = 0, bytes = 0, newest = {}, events = {},
    stored = stored }, Log)
end

-- The bytes of an event on an HTTP/1.1 connection; in a store, without its id.
local function bytes_of(log, id, data)
  if log.stored then return #"data: \n\n" + #data end
  local bytes = #"id: \n" + #id + #"data: \n\n" + #data
  return bytes + #("%x"):format(bytes) + 4
end

function Log:drop()
  local event = self.events[self.first]
  if not event.superseded then self.lost = self.first end
  self.bytes = self.bytes - event.bytes
  self.first = self.first + 1
end

--- Notes an event that was published. given: its data, id and perhaps key; time: from when on it
-- may expire.
function Log:add(given, id, time)
  local limits, key = self.options, given.key
  local event = { own = given.id, time = time, bytes = bytes_of(self, id, given.data) }
  while self.first < self.next and (self.next - self.first >= limits.history
      or self.bytes + event.bytes > limits.history_bytes) do
    self:drop()
  end
  if key and limits.slow == "latest" then
    local older = self.newest[key]
    -- A page of a store's events leaves out what newer ones of the page supersede.
    if older and (older >= self.first or self.stored) then
      if self:may_be_gone(older) then self.perhaps = older end -- perhaps dropped before
      self.events[older].superseded = true
    end
    self.newest[key] = self.next
  end
  self.events[self.next] = event
  self.bytes = self.bytes + event.bytes
  self.next = self.next + 1
end

--- Whether an event may have been dropped, because of the bounds or its age.
function Log:may_be_gone(at)
  local limits = self.options
  return at < self.first or limits.history == 0
    or limits.max_age and core.now() - self.events[at].time >= limits.max_age - 1 or false
end

--- The newest event that may have been dropped, and the newest of those that were not superseded.
function Log:may_have_lost()
  local gone, lost = self.first - 1, math.max(self.lost, self.perhaps)
  while gone + 1 < self.next and self:may_be_gone(gone + 1) do
    gone = gone + 1
    if not self.events[gone].superseded then lost = math.max(lost, gone) end
  end
  return gone, lost
end

--- The position before the first event for a client without an id.
function Log:start(from)
  if from == "newest" then return self.next - 1 end
  local first = self.first
  if from ~= "oldest" and self.next - first > from then first = self.next - from end
  return first - 1
end

-- --- clients ------------------------------------------------------------------------------------

local Client = {}
Client.__index = Client

--- A client that follows the channels of these names; it has no connection yet.
-- @tparam table given `names`, `from`, `only` (two events of three), `narrow` (has small buffers)
function model.client(given)
  given.known = {} -- what the last id says, by channel: { at, epoch, gap, free }
  return setmetatable(given, Client)
end

local function fail(conn, text, ...)
  error(text:format(...) .. "; it got " .. table.concat(conn.seen, " "), 0)
end

--- Whether the client's where function takes an event.
function Client:wants(at) return not self.only or at % 3 ~= 0 end

-- What `follow` must do for one channel: an entry of a connection's `at`.
local function expected_of(self, log, id, plain_unknown)
  local known = self.known[log.name]
  local gone, lost = log:may_have_lost()
  if not id or not known and not plain_unknown then
    local under_way = log.under_way and 1 or 0 -- published, but not by all that follows
    return { log = log, at = log:start(self.from) - under_way, fresh = true,
      free = math.max(gone, under_way * (log.next - 1)) }
  end
  if known and known.fresh and log.stored and known.epoch ~= log.epoch then
    return { log = log, at = 0, free = 0, may = "unknown", fresh = true }
  end
  if plain_unknown or known.epoch ~= log.epoch then
    return { log = log, at = 0, free = 0, must = "unknown", may = "unknown" }
  end
  local entry = { log = log, at = known.at, free = known.free, gap = known.gap,
    fresh = known.fresh }
  if lost > known.at then entry.may = "expired" end
  return entry
end

-- Whether the client's id, which is of one channel alone, is no longer in the log: "must", "may" or
-- false.
local function id_is_lost(self, logs)
  local known = self.plain and self.known[self.plain]
  local log = known and logs[self.plain]
  if not log then return false end
  if known.epoch ~= log.epoch then return "must" end
  local event = log.events[known.at]
  if not event.own or self.id ~= event.own or known.at == log.next - 1 then return false end
  if known.at < log.first - 1 then return log.under_way and "may" or "must" end
  return log:may_be_gone(known.at + 1) and "may"
end

--- The client's connection begins to follow now. logs: by channel.
function Client:follows(conn, logs)
  local strange = self.id and id_is_lost(self, logs)
  conn.at, conn.logs = {}, logs
  for _, name in ipairs(self.names) do
    local entry = expected_of(self, logs[name], self.id, strange == "must")
    if strange == "may" then entry.loose = true end
    entry.channel = logs[name].channel
    conn.at[name] = entry
  end
end

--- The client's stream follows a channel again, without an id: it begins with new events. A gap
-- event that was to be sent and has not been is no longer owed.
function Client:follows_again(conn, log)
  local entry = conn.at[log.name]
  if entry.log ~= log or entry.channel ~= log.channel or entry.must then
    conn.at[log.name] = { log = log, at = log.next - 1, free = 0, channel = log.channel,
      fresh = entry.must and true }
  else
    entry.free = log.next - 1
    entry.must, entry.may = nil, entry.must or entry.may -- its id may be of a lost log
  end
  conn.left[log.name] = nil
end

-- Whether events between the last one and the one at `at` may be missing.
local function may_be_missing(self, entry, at)
  local log = entry.log
  if not self:wants(at) or log.events[at].superseded or entry.loose then return true end
  -- Events may have gone before the store was looked at for a client without an id.
  if entry.fresh and log.stored and log:may_be_gone(at) then return true end
  return entry.gap and (log:may_be_gone(at) or log.options.max_lag and self.narrow)
end

-- The first event after the client's last and before that position that it must have received.
local function missing(self, entry, before)
  for at = math.max(entry.at, entry.free) + 1, before - 1 do
    if not may_be_missing(self, entry, at) then return at end
  end
end

-- Stores the position of the client's last id.
local function remember(self, conn, name, id)
  local several = id:find(",", 1, true)
  self.id, self.plain = id, not several and name or nil
  self.known = {}
  for other, entry in pairs(conn.at) do
    if other == name or several then
      local old = entry.old -- what it got of a log that the store had lost, unnoticed as yet
      self.known[other] = { at = old and old.at or entry.at, gap = entry.gap, free = entry.free,
        epoch = old and old.epoch or entry.log.epoch, fresh = entry.fresh }
    end
  end
end

-- A client that begins anew, without an id or after a gap event that told of a lost log, has begun
-- in a log that may have been lost since, or be newer than the one that was there at the time.
local function moved_to(entry, log)
  if not entry.fresh or entry.log == log or not log.stored then return entry end
  local free = log.epoch < entry.log.epoch and log.next - 1 or 0 -- it began anywhere in the old log
  return { log = log, at = 0, free = free, channel = entry.channel, fresh = true }
end

local function on_event(self, conn, data, id)
  local name, epoch, at = data:match "^(%a):(%d+):(%d+):"
  local entry = conn.at[name]
  at = tonumber(at)
  epoch = tonumber(epoch)
  if epoch ~= entry.log.epoch then
    entry = moved_to(entry, conn.logs[name].siblings[epoch])
    conn.at[name] = entry
  end
  if entry.log.stored and entry.must == "unknown" and epoch < entry.log.epoch then
    entry.old = { at = at, epoch = epoch }
    return remember(self, conn, name, id)
  end
  if epoch ~= entry.log.epoch then fail(conn, "an event of another log") end
  if entry.must then fail(conn, "no gap before %s %d", name, at) end
  local loose = entry.loose or entry.fresh and entry.log.stored
  if at <= entry.at and not loose then fail(conn, "%s %d twice", name, at) end
  if not self:wants(at) then fail(conn, "%s %d was not wanted", name, at) end
  local lost = missing(self, entry, at)
  if lost then fail(conn, "%s %d is missing before %d", name, lost, at) end
  entry.at, entry.gap, entry.may, entry.loose, entry.fresh = at, nil, nil, nil, nil
  remember(self, conn, name, id)
end

-- Whether events may have left a store since the client began to follow and before the store was
-- looked at. A store does not know which of them were superseded.
local function may_have_expired(self, entry, reason)
  local log = entry.log
  if reason == "expired" then return (log:may_have_lost()) > entry.at end
  local own = self.plain and log.events[entry.at] and log.events[entry.at].own
  return reason == "unknown" and own and entry.at + 1 < log.next and log:may_be_gone(entry.at + 1)
end

local function may_have(self, entry, reason)
  if entry.loose or entry.may == reason then return true end
  if entry.log.stored and may_have_expired(self, entry, reason) then return true end
  local may_be_slow = self.narrow or entry.log.stored
  return reason == "slow" and may_be_slow and entry.log.options.slow ~= "close"
end

-- A gap event names its channel if the stream follows several; else it is of a channel that may
-- have a gap.
local function on_gap(self, conn, data)
  local gap, found = json.decode(data), false
  for name, entry in pairs(conn.at) do
    local its = not gap.channel or gap.channel == "model " .. name
    local log = conn.logs[name]
    local is_lost = entry.log ~= log or entry.fresh and log.epoch > 1
    if its and log.stored and is_lost and gap.reason == "unknown" then
      -- The store has lost the log.
      entry.fresh = true
      conn.at[name] = moved_to(entry, log)
      conn.at[name].gap = gap.reason
      found = true
    end
    if its and may_have(self, entry, gap.reason) then
      entry.gap, entry.must, entry.may, entry.old = gap.reason, nil, nil, nil
      found = true
    end
  end
  if not found then fail(conn, "a gap without a reason: %s", gap.reason) end
end

--- A parser for the client's connection, which checks everything that comes.
function Client:parser(conn)
  conn.seen, conn.left = {}, {}
  return new_parser { on_event = function(data, kind, id)
    table.insert(conn.seen, kind == "sse-gap" and data or data:match "^%a:%d+:%d+" or data)
    if kind == "sse-gap" then on_gap(self, conn, data) else on_event(self, conn, data, id) end
  end }
end

--- Whether the client's connection has received everything. logs: by channel.
function Client:complete(conn, logs)
  for name, entry in pairs(conn.at or {}) do
    local log = logs[name]
    if not conn.left[name] and entry.channel == log.channel then
      entry = moved_to(entry, log)
      if entry.log ~= log and log.next > 1 then return false end -- it has not heard of the loss
      if missing(self, entry, entry.log.next) then return false end
    end
  end
  return conn.at ~= nil
end

--- The client's position, as text.
function Client:describe(conn)
  local words = { ("client of %s%s, id %s, got %s"):format(table.concat(self.names),
    self.narrow and ", narrow" or "", self.id, table.concat(conn.seen, " ")) }
  for name, entry in pairs(conn.at or {}) do
    local log, is_lost = entry.log, conn.logs[name] ~= entry.log
    words[#words + 1] = ("%s: at %d of %d-%d, epoch %d%s, gap %s, must %s%s"):format(name, entry.at,
      log.first, log.next - 1, log.epoch, is_lost and " (lost)" or "", entry.gap, entry.must,
      conn.left[name] and ", left" or "")
  end
  return table.concat(words, "; ")
end

return model
