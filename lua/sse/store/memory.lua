--- The smallest store: it keeps logs in the process's memory. The specs use it; for programs a
-- channel without a store does the same with less. docs/stores.md says what a store has to do, and
-- shows this one.
-- @module sse.store.memory
local core = require "sse.core"

local Log = {}
Log.__index = Log

-- Drops what is over the bounds.
local function trim(data, bounds)
  local now = core.wall_now()
  while data.first <= data.head do
    local record = data.records[data.first]
    local fits = data.head - data.first < bounds.history and data.bytes <= bounds.history_bytes
    if fits and not (bounds.max_age and now - record.time >= bounds.max_age) then break end
    data.records[data.first] = nil
    data.bytes = data.bytes - #record.event
    data.left_id = record.id
    data.first = data.first + 1
  end
end

-- The position of the event that has the value in a field, or nil.
local function find(data, field, value)
  for position = data.head, data.first, -1 do
    if value and data.records[position][field] == value then return position end
  end
end

function Log:append(record, done)
  local data = self.data
  trim(data, self.bounds)
  local held = find(data, "dedupe", record.dedupe)
  if held then return done(held, data.epoch, data.records[held]) end
  if find(data, "id", record.id) then
    return done(nil, "field 'id': an event with that id is held already", "EEXIST")
  end
  local kept = { position = data.head + 1, time = core.wall_now() }
  for name, value in pairs(record) do kept[name] = value end
  data.head = kept.position
  data.records[kept.position] = kept
  data.bytes = data.bytes + #kept.event
  for _, log in ipairs(table.move(data.watchers, 1, #data.watchers, 1, {})) do
    if log.on_news then log.on_news(kept.position, kept, data.epoch) end
  end
  trim(data, self.bounds)
  done(kept.position, data.epoch)
end

-- The position of an own id; that of the event that was dropped last is known, too.
local function position_of(data, id)
  return find(data, "id", id) or data.left_id == id and data.first - 1 or nil
end

function Log:read(after, limit, done)
  local data, records = self.data, {}
  trim(data, self.bounds)
  if type(after) == "string" then after = position_of(data, after) end
  local from = after and math.max(after + 1, data.first) or data.head + 1
  for position = from, math.min(data.head, from + limit - 1) do
    records[#records + 1] = data.records[position]
  end
  done { epoch = data.epoch, first = data.first, head = data.head, after = after,
    records = records }
end

function Log:watch(on_news)
  local watchers = self.data.watchers
  self.on_news = on_news
  for i = #watchers, 1, -1 do
    if watchers[i] == self then table.remove(watchers, i) end
  end
  if on_news then watchers[#watchers + 1] = self end
end

-- Tells the logs that want to hear it how many followers the others have.
local function tell_counts(data)
  local sum, logs = 0, {}
  for _, followers in pairs(data.followers) do sum = sum + followers end
  for log in pairs(data.counting) do logs[#logs + 1] = log end
  for _, log in ipairs(logs) do
    if log.on_count then log.on_count(sum - (data.followers[log] or 0)) end
  end
end

function Log:announce(followers)
  self.data.followers[self] = followers > 0 and followers or nil
  tell_counts(self.data)
end

function Log:others(on_count)
  self.on_count = on_count
  self.data.counting[self] = on_count and true
  tell_counts(self.data)
end

function Log:close()
  self:watch(nil)
  self:others(nil)
  self:announce(0)
end

local Store = {}
Store.__index = Store

local function new_data()
  local epoch = core.random(8):gsub(".", function(c) return ("%02x"):format(c:byte()) end)
  return { epoch = epoch, first = 1, head = 0, bytes = 0, records = {}, watchers = {},
    followers = {}, counting = {} }
end

function Store:open(name, bounds)
  self.logs[name] = self.logs[name] or new_data()
  return setmetatable({ data = self.logs[name], bounds = bounds }, Log)
end

function Store:close() end

function Store:stats() return {} end

--- Makes a store.
local function new() return setmetatable({ logs = {} }, Store) end

return new
