--- Channels: each is a named log of events, and the streams that follow it.
--
--    local news = sse.channel("news", { history = 1000 })
--    server:get("/news", function(req, res) res:event_stream():follow(news) end)
--    news:publish { event = "headline", data = { title = "..." } }
--
-- A follower gets every event that was published after its Last-Event-ID, once and in order. If it
-- cannot, it gets an event `sse-gap`, whose data is JSON with `lastEventId` and `reason`: "expired"
-- (events after the id are held no more), "unknown" (no id of this channel, or one of an earlier
-- run of the program) or "slow".
--
-- Fields: `name`; `followers`, the number of streams that follow the channel now; `last_id`, the id
-- of the newest event held, or nil; `closed`; `on_error`, nil or a function(err, context) that the
-- program sets: it gets errors of the channel's listeners and of its followers' `where` functions,
-- in place of `server.on_error`.
-- @module sse.channel
require "sse.shared.lua_version"

local before_fork = require "sse.shared.before_fork"
local channel_events = require "sse.server.channel_events"
local core = require "sse.core"
local errors = require "sse.server.errors"
local follow_options = require "sse.server.follow_options"
local metric_names = require "sse.server.metric_names"
local options = require "sse.shared.options"
local protected = require "sse.shared.protected"
local presence = require "sse.store.presence"
local publish = require "sse.store.publishing"
local window = require "sse.store.window"

local HISTORY, HISTORY_BYTES = 1000, 8 * 1024 * 1024 -- the defaults of csrc/bind/channel.c

local methods = core.methods["sse.channel"]
local listeners = setmetatable({}, { __mode = "k" }) -- channel -> { follow = {...}, leave = {...} }
local by_name = setmetatable({}, { __mode = "v" })

local spec = options.spec("sse.channel", {
  history = options.integer(0),
  history_bytes = options.integer(1),
  max_age = options.ms(1),
  idle = options.ms(),
  slow = options.one_of("close", "skip", "latest"),
  max_lag = options.integer(1),
  store = {
    expected = "a store (sse.sqlite(path))",
    check = function(v)
      local kind = type(v)
      if kind ~= "table" and kind ~= "userdata" then return false end
      local ok, open = pcall(function() return v.open end)
      return ok and type(open) == "function"
    end,
  },
  gap_event = {
    expected = "the type of an event: a string without CR, LF or NUL, and not empty",
    check = function(v) return type(v) == "string" and v ~= "" and not v:find "[\r\n\0]" end,
  },
})

-- Raises if a channel that is to be had again has another value of an option.
local function check_same(name, option, value)
  if not option then return end
  local shown = type(value) == "string" and ("%q"):format(value) or ("%d"):format(value)
  if value == 0 and (option == "max_age" or option == "max_lag") then shown = "no bound" end
  local message = "sse.channel: there is a channel '%s' with another '%s', %s (leave the option "
    .. "out, or close the channel first) [docs/errors.md#channels]"
  error(message:format(name, option, shown), 3)
end

local function check_same_store(name, channel, store)
  local its = window.of(channel)
  if not store or its and its.store == store then return end
  local message = "sse.channel: there is a channel '%s' with %s (leave the option out, or close "
    .. "the channel first)"
  error(message:format(name, its and "another 'store'" or "no 'store'"), 3)
end

-- Opens the log of a new channel that a store keeps.
local function open_store(channel, store, given)
  window.open(channel, store, {
    history = given.history or HISTORY, history_bytes = given.history_bytes or HISTORY_BYTES,
    max_age = given.max_age,
  }, publish)
end

--- Returns the open channel of that name, or makes it. Raises if there is one that has another
-- value of an option that is given. The process keeps a channel, and what it holds, as long as the
-- program refers to it or a stream follows it, until nothing was published to it for `idle`, and
-- where `max_age` is set, as long as it holds an event.
-- @function sse.channel
-- @tparam string name
-- @tparam[opt] table given docs/reference/channels.md describes them
-- @return the channel
local function new(name, given, ...)
  options.check_dot("sse.channel", name)
  options.check_count("sse.channel(name, options)", ...)
  if type(name) ~= "string" or name == "" or name:find "%z" then
    local message = "sse.channel: the name must be a string, not empty and without NUL, got %s%s"
    error(message:format(options.show(name), " [docs/errors.md#channels]"), 2)
  end
  local known = by_name[name]
  if known and known.closed then known = nil end
  if known and given == nil then return known end
  given = options.check("sse.channel", given, spec)
  local inner, store = { name = name }, given.store
  for key in pairs(spec) do inner[key] = given[key] end
  inner.store = nil
  if known then
    check_same(name, core.channel_differs(inner, known))
    check_same_store(name, known, store)
    return known
  end
  local channel = core.channel(inner)
  if store then open_store(channel, store, given) end
  by_name[name] = channel
  return channel
end

--- All open channels of the process.
-- @function sse.channels
-- @treturn {table,...} a list, sorted by name
local function all(...)
  options.check_count("sse.channels()", ...)
  local names, list = {}, {}
  for name, channel in pairs(by_name) do
    if not channel.closed then names[#names + 1] = name end
  end
  table.sort(names)
  for i, name in ipairs(names) do list[i] = by_name[name] end
  return list
end

-- A copy of a channel in each worker would give the same ids to different events.
before_fork.add(function()
  local channel = all()[1]
  return channel and ("the channel '%s' is open"):format(channel.name)
end)

--- Publishes an event. It is in the channel's log when this function returns, and is sent to the
-- followers at the end of the loop's turn. Raises on an unknown field or one of a wrong type.
-- @function channel:publish
-- @tparam table|string message as `stream:send` takes it, but no comment; also `id`, in place of
-- the id that the channel would give it; `key`, for `slow = "latest"`; `dedupe`, a value: if an
-- event with the same value is held, nothing is published; `meta`, a table, string, number or
-- boolean for the followers' `where`, which get it as `event.meta`; it is never sent.
-- A MessageEvent has its `lastEventId` as its id, unless the one published before had the same
-- @treturn string the event's id, or the id of the event held with the same `dedupe`; or nil,
-- message, code: "ECLOSED"; "ETOOBIG", larger than `history_bytes`; "EEXIST", an event with this
-- `id` is held; "EINVAL", CR, LF or NUL in event or id

-- Has the streams that come and leave told to the channel's listeners; returns these.
local function listen_to_streams(channel)
  local mine = { follow = {}, leave = {} }
  listeners[channel] = mine
  core.on_presence(channel, function(kind, followers, stream, reason)
    for _, listener in ipairs(mine[kind]) do
      local ok, err = protected.call(listener, followers, stream, reason)
      if not ok then
        errors.report_channel("channel:on", err, core.stream_owner(stream), stream, channel)
      end
    end
  end)
  return mine
end

--- Calls a function whenever a stream begins to follow the channel, or stops; or whenever
-- `channel:count()` has changed.
-- @function channel:on
-- @tparam string what "follow", "leave" or "count"
-- @tparam function fn for "count" function(count), called once for all changes of a turn; else
-- function(followers, stream, reason): the number of followers right after the change; the stream,
-- which is the object that the program has, and may be closed when it leaves; and for "leave" why
-- it stopped: "client", "server", "slow", "timeout", "error", "expired" or "unfollow". A stream
-- that followed before the channel had a listener and then ends comes as a new object, closed,
-- unless the program has set a field of it: `user`, `on_close` or `on_drain`.
-- @return the channel
function methods:on(what, fn, ...)
  options.check_core_self(self, "sse.channel", "channel:on(what, fn)", ...)
  if what ~= "follow" and what ~= "leave" and what ~= "count" then
    local message = "channel:on: expected \"follow\", \"leave\" or \"count\", got %s (a loop "
      .. "over channel:events() has what is published)"
    error(message:format(options.show(what)), 2)
  elseif type(fn) ~= "function" then
    error(("channel:on: expected a function, got %s"):format(options.show(fn)), 2)
  end
  if what == "count" then
    presence.listen(self, fn)
  else
    table.insert((listeners[self] or listen_to_streams(self))[what], fn)
  end
  return self
end

--- How many streams follow the channel in all processes that share its store, as far as this one
-- has heard: what changes elsewhere is heard within a second, and so is the end of a process.
-- Without a store that tells, it is `channel.followers`.
-- @function channel:count
-- @treturn int
function methods:count(...)
  options.check_core_self(self, "sse.channel", "channel:count()", ...)
  return options.unwrap(pcall(presence.count, self))
end

--- The open streams that follow the channel, or those of one user: whose field `user` equals a
-- value.
-- @function channel:streams
-- @tparam[opt] any user not nil, so that a session without a user does not stand for everybody
-- @treturn {table,...} a list, in no order, which is the caller's
function methods:streams(...)
  options.check_core_self(self, "sse.channel", "channel:streams(user)", select(2, ...))
  options.check_user("channel:streams", ...)
  return options.unwrap(pcall(core.channel_streams, self, ...))
end

--- Iterates over the events within the process: `for ev in channel:events() do`. The loop begins to
-- follow at once, waits for each event (in a task by yielding, outside of one by pumping the loop),
-- and ends when the channel is closed and it has had every event. Leaving it stops following.
--
-- Nothing is held for the loop: it reads from the channel's history. If that has dropped events
-- which the loop has not come to, the loop gets a gap event in their place, whose data is JSON with
-- `reason` "slow", and goes on with the oldest event held. This holds whatever `slow` is; with
-- "latest", events that a newer one of their `key` replaced are left out. `max_lag` does not count.
--
-- A loop is no follower to `followers`, `channel:on` and `events.delivered` in `channel:stats`.
-- @tparam[opt] table given `from`, where the loop begins: "newest" (the default), after the newest
-- event; "oldest"; or how many of the newest events it gets first; `where`, a function(event) with
-- `id`, `event` and `data` that returns whether the loop gets the event; an error in it comes out
-- of the loop
-- @return what a generic `for` needs; the events are MessageEvents: `type`, `data`, `lastEventId`
-- @usage
-- sse.spawn(function()
--   for ev in sse.channel("orders"):events { from = "oldest" } do print(ev.type, ev.data) end
-- end)
function methods:events(given, ...)
  options.check_core_self(self, "sse.channel", "channel:events(options)", ...)
  local o = options.check("channel:events", given, follow_options["channel:events"])
  return channel_events(self, o.from, o.where)
end

--- Closes the channel. Each follower is sent the events that it has not been sent yet, then its
-- stream ends; so does each loop over its events.
-- @function channel:close

--- The channel's numbers, in tables by what they are of: `channel:stats().events.published`.
-- sse.server.metric_names lists them. `gaps` has a number for each reason, `replays` one of
-- followers whose Last-Event-ID was found (`hit`) and one of the others (`miss`). `delay_seconds`,
-- of the time from publish to socket, has `sum`, `count`, and `buckets`, a list of { le, count }:
-- how many events took up to `le` seconds; the last, which has no `le`, counts all.
-- @treturn table
function methods:stats(...)
  options.check_core_self(self, "sse.channel", "channel:stats()", ...)
  local ok, numbers = pcall(core.channel_numbers, self)
  if not ok then error(numbers, 2) end -- it was collected, and a finalizer refers to it
  return metric_names.group(metric_names.channel, numbers)
end

return { new = new, all = all }
