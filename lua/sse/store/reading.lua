--- The loop over a channel's events within the process (sse.server.channel_events) where a store
-- keeps the log: the loop begins at a place of the store's, and reads pages from the store while it
-- is older than the window.
-- @module sse.store.reading
local core = require "sse.core"
local decode = require "sse.decode"
local task = require "sse.task"
local window = require "sse.store.window"

local PAGE = 256 -- events

local Reading = {}
Reading.__index = Reading

local function read(its, after, limit)
  return task.await(function(resume) its:read(after, limit, resume) end, "channel:events")
end

-- Where a loop begins, by the bounds of the store's history.
local function first_of(from, result)
  local count = math.type(from) and from or 0
  if from == "oldest" then return result.first end
  local next_ = (result.asked_head or result.head) + 1
  return math.max(next_ - count, math.min(result.first, next_))
end

-- Waits until the window is loaded, and sets the reader to its place.
function Reading:place()
  local its = self.window
  task.await(function(resume) its:when_loaded(resume, false) end, "channel:events")
  local epoch = core.window_state(its.channel)
  local result = self.head
  if not result or result.epoch ~= epoch then result = read(its, 0, 0) end
  self.reader:seek(first_of(self.from, result))
  self.placed = true
end

-- The event at a position that the window does not reach: as reader:take gives it.
function Reading:page_event(position)
  local its = self.window
  local record = self.page[position]
  if not record then
    local result = read(its, position - 1, PAGE)
    if result.epoch ~= core.window_state(its.channel) then
      its:load()
      return nil, true
    end
    self.page = {}
    for _, found in ipairs(result.records) do self.page[found.position] = found end
    record = self.page[position]
    if not record then
      local first = result.records[1] and result.records[1].position or result.first
      if first > position then return self.reader:seek(first, true) end
      return nil, true
    end
  end
  self.reader:seek(position + 1)
  local event = decode(record.event)[1]
  local id = record.id or ("%s-%d"):format(core.window_state(its.channel), position)
  return event.type, event.data, id, its:meta_of(record)
end

--- Takes the next event; results as of the core's reader.
function Reading:take()
  if not self.placed then self:place() end
  while true do
    local type_, data, id, meta = self.reader:take()
    if type_ ~= true then return type_, data, id, meta end
    local again
    type_, again, id, meta = self:page_event(data)
    if type_ then return type_, again, id, meta end
  end
end

function Reading:wait(fn) return self.reader:wait(fn) end

local reading = {}

--- Makes what reads for a loop: an object with `take` and `wait`.
-- @param channel
-- @param reader of the core
-- @param from where the loop begins
function reading.of(channel, reader, from)
  local its = window.of(channel)
  if not its then return reader end
  local self = setmetatable({ window = its, reader = reader, from = from, page = {} }, Reading)
  its:read(0, 0, function(result) self.head = self.head or result end)
  its:when_loaded(function() end, false)
  return self
end

return reading
