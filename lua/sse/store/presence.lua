--- How many streams follow a channel: in this process, and in all that share its store. The log of
-- a store is told of this process's number, and tells of the others' sum (docs/stores.md).
-- @module sse.store.presence
local core = require "sse.core"
local errors = require "sse.server.errors"
local options = require "sse.shared.options"
local protected = require "sse.shared.protected"

local PAUSE = 200 -- ms, at least, between two numbers that a log is told
local JITTER = 100 -- ms more, so that processes whose clients come together don't write together

local Presence = {}
Presence.__index = Presence

local known = setmetatable({}, { __mode = "k" }) -- channel -> its Presence

-- A method that a store's log may have, or nil. Reading an unknown field of a program's object may
-- raise.
local function method_of(log, name)
  local ok, method = pcall(function() return log[name] end)
  return ok and method or nil
end

function Presence:protect(what, fn, ...)
  local ok, err = protected.call(fn, ...)
  if not ok then errors.report_channel(what, err, nil, nil, self.channel) end
end

--- How many streams follow the channel, as far as is known.
function Presence:count() return self.channel.followers + self.others end

-- Tells the listeners of a number that is not the one they were told last.
function Presence:tell()
  local count = self:count()
  if count == self.told then return end
  self.told = count
  for _, fn in ipairs(table.move(self.listeners, 1, #self.listeners, 1, {})) do
    self:protect("channel:on", fn, count)
  end
end

-- Tells the log how many followers this process has, at most a few times a second.
function Presence:announce()
  local followers = self.channel.followers
  if not self.log or self.pausing or followers == self.announced then return end
  self.announced, self.pausing = followers, true
  core.timer(PAUSE + math.random(0, JITTER), function()
    self.pausing = false
    self:announce()
  end):unref()
  self:protect("store", self.log.announce, self.log, followers)
end

-- The log tells how many followers the other processes have.
function Presence:set_others(count)
  if not self.log then return end
  if math.type(count) ~= "integer" or count < 0 then
    local message = "store: log:others gave %s; expected a number of followers"
    error(message:format(options.show(count)), 0)
  end
  self.others = count
  self:tell()
end

-- The log is in the hands of the store, which may outlive the channel.
function Presence:listen()
  local weak = setmetatable({ presence = self }, { __mode = "v" })
  self.log:others(function(count)
    local presence = weak.presence
    if presence then presence:protect("store", presence.set_others, presence, count) end
  end)
end

local presence = {}

-- The Presence of a channel.
local function of(channel)
  local self = known[channel]
  if self then return self end
  self = setmetatable({ channel = channel, others = 0, announced = 0, listeners = {} }, Presence)
  known[channel] = self
  core.on_count(channel, function()
    self:announce()
    self:tell()
  end)
  return self
end

--- A new channel has a log that a store keeps.
function presence.open(channel, log)
  if not (method_of(log, "announce") and method_of(log, "others")) then return end
  local self = of(channel)
  self.log = log
  self:protect("store", self.listen, self)
end

--- Nothing is asked of the channel's log any more.
function presence.close(channel)
  local self = known[channel]
  if self then self.log, self.others = nil, 0 end
end

--- How many streams follow a channel, as far as is known.
function presence.count(channel)
  local self = known[channel]
  return self and self:count() or channel.followers
end

--- Calls a function with the number whenever it is another one.
function presence.listen(channel, fn)
  local self = of(channel)
  self.told = self.told or self:count()
  table.insert(self.listeners, fn)
end

return presence
