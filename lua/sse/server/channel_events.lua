--- The loop over a channel's events within the process. It holds no events: a reader of the core
-- (csrc/bind/reader.c) reads each from the channel's log when the loop asks for it. Where a store
-- keeps the log, sse.store.reading stands before the reader.
-- @module sse.server.channel_events
local core = require "sse.core"
local event = require "sse.event"
local reading = require "sse.store.reading"
local task = require "sse.task"

-- Waits until the reader has something. `waiters` are the functions that end the waits: several
-- tasks may share a loop.
local function wait(reader, waiters)
  task.await(function(resume)
    waiters[#waiters + 1] = resume
    if waiters[2] then return end -- the reader is being waited for already
    reader:wait(function()
      local list = table.move(waiters, 1, #waiters, 1, {})
      for i = #waiters, 1, -1 do waiters[i] = nil end
      for _, end_wait in ipairs(list) do end_wait() end
    end)
  end, "channel:events")
end

-- Takes the next event that `where` wants. Returns its type, data and id; of a gap event, which
-- `where` is not asked about, type and data; nil at the end.
local function take(reader, waiters, where)
  while true do
    local type_, data, id, meta = reader:take()
    if type_ == nil then
      wait(reader, waiters)
    elseif not type_ then
      return nil
    elseif not where or not id or where { id = id, event = type_, data = data, meta = meta } then
      return type_, data, id
    end
  end
end

--- Makes the values of a generic `for` over a channel's events.
-- @param channel of the core
-- @tparam string|int|nil from as of `channel:events`
-- @tparam function|nil where
return function(channel, from, where)
  local reader, waiters, last_id = core.channel_reader(channel, from), {}, ""
  local source = reading.of(channel, reader, from)
  local function next_event()
    local type_, data, id = take(source, waiters, where)
    if not type_ then return nil end
    last_id = id or last_id
    return event.message(type_, data, last_id, "")
  end
  return next_event, nil, nil, reader
end
