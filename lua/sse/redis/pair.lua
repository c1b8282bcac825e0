--- The two connections of a process to a Redis server, one for commands and one for subscriptions.
-- They are made together and end together: what one of them can do without the other is of no use,
-- and two that reach different servers would be harmful. They are made again with growing pauses.
-- @module sse.redis.pair
local connection = require "sse.redis.connection"
local core = require "sse.core"

local FIRST_PAUSE, LONGEST_PAUSE = 100, 5000 -- ms before another try, the longest
local AT_ONCE = 50 -- ms: the longest pause after connections that worked have been lost
local CHANNELS_AT_ONCE = 500 -- of one SUBSCRIBE

-- What is sent to who has subscribed by SSUBSCRIBE.
local SHARDED = { smessage = "message", ssubscribe = "subscribe", sunsubscribe = "unsubscribe" }

local Pair = {}
Pair.__index = Pair

local function close_both(self)
  for _, name in ipairs { "commands", "subscriptions" } do
    if self[name] then self[name]:close() end
    self[name] = nil
  end
end

-- --- what keeps the loop running -----------------------------------------------------------------

--- Says whether something is waited for, which keeps the loop running.
function Pair:keep(keeps)
  if self.keeps == keeps then return end
  self.keeps = keeps
  for _, name in ipairs { "commands", "subscriptions" } do
    if self[name] then self[name]:keep(keeps and self.state ~= "pausing") end
  end
  if self.guide then self.guide:keep(keeps) end
  if self.pause and keeps then self:wait(self.pause_ends - core.now()) end
  if self.pause and not keeps then self.pause:unref() end
end

-- --- subscriptions -------------------------------------------------------------------------------

local function change(self, command, channels, on)
  local most = CHANNELS_AT_ONCE
  if self.is_sharded then command, most = "S" .. command, 1 end -- several would need one slot
  for from = 1, #channels, most do
    local words = { command, table.unpack(channels, from, from + most - 1) }
    for i = 2, #words do
      self.last_change = self.last_change + 1
      self.changes[self.last_change] = { channel = words[i], on = on }
    end
    self.subscriptions:send(words)
  end
  self.changed_at = core.now()
end

--- Subscribes to channels; `on_subscribed(channel)` tells of each. Only while the pair is up.
function Pair:subscribe(channels) change(self, "SUBSCRIBE", channels, true) end

function Pair:unsubscribe(channels) change(self, "UNSUBSCRIBE", channels, false) end

-- A confirmation of the oldest change.
local function take_change(self, kind, channel)
  local expected = self.changes[self.first_change]
  local is_right = expected and expected.channel == channel
    and kind == (expected.on and "subscribe" or "unsubscribe")
  if not is_right and self.is_sharded and kind == "unsubscribe" then
    return self.on_unsubscribed(channel) -- a slot has moved to another server
  elseif not is_right then
    return self:lose(("%s of '%s' was not expected"):format(kind, tostring(channel)))
  end
  self.changes[self.first_change] = nil
  self.first_change = self.first_change + 1
  self.changed_at = core.now()
  if expected.on then self.on_subscribed(channel) end
end

-- An error in place of a confirmation: the server does not have the channel's slot.
local function take_refusal(self, err)
  local expected = self.changes[self.first_change]
  if not self.is_sharded or not expected then return self:lose(err, true) end
  self.changes[self.first_change] = nil
  self.first_change = self.first_change + 1
  self.changed_at = core.now()
  if expected.on then self.on_unsubscribed(expected.channel, err) end
end

local function take_push(self, reply)
  local kind = type(reply) == "table" and reply[1]
  if type(reply) == "table" and reply.error then return take_refusal(self, reply.error) end
  kind = self.is_sharded and SHARDED[kind] or kind
  if kind == "message" and type(reply[2]) == "string" and type(reply[3]) == "string" then
    return self.on_message(reply[2], reply[3])
  elseif kind == "subscribe" or kind == "unsubscribe" then
    return take_change(self, kind, reply[2])
  elseif kind == "pong" or reply == "PONG" then
    self.pinged_at = nil
    return self:note_success()
  end
  self:lose "a message of another form than expected"
end

-- --- silence -------------------------------------------------------------------------------------

-- Whether a time is longer ago than a reply may take, and nothing has come over the connection
-- since.
local function is_late(self, since, now, connected)
  return since and now - math.max(since, connected.moved_at) > self.target.timeout
end

--- Ends connections whose server no longer answers. Called now and then.
function Pair:check()
  if self.state ~= "up" then return end
  local now = core.seen()
  local waits = self.changes[self.first_change] and self.changed_at or nil
  local commands, subscriptions = self.commands, self.subscriptions
  if is_late(self, commands:waits_since(), now, commands)
    or is_late(self, waits, now, subscriptions)
    or is_late(self, self.pinged_at, now, subscriptions) then
    self:lose(("no answer within %d ms"):format(self.target.timeout))
  end
end

--- Asks the server on both connections whether it is there, unless that was asked already.
function Pair:ping()
  if self.state ~= "up" or self.pinged_at then return end
  self.pinged_at = core.now()
  if self.guide then self.guide:ping() end
  self.subscriptions:send { "PING" }
  if not self.commands:waits_since() then
    self.commands:send({ "PING" }, function(_, err) if err then self:lose(err) end end)
  end
end

-- --- connecting ----------------------------------------------------------------------------------

local function be_up(self)
  self.state, self.failure, self.tries, self.is_of_use = "up", nil, 0, false
  self.changes, self.first_change, self.last_change = {}, 1, 0
  self.pinged_at = nil
  self.session = self.session + 1
  self.on_up()
end

-- The server that the guide has found is lost, or could not be used.
local function lose_found(self, why)
  if self.state == "connecting" then self.guide:distrust() end
  self:lose(why)
end

-- Commands behind those that each connection to a server begins with.
local function begin_with(self, commands)
  local list = self.guide and self.guide:first_commands(function(why) lose_found(self, why) end)
    or {}
  for _, words in ipairs(commands) do list[#list + 1] = words end
  return list
end

local function open_both(self, target)
  local ready = 0
  local function on_ready()
    ready = ready + 1
    if ready == 2 then be_up(self) end
  end
  local function on_lost(why)
    local named = ("%s: %s"):format(target.name, why)
    if self.guide then return lose_found(self, named) end
    self:lose(self.state == "connecting" and named or why)
  end
  self.commands = connection.open(target, { first_commands = begin_with(self,
    self.first_commands()), on_ready = on_ready, on_lost = on_lost, keeps = self.keeps,
    numbers = self.numbers })
  self.subscriptions = connection.open(target, { first_commands = begin_with(self, { { "PING" } }),
    on_ready = on_ready, on_lost = on_lost, keeps = self.keeps, numbers = self.numbers,
    on_push = function(reply) take_push(self, reply) end })
end

local function connect(self)
  self.state, self.pause = "connecting", nil
  if not self.guide then return open_both(self, self.target) end
  self.guide:keep(self.keeps)
  self.guide:find(function(target, why)
    if not target then return self:lose(why) end
    open_both(self, target)
  end)
end

--- Waits before the next try.
function Pair:wait(ms)
  if self.pause then self.pause:stop() end
  self.state, self.pause_ends = "pausing", core.now() + ms
  self.pause = core.timer(math.max(0, ms), function() connect(self) end)
  if not self.keeps then self.pause:unref() end
end

-- The pause before the next try: a random one, lest all processes come at the same moment.
local function pause_of(self)
  local tries = math.max(self.tries, self.refusals)
  if tries == 0 then return AT_ONCE * math.random() end
  local longest = math.min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ^ math.min(tries - 1, 16))
  return longest * (0.5 + 0.5 * math.random())
end

--- The connections are lost, or could not be made.
-- @tparam string why
-- @tparam[opt] boolean is_refusal whether the server has refused what it was asked: then it is left
-- alone for longer, although connections to it can be made
function Pair:lose(why, is_refusal)
  if self.state == "closed" or self.state == "pausing" then return end
  local was_up = self.state == "up"
  close_both(self)
  if is_refusal or was_up and not self.is_of_use then self.refusals = self.refusals + 1 end
  self:wait(pause_of(self))
  self.tries = self.tries + 1
  if not was_up or is_refusal then self.failure = why end
  self.on_down(why, was_up)
end

-- The guide has heard of another server.
local function on_moved(self, why)
  if self.state ~= "pausing" then return self:lose(why) end
  self.tries, self.refusals = 0, 0
  self:wait(pause_of(self))
end

--- The server has replied rightly to what it was asked. Connections that are lost before that are
-- as a refusal: without a pause they would be made and lost for ever.
function Pair:note_reply() self.is_of_use = true end

--- The server has done what it was asked, or has been there for a while.
function Pair:note_success() self.refusals, self.is_of_use = 0, true end

--- Begins to connect, unless that has begun.
function Pair:start()
  if self.state == "idle" then connect(self) end
end

function Pair:close()
  if self.state == "closed" then return end
  self.state = "closed"
  if self.pause then self.pause:stop() end
  self.pause = nil
  if self.guide then self.guide:close() end
  close_both(self)
end

local pair = {}

--- Makes a pair, which connects once it is started. Its fields: `state` ("idle", "connecting",
-- "up", "pausing", "closed"); `failure`, why the last try failed, or nil; `session`, a number that
-- grows with each time it is up; `commands`, the connection.
-- @tparam table target as of sse.redis.target
-- @tparam table fields `first_commands()` -> a list; `on_up()`; `on_down(why, was_up)`;
-- `on_message(channel, text)`; `on_subscribed(channel)`;
-- `on_unsubscribed(channel, error)`, where the server itself ends or refuses it; perhaps `guide`,
-- which finds the server each time, as sse.redis.sentinel does; perhaps `numbers`, as of
-- sse.redis.connection
function pair.new(target, fields)
  local self = setmetatable({ target = target, guide = fields.guide, state = "idle", tries = 0,
    refusals = 0, session = 0, keeps = false, is_sharded = false,
    numbers = fields.numbers, first_commands = fields.first_commands, on_up = fields.on_up,
    on_down = fields.on_down,
    on_message = fields.on_message, on_subscribed = fields.on_subscribed,
    on_unsubscribed = fields.on_unsubscribed }, Pair)
  if self.guide then self.guide.on_moved = function(why) on_moved(self, why) end end
  return self
end

return pair
