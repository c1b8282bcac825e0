--- What stands behind a store: its connections to one server, and the logs of its channels.
-- @module sse.redis.store
local core = require "sse.core"
local counting = require "sse.redis.counting"
local handles = require "sse.redis.core"
local lists = require "sse.redis.lists"
local loading = require "sse.redis.loading"
local names = require "sse.redis.names"
local new_pair = require("sse.redis.pair").new
local new_log = require("sse.redis.shared_log").new
local protected = require "sse.shared.protected"
local subscribing = require "sse.redis.subscribing"
local ticks = require "sse.redis.ticks"
local waiting = require "sse.redis.waiting"

local NO_SCRIPTS_IN_A_ROW = 100 -- after which the server is taken at its word

-- Errors that say that this server is not the one to ask, or not yet.
local ELSEWHERE = { READONLY = true, LOADING = true, MASTERDOWN = true, NOAUTH = true,
  CLUSTERDOWN = true, MOVED = true, ASK = true }

local Store = {}
Store.__index = Store

Store.waits, Store.note_waiting, Store.shut = waiting.waits, waiting.note_waiting, waiting.shut
Store.count_reads, Store.take_refused = waiting.count_reads, waiting.take_refused
Store.count_leaving, Store.is_done = waiting.count_leaving, waiting.is_done

-- --- asking --------------------------------------------------------------------------------------

-- At the end of a turn: asks what the turn has brought.
local function end_turn(self)
  local list = self.woken
  self.wakes, self.woken = false, {}
  if self.pair.state ~= "up" then return end
  subscribing.change(self)
  for log in pairs(list) do log:ask() end
end

--- Has a log ask what waits, at the end of the turn, or once the connections are up.
function Store:wake(log)
  self.woken[log] = true
  self.pair:start()
  if self.wakes or self.pair.state ~= "up" then return end
  self.wakes = true
  core.defer(function() end_turn(self) end)
end

--- A log is watched, or is no longer; the end of a subscription has time.
function Store:change_subscription(log)
  self.changed[log] = true
  self.watched[log] = log:is_watched() or nil
  if log:is_watched() then self:wake(log) end
end

--- Sends a command, perhaps with a run of appends behind its words.
function Store:send(words, on_reply, run, mark)
  self.numbers.commands = self.numbers.commands + 1
  self.pair.commands:send(words, on_reply, run, mark)
end

-- Asks right behind the scripts, lest the server forgets them in between.
local function ask_again(log) log:ask() end

local function do_nothing() end

--- A script has run.
function Store:note_success()
  self.no_scripts = 0
  self.pair:note_reply()
end

--- Judges an error of a script for a log. Where what was asked is to be asked again, returns a
-- function(log) for that.
function Store:on_error(err, log)
  local again = self.router and self.router:on_error(self, log, err)
  if again then return again end
  local word = err:match "^%u+"
  if word == "NOSCRIPT" and self.no_scripts < NO_SCRIPTS_IN_A_ROW then
    self.no_scripts = self.no_scripts + 1
    loading.load_again(self)
    return ask_again
  elseif ELSEWHERE[word] then
    self.pair:lose(err, true)
    return do_nothing
  end
end

-- --- the connections -----------------------------------------------------------------------------

local function tell_state(self, state, why)
  local public = self.owner.public
  if self.told_state == state then return end
  self.told_state = state
  local on_state = public and public.on_state
  if not on_state then return end
  local ok, err = protected.call(on_state, state, why, self.server_name)
  if not ok then core.report(err) end
end

--- What has waited for a server can be asked again.
function Store:tell_up()
  waiting.update_tally(self)
  if self.told_state == "down" then tell_state(self, "up") end
end

--- How long until the next look at something, not the same for all processes.
function Store:look_pause() return self.target.check_interval * (0.75 + 0.5 * math.random()) end

local function on_up(self)
  self.numbers.connects = self.numbers.connects + 1
  self.loading, self.no_scripts = nil, 0
  self.next_ping = core.now() + self:look_pause()
  ticks.start(self)
  self.woken, self.changed, self.subscribing = {}, {}, {}
  waiting.update_tally(self)
  for _, log in ipairs(lists.values(self.logs)) do
    if log:is_watched() then self.changed[log] = true end
    if log:is_watched() or log:is_busy() then self:wake(log) end
  end
  counting.on_up(self)
  waiting.update_keep(self)
  tell_state(self, "up")
end

local function on_down(self, why, was_up)
  ticks.stop(self)
  if handles.pid() ~= self.pid then return self:finish() end
  self.numbers.losses = self.numbers.losses + (was_up and 1 or 0)
  self.last_loss = why
  waiting.update_tally(self)
  counting.on_down(self)
  for _, log in ipairs(lists.values(self.logs)) do log:on_down(why) end
  tell_state(self, "down", why)
  if self.router then self.router:on_down(self) end
  self:count_leaving(-self.leaving)
end

-- --- logs ----------------------------------------------------------------------------------------

--- The store that has a slot of the keys: this one has all.
function Store:store_of_slot() return self end

--- The log of a channel.
function Store:log(name)
  local log = self.logs[name]
  if not log then
    log = new_log(self, name)
    self.logs[name], self.topics[log.topic] = log, log
  end
  return log
end

--- Forgets a log that nobody has open, once what was asked of it has its result.
function Store:drop(log)
  self.left[log] = nil
  if log.faces > 0 or self.logs[log.name] ~= log then return end
  local presence = log.presence
  if log:is_busy() or log.subscribed or self.changed[log] or presence and presence:is_busy() then
    self.left[log] = true -- a tick tries again
  else
    self.logs[log.name], self.topics[log.topic] = nil, nil
    if presence then presence:drop() end
  end
end

-- --- the end -------------------------------------------------------------------------------------

--- Whether the store can be used; not once it is closed, nor in a forked child.
function Store:is_usable()
  if self.closed or self.closing then return false end
  if handles.pid() == self.pid then return true end
  self:finish()
  return false
end

--- Closes once all that was appended before has its result; at once where the server is away.
function Store:close()
  if self.closing or self.closed then return end
  self.closing = true
  if handles.pid() ~= self.pid then return self:finish() end
  self:shut()
  counting.withdraw(self)
  counting.leave(self)
  if self:is_done() or self.pair.failure then return self:finish() end
  self.end_of_close = core.timer(self.target.timeout, function() self:finish() end)
end

--- Whether it has ended.
function Store:is_closed() return self.closed end

--- Closes at once; what waits fails.
function Store:finish()
  if self.closed then return end
  self.closed = true
  self:shut()
  self.pair:close()
  ticks.stop(self)
  if self.end_of_close then self.end_of_close:stop() end
  self.end_of_close = nil
  counting.finish(self)
  for _, log in ipairs(lists.values(self.logs)) do
    if log:is_busy() then
      core.defer(function() log:fail("the store is closed", "ECLOSED") end)
    end
  end
  self.logs, self.topics, self.watched, self.left = {}, {}, {}, {}
end

local store = {}

--- What a store counts, all 0.
function store.numbers()
  return { appends = 0, runs = 0, reads = 0, looks = 0, announcements = 0, failures = 0,
    connects = 0, losses = 0, commands = 0, bytes_sent = 0, bytes_received = 0 }
end

--- Makes what is behind a store.
-- @tparam table target as of sse.redis.target
-- @param public what the program has
-- @tparam[opt] table more fields of a store that is one of several: `server_name`, for
-- `store.on_state`; `numbers`, which they share; `router`, where logs move between them, and the
-- `writer` then. `guide`, which finds the server; `new_pair`, another one than sse.redis.pair's
function store.new(target, public, more)
  local self = setmetatable({ target = target, pid = handles.pid(),
    owner = setmetatable({ public = public }, { __mode = "v" }),
    logs = {}, topics = {}, watched = {}, left = {}, woken = {}, changed = {}, shas = {},
    subscribing = {}, tally = handles.tally(), reading = 0, leaving = 0, no_scripts = 0,
    writer = names.new(6), new_epoch = names.of_logs(), numbers = store.numbers() }, Store)
  for name, value in pairs(more or {}) do self[name] = value end
  self.pair = (self.new_pair or new_pair)(target, {
    guide = self.guide, numbers = self.numbers,
    first_commands = function() return loading.commands(self) end,
    on_up = function() on_up(self) end,
    on_down = function(why, was_up) on_down(self, why, was_up) end,
    on_message = function(topic, text) subscribing.on_message(self, topic, text) end,
    on_subscribed = function(topic) subscribing.on_subscribed(self, topic) end,
    on_unsubscribed = function(topic, err) subscribing.on_unsubscribed(self, topic, err) end,
  })
  waiting.update_tally(self)
  return self
end

return store
