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
function model.log(name, epoch, options)
  return setmetatable({ name = name, epoch = epoch, options = options, events = {}, first = 1,
    next = 1, lost = 0, perhaps = 0, bytes = 0, newest = {} }, Log)
end

-- The bytes of an event on an HTTP/1.1 connection.
local function framed(id, data)
  local payload = #"id: \n" + #id + #"data: \n\n" + #data
  return payload + #("%x"):format(payload) + 4
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
  local event = { own = given.id, time = time, bytes = framed(id, given.data) }
  while self.first < self.next and (self.next - self.first >= limits.history
      or self.bytes + event.bytes > limits.history_bytes) do
    self:drop()
  end
  if key and limits.slow == "latest" then
    local older = self.newest[key]
    if older and older >= self.first then
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
-- @tparam table given `names`, `from`, `only` (a where function that takes two events of three),
-- `narrow` (its connection has small buffers, so it may be ended as slow)
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
    return { log = log, at = log:start(self.from), free = gone }
  end
  if plain_unknown or known.epoch ~= log.epoch then
    return { log = log, at = 0, free = 0, must = "unknown", may = "unknown" }
  end
  local entry = { log = log, at = known.at, free = known.free, gap = known.gap }
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
  if known.at < log.first - 1 then return "must" end
  return log:may_be_gone(known.at + 1) and "may"
end

--- The client's connection begins to follow now. logs: by channel.
function Client:follows(conn, logs)
  local strange = self.id and id_is_lost(self, logs)
  conn.at = {}
  for _, name in ipairs(self.names) do
    local entry = expected_of(self, logs[name], self.id, strange == "must")
    if strange == "may" then entry.loose = true end
    conn.at[name] = entry
  end
end

--- The client's stream follows a channel again, without an id: it begins with new events.
function Client:follows_again(conn, log)
  local entry = conn.at[log.name]
  if entry.log ~= log then
    conn.at[log.name] = { log = log, at = log.next - 1, free = 0 }
  else
    entry.free = log.next - 1
  end
  conn.left[log.name] = nil
end

-- Whether events between the last one and the one at `at` may be missing.
local function may_be_missing(self, entry, at)
  local log = entry.log
  if not self:wants(at) or log.events[at].superseded or entry.loose then return true end
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
      self.known[other] = { at = entry.at, epoch = entry.log.epoch, gap = entry.gap,
        free = entry.free }
    end
  end
end

local function on_event(self, conn, data, id)
  local name, epoch, at = data:match "^(%a):(%d+):(%d+):"
  local entry = conn.at[name]
  at = tonumber(at)
  if tonumber(epoch) ~= entry.log.epoch then fail(conn, "an event of another log") end
  if entry.must then fail(conn, "no gap before %s %d", name, at) end
  if at <= entry.at and not entry.loose then fail(conn, "%s %d twice", name, at) end
  if not self:wants(at) then fail(conn, "%s %d was not wanted", name, at) end
  local lost = missing(self, entry, at)
  if lost then fail(conn, "%s %d is missing before %d", name, lost, at) end
  entry.at, entry.gap, entry.may, entry.loose = at, nil, nil, nil
  remember(self, conn, name, id)
end

local function may_have(self, entry, reason)
  if entry.loose or entry.may == reason then return true end
  return reason == "slow" and self.narrow and entry.log.options.slow ~= "close"
end

-- A gap event names its channel if the stream follows several; else it is of a channel that may
-- have a gap.
local function on_gap(self, conn, data)
  local gap, found = json.decode(data), false
  for name, entry in pairs(conn.at) do
    local its = not gap.channel or gap.channel == "model " .. name
    if its and may_have(self, entry, gap.reason) then
      entry.gap, entry.must, entry.may = gap.reason, nil, nil
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
    if not conn.left[name] and entry.log == logs[name] then
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
    local log = entry.log
    words[#words + 1] = ("%s: at %d of %d-%d, gap %s, must %s%s"):format(name, entry.at, log.first,
      log.next - 1, entry.gap, entry.must, conn.left[name] and ", left" or "")
  end
  return table.concat(words, "; ")
end

return model
