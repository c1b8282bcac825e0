--- Publishing to a channel whose log a store keeps: waits until the store has the event.
-- @module sse.store.publishing
local core = require "sse.core"
local json = require "sse.json"
local options = require "sse.shared.options"
local task = require "sse.task"

-- The event's id.
local function id_of(record, position, epoch)
  return record.id or ("%s-%d"):format(epoch, position)
end

-- The store has an event: counts it, and shows it to the followers without waiting for the store's
-- news of it.
local function note_published(window, record, position, epoch, held)
  local id = id_of(held or record, position, epoch)
  if not held and window.loaded and not window.reading then
    window:on_news(position, record, epoch)
  end
  core.window_done(window.channel, held and "repeated" or "published", position, id)
  return id
end

local function check_results(position, epoch)
  if position == nil then return end
  if math.type(position) == "integer" and position >= 1 and type(epoch) == "string" then return end
  error(("store: log:append gave done(%s, %s); expected a position and the epoch"):format(
    options.show(position), options.show(epoch)), 0)
end

-- Appends a record. Calls on_done with the event's id, or nil, message, code.
local function append(window, record, on_done)
  local over
  window.under_way = window.under_way + 1
  local function done(position, epoch, held)
    if over then return end
    check_results(position, epoch)
    over = true
    window.under_way = window.under_way - 1
    local id = position and note_published(window, record, position, epoch, held)
    if not id then core.window_done(window.channel, "refused") end
    window:end_publish()
    if id then return on_done(id) end
    local message, code = epoch, held
    on_done(nil, message or "the store has failed", code or "ESYS")
  end
  local ok, err = pcall(window.log.append, window.log, record, done)
  if ok then return end
  if not over then
    over = true
    window.under_way = window.under_way - 1
    window:end_publish()
  end
  error(err, 0)
end

-- Publishes for a callback. A failure is told later where the store fails at once: on_error may
-- publish again.
local function append_in_callback(window, record)
  local is_within = true
  append(window, record, function(given, message, code)
    if given then return end
    local function tell() window:report("publish", ("%s (%s)"):format(message, code)) end
    if is_within then core.defer(tell) else tell() end
  end)
  is_within = false
end

-- Whether the caller can't wait: it is a callback.
local function is_callback()
  local co = task.current()
  return co == false or co == nil and core.running()
end

--- Publishes an event.
-- @param window
-- @tparam string event encoded, without its id line
-- @tparam string|nil id
-- @tparam string|nil key
-- @tparam string|nil dedupe
-- @param meta
-- @return the id; or nil, message, code; true in a callback, whose failure goes to the channel's
-- on_error
return function(window, event, id, key, dedupe, meta)
  if meta ~= nil then
    local ok, text = pcall(json.encode, meta)
    if not ok then error("channel:publish: field 'meta': " .. options.text_of(text), 3) end
    meta = text
  end
  local record = { event = event, id = id, key = key, dedupe = dedupe, meta = meta }
  if is_callback() then
    append_in_callback(window, record)
    return true
  end
  return task.await(function(resume) append(window, record, resume) end, "channel:publish")
end
