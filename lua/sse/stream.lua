--- An event stream, as `res:event_stream()` returns it. It stays open until either side closes it,
-- also when its handler has returned. One that follows no channel, and that the program does not
-- refer to any more, is ended when the collector finds it, with a `retry:`: nobody can send on it.
-- A variable that holds a stream can be `<close>`: the stream then ends with the variable's scope,
-- and breaks off if an error ends that.
--
-- Fields: `closed`, whether nothing can be sent any more; `pending`, the bytes that the client has
-- not taken yet. Two fields can be set to a function or nil: `on_close(reason)` is called once at
-- the end, with "client", "server", "slow", "timeout", "error" or "expired"; `on_drain()` is called
-- when nothing is pending any more. `user` is the program's own: any value, nil at first.
-- @module sse.stream
require "sse.shared.lua_version"

local core = require "sse.core"
local follow_options = require "sse.server.follow_options"
local options = require "sse.shared.options"
local ordered_set = require "sse.shared.ordered_set"
local placing = require "sse.store.placing"
local task = require "sse.task"

local methods = core.methods["sse.stream"]

--- Sends an event, whole or not at all. Raises on an unknown field or one of a wrong type.
-- @function stream:send
-- @tparam table|string event as `sse.encode` takes it: `event`, `id`, `data`, `retry`, or
-- `comment`; a string is data; a MessageEvent of the client's is sent on as it came
-- @return true; or nil, "closed", "ECLOSED"; or nil, "full", "EFULL" if more than `max_pending`
-- bytes would be pending; or nil, message, "ETOOBIG" if the event alone is larger than that; or
-- nil, message, "EINVAL" if event or id holds CR, LF or NUL

--- Sends a comment, which clients ignore.
-- @function stream:comment
-- @tparam[opt=""] string text
-- @return as of `send`

--- Ends the stream when the client has taken all that is pending. Harmless when closed.
-- @function stream:close

-- Stream -> the functions that resume those who wait: `drained`, a list, when nothing is pending or
-- the stream has ended; `ended`, an ordered set, when it has ended.
local waiters = setmetatable({}, { __mode = "k" })

-- Lets go of a stream that nobody waits for: while on_wake has a function, the stream is kept.
local function let_go_if_unused(stream)
  local lists = waiters[stream]
  if lists and #lists.drained == 0 and next(lists.ended) == nil then
    waiters[stream] = nil
    core.on_wake(stream, nil)
  end
end

-- Ends the waits. Lists are replaced before, since those who are resumed may wait again.
local function wake(stream)
  local lists = waiters[stream]
  local drained = lists.drained
  local ended = ordered_set.members(stream.closed and lists.ended or {})
  lists.drained = {}
  if stream.closed then lists.ended = {} end
  let_go_if_unused(stream)
  for _, resume in ipairs(drained) do resume() end
  for _, resume in ipairs(ended) do resume() end
end

local function waiters_of(stream)
  local lists = waiters[stream]
  if not lists then
    lists = { drained = {}, ended = {} }
    waiters[stream] = lists
    core.on_wake(stream, function() wake(stream) end)
  end
  return lists
end

-- What a wait for the stream returns.
local function result(stream)
  if stream.closed then return nil, "closed", "ECLOSED" end
  return true
end

--- Waits until nothing is pending: in a task by yielding, outside of one by pumping the loop.
-- @function stream:drain
-- @return true; or nil, "closed", "ECLOSED"
function methods:drain(...)
  options.check_core_self(self, "sse.stream", "stream:drain()", ...)
  while not self.closed and self.pending > 0 do
    task.await(function(resume) table.insert(waiters_of(self).drained, resume) end, "stream:drain")
  end
  return result(self)
end

--- Waits for a time, or until the stream ends if that is sooner: in a task by yielding, outside of
-- one by pumping the loop. A handler that sleeps so ends with its stream, when the client leaves or
-- the server shuts down.
-- @function stream:sleep
-- @tparam number ms milliseconds, at least 0
-- @return true; or nil, "closed", "ECLOSED" as soon as the stream ends
-- @usage
-- server:get("/clock", function(_, res)
--   local stream = res:event_stream()
--   repeat stream:send { data = os.date() } until not stream:sleep(1000)
-- end)
function methods:sleep(ms, ...)
  options.check_core_self(self, "sse.stream", "stream:sleep(ms)", ...)
  task.check_milliseconds("stream:sleep", ms)
  if not self.closed then
    task.await(function(resume)
      local lists, timer, wake_up = waiters_of(self), nil, nil
      local function release()
        timer:stop()
        lists.ended[wake_up] = nil
        let_go_if_unused(self)
      end
      wake_up = function()
        release()
        resume()
      end
      timer = core.timer(ms, wake_up, true)
      ordered_set.add(lists.ended, wake_up)
      return release
    end, "stream:sleep")
  end
  return result(self)
end

local LAST = 2 ^ 32 - 1 -- the last point in time that the core takes: in 2106
local MILLISECONDS = 10 ^ 12 -- from here on a time is thought to be in milliseconds

-- Raises at the line of the caller's caller.
local function check_time(time)
  if time == nil or type(time) == "number" and time >= 0 and time < MILLISECONDS then return end
  local hint = type(time) == "number" and time > 0 and " (are these milliseconds?)" or ""
  local message = "stream:expire_at: expected seconds since 1970, as of os.time(), or nil, got %s%s"
    .. " [docs/errors.md#arguments]"
  error(message:format(options.show(time), hint), 3)
end

--- Ends the stream at a point in time, with the reason "expired" and a `retry:`, so that its client
-- comes back and shows what it has by then: a fresh token, or none. At once if the time is over.
-- The last call counts; `max_life` holds besides.
-- @function stream:expire_at
-- @tparam number|nil time seconds, as of `os.time()`, or the claim `exp` of a token; nil: never
-- @return true; or nil, "closed", "ECLOSED"
function methods:expire_at(time, ...)
  options.check_core_self(self, "sse.stream", "stream:expire_at(time)", ...)
  check_time(time)
  if self.closed then return nil, "closed", "ECLOSED" end
  core.expire_at(self, time and math.floor(math.max(1, math.min(time, LAST))) or 0)
  return true
end

local weak = { __mode = "k" }
local last_ids = setmetatable({}, weak) -- stream -> its client's Last-Event-ID
local unfollowed = setmetatable({}, weak) -- stream -> set of the channels that it has unfollowed

local function is_channel(value)
  return core.class_of(value) == "sse.channel"
end

-- Splits the arguments of a function `name` that follows into a list of channels and the options.
-- Raises at the line of that function's caller.
local function check_follow(name, ...)
  local channels = table.pack(...)
  local given = channels[channels.n]
  if type(given) == "table" then
    channels.n = channels.n - 1
    options.check(name, given, follow_options[name], 4)
  else
    given = {}
  end
  if channels.n == 0 then error(name .. ": expected a channel [docs/errors.md#arguments]", 3) end
  for i = 1, channels.n do
    if not is_channel(channels[i]) then
      local message = "%s: argument %d must be a channel, got %s%s [docs/errors.md#arguments]"
      local hint = i > 1 and " (options are a table: { from = ..., where = ... })" or ""
      error(message:format(name, i, options.show(channels[i]), hint), 3)
    end
  end
  return channels, given
end

-- Which of the channels the stream has unfollowed: bit i - 1 stands for the i-th.
local function unfollowed_bits(self, channels)
  local bits, bit, set = 0, 1, unfollowed[self] or {}
  for i = 1, channels.n do
    if set[channels[i]] then bits = bits + bit end
    bit = bit * 2
  end
  return bits
end

-- Makes the results of `follow` of those of pcall(core.follow, ...). Raises the core's error at the
-- line of the program that called `follow`: this function is called in tail position.
local function follow_results(self, ok, done, message, code)
  if not ok then error(done, 2) end
  if not done then return nil, message, code end
  return self
end

-- Follows channels as `follow` says. Where "pending" comes, stores are to say where the stream
-- begins.
local function begin(self, from, where, bits, ...)
  local last_id = last_ids[self]
  local done, message, code = core.follow(self, last_id, from, where, bits, ...)
  if done == "pending" then placing.begin(self, last_id, from, bits, { ... }) end
  return done, message, code
end

--- Follows channels: sends the events that they hold after the client's Last-Event-ID, and from
-- then on those that are published. With several channels each id tells the client's position in
-- all of them. Raises if the stream follows one of the channels already.
-- @function stream:follow
-- @param channel
-- @param ... more channels
-- @tparam[opt] table given the last argument; docs/reference/channels.md describes them
-- @return the stream; or nil, message, "ECLOSED"; or nil, message, "ETOOBIG" where it would follow
-- more than 64 channels: then it follows those that it followed before
function methods:follow(channel, ...)
  options.check_core_self(self, "sse.stream", "stream:follow(channel, options)")
  if select("#", ...) == 0 and is_channel(channel) and not unfollowed[self] then
    return follow_results(self, pcall(begin, self, nil, nil, 0, channel))
  end
  local channels, given = check_follow("stream:follow", channel, ...)
  local from = given.after and { given.after, given.from } or given.from
  return follow_results(self, pcall(begin, self, from, given.where,
    unfollowed_bits(self, channels), table.unpack(channels, 1, channels.n)))
end

--- Stops following a channel; the stream stays open. If it follows the channel again, it begins as
-- for a client without an id, since the events after the client's Last-Event-ID have been sent.
-- @function stream:unfollow
-- @param channel
-- @treturn boolean false if the stream did not follow the channel
function methods:unfollow(channel, ...)
  options.check_core_self(self, "sse.stream", "stream:unfollow(channel)", ...)
  if not is_channel(channel) then
    error(("stream:unfollow: expected a channel, got %s"):format(options.show(channel)), 2)
  end
  if not core.unfollow(self, channel) then return false end
  placing.unfollowed(self, channel)
  unfollowed[self] = unfollowed[self] or setmetatable({}, weak)
  unfollowed[self][channel] = true
  return true
end

-- Stores the client's Last-Event-ID for `follow`. For sse.server.response.
local function set_last_event_id(stream, id) last_ids[stream] = id end

return { methods = methods, set_last_event_id = set_last_event_id, check_follow = check_follow }
