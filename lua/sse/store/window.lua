--- What stands between a channel and the log that a store keeps: it publishes to the store, feeds
-- the channel's window (csrc/push/window.h) with what the store tells of, and reads what the
-- channel asks for. docs/stores.md has the calls of a store.
-- @module sse.store.window
local core = require "sse.core"
local errors = require "sse.server.errors"
local json = require "sse.json"
local pages = require "sse.shared.pages"
local presence = require "sse.store.presence"
local protected = require "sse.shared.protected"
local read = require "sse.store.repeating"

local WINDOW = 1000 -- events; SSE_WINDOW_EVENTS
local PAGE = 256 -- events read at once; SSE_PAGE_EVENTS
local PAUSE = 100 -- ms until a page that could not be kept is asked for again, or news that failed
local HELD_BYTES = 1024 * 1024 -- of news that come while the log is read
local CLOSE_WITHIN = 5000 -- ms that a close waits for publishes under way

local Window = {}
Window.__index = Window

local windows = setmetatable({}, { __mode = "k" }) -- channel -> its Window

function Window:report(what, err)
  errors.report_channel(what, err, nil, nil, self.channel)
end

Window.read = read

-- --- feeding the window --------------------------------------------------------------------------

local function meta_of(record)
  return record.meta and json.decode(record.meta)
end

--- The `meta` of a record, decoded.
function Window:meta_of(record) return meta_of(record) end

-- Appends an event at the head; false: it can't be now.
function Window:append(record)
  return core.window_append(self.channel, record, meta_of(record)) == true
end

-- Begins the window anew.
function Window:restart(result, position, is_lost)
  if core.window_restart(self.channel, result.epoch, position, result.first, is_lost) then
    self.known = true
  end
end

-- Takes what a read for the window has brought; returns whether the window has the store's head.
function Window:take(result)
  local epoch, _, next_ = core.window_state(self.channel)
  local is_lost = self.known and (result.epoch ~= epoch or next_ - 1 > result.head)
  if is_lost or not self.known or result.head - next_ >= 2 * WINDOW then
    local position = math.max(result.first, result.head - WINDOW + 1)
    self:restart(result, position, is_lost)
    return self.known and position > result.head
  end
  for _, record in ipairs(result.records) do
    if record.position > next_ then
      self:restart(result, record.position, false)
      return false
    elseif record.position == next_ then
      if not self:append(record) then return false end
      next_ = next_ + 1
    end
  end
  if #result.records == 0 and next_ <= result.head then
    if result.first <= next_ then error("store: log:read gave no records, and not the head", 0) end
    self:restart(result, result.first, false)
  end
  return next_ > result.head
end

-- Adds what the store tells of; false: an event before it is missing, or the log is another one.
function Window:add_news(position, record, epoch)
  local own, _, next_ = core.window_state(self.channel)
  if epoch ~= own or position > next_ then return false end
  return position < next_ or self:append(record)
end

-- Keeps news that come while the log is read. Reading again for each would never end where events
-- come as fast as reads.
function Window:hold_news(position, record, epoch)
  local held = self.held
  held[#held + 1] = { position, record, epoch }
  self.held_bytes = self.held_bytes + #record.event
  if #held > WINDOW or self.held_bytes > HELD_BYTES then
    self:drop_news()
    self.again = true
  end
end

function Window:drop_news()
  self.held, self.held_bytes = {}, 0
end

-- Adds the news that were kept; false: some are missing.
function Window:add_held_news()
  local held = self.held
  self:drop_news()
  for _, news in ipairs(held) do
    if not self:add_news(table.unpack(news, 1, 3)) then return false end
  end
  return true
end

function Window:end_load(result)
  self.reading = false
  if not self.watching then return end
  self:set_loaded(true, result.first)
  local waiters = self.waiters
  self.waiters = {}
  for _, resume in ipairs(waiters) do resume() end
end

function Window:read_on()
  local _, _, next_ = core.window_state(self.channel)
  self.again = false
  self:read(self.known and next_ - 1 or 0, self.known and PAGE or 0, function(result)
    local is_whole = self:take(result) and self:add_held_news()
    if is_whole and not self.again then return self:end_load(result) end
    core.defer(function() self:read_on() end)
  end)
end

-- Sets whether the window is known to have the store's head. Streams that begin to follow while it
-- has not wait for it.
function Window:set_loaded(is_loaded, first)
  self.loaded = is_loaded
  core.window_loaded(self.channel, is_loaded, first)
end

-- Reads until the window has the store's head.
function Window:load()
  self.again = true
  self:set_loaded(false)
  if self.reading or self.finished then return end
  self.reading = true
  self:read_on()
end

-- What the store tells of: an event, or without a position that the log is to be read again.
function Window:on_news(position, record, epoch)
  if not self.watching then return end
  if self.reading and position then return self:hold_news(position, record, epoch) end
  if self.loaded and position and self:add_news(position, record, epoch) then return end
  self:load()
end

-- Has the store tell of news; where that fails, again later.
function Window:watch()
  if not self.watching or self.finished then return end
  local ok, err = protected.call(self.log.watch, self.log, function(...)
    return self:on_news(...)
  end)
  if ok then return true end
  self:report("store", err)
  core.timer(PAUSE, function()
    if self:watch() then self:load() end
  end):unref()
end

--- Calls a function once the window has the store's head, and from then on hears of news.
-- @tparam function fn
-- @tparam boolean again whether to look even if the window is up to date as far as is known
function Window:when_loaded(fn, again)
  if self.loaded and not again then return fn() end
  self.waiters[#self.waiters + 1] = fn
  if not self.watching then
    self.watching = true
    self:watch()
  end
  self:load()
end

-- --- pages ---------------------------------------------------------------------------------------

-- The first of the records whose positions follow one another, and position -> meta.
local function consecutive(records, from)
  local list, metas = {}, {}
  for i, record in ipairs(records) do
    if record.position ~= from + i - 1 then break end
    list[i] = record
    metas[record.position] = meta_of(record)
  end
  return list, metas
end

function Window:give_page(position, records, metas)
  local ok, _, code = core.window_page(self.channel, position, records, metas)
  if ok then return end
  if code == "EBUSY" then
    return core.defer(function() self:give_page(position, records, metas) end)
  end
  core.timer(PAUSE, function() core.window_page(self.channel, position) end):unref()
end

-- Reads the page that begins at a position.
function Window:page(from)
  self:read(from - 1, PAGE, function(result)
    if result.epoch ~= core.window_state(self.channel) or result.head < from then
      core.window_page(self.channel, from)
      return self:load()
    end
    local first = result.records[1]
    if not first and result.first <= from then
      error("store: log:read gave no records, and not the head", 0)
    end
    local position = first and first.position or result.first
    self:give_page(position, consecutive(result.records, position))
  end)
end

-- --- the end -------------------------------------------------------------------------------------

--- Closes the log; nothing is asked of it any more.
function Window:finish()
  if self.finished then return end
  self.finished = true
  presence.close(self.channel)
  self.log:close()
end

-- Nobody follows the channel: the store need tell of nothing.
function Window:unfollowed()
  local _, _, _, _, has_readers = core.window_state(self.channel)
  if self.channel.followers > 0 or has_readers or #self.waiters > 0 then return end
  if self.watching then
    self.watching = false
    self:drop_news()
    self:set_loaded(false)
    self.log:watch(nil)
  end
  if self.is_closed then self:finish() end
end

-- The publishes under way have their results, or are not waited for any longer.
function Window:end_close()
  if self.is_closed then return end
  local _, _, code = core.window_close(self.channel)
  if code == "EBUSY" then return core.defer(function() self:end_close() end) end
  self.is_closed = true
  if self.closing then self.closing:stop() end
  self:unfollowed()
end

-- A publish has its result.
function Window:end_publish()
  if self.closing and not self:is_publishing() then self:end_close() end
end

-- Whether publishes are under way.
function Window:is_publishing()
  return self.under_way > 0 or core.window_publishing(self.channel)
end

function Window:close()
  if not self:is_publishing() then return self:end_close() end
  self.closing = core.timer(CLOSE_WITHIN, function() self:end_close() end)
  self.closing:unref()
end

function Window:__gc() self:finish() end

-- --- birth ---------------------------------------------------------------------------------------

local window = {}

--- The Window of a channel, or nil if it has no store.
function window.of(channel) return windows[channel] end

--- Makes a new channel's log one that a store keeps.
-- @param channel
-- @param store
-- @tparam table bounds `history`, `history_bytes`, `max_age`
-- @tparam function publish publish(window, event, id, key, dedupe, meta)
function window.open(channel, store, bounds, publish)
  local self = setmetatable({ channel = channel, store = store, waiters = {}, under_way = 0,
    held = {}, held_bytes = 0 }, Window)
  self.log = store:open(channel.name, bounds)
  windows[channel] = self
  core.window(channel, {
    publish = function(...) return publish(self, ...) end,
    page = function(from) return self:page(from) end,
    close = function() return self:close() end,
    unfollowed = function() return self:unfollowed() end,
    direct = self.log.direct,
    wake = function() self.log:wake() end,
    explain = pages.add,
    behind = function() return self:load() end,
    published = function() return self:end_publish() end,
  })
  presence.open(channel, self.log)
end

return window
