--- Channels: a named log of events, and the streams that follow it.
--
--    local news = sse.channel("news", { history = 1000 })
--    server:get("/news", function(req, res) res:event_stream():follow(news) end)
--    news:publish { event = "headline", data = { title = "..." } }
--
-- A follower gets every event published after its Last-Event-ID, once and in order, or an event
-- `sse-gap` that says it can't: its data is JSON with `lastEventId` and `reason`: `"expired"` (aged
-- out), `"unknown"` (not an id of this channel, or of an earlier run) or `"slow"`.
--
-- Fields: `name`; `followers`, how many streams follow it now; `last_id`, the id of the newest
-- event held, or nil; `closed`.
-- @module sse.channel
require "sse.shared.lua_version"

local core = require "sse.core"
local eventtarget = require "sse.shared.event_target"
local options = require "sse.shared.options"

local methods = core.methods["sse.channel"]
local listeners = setmetatable({}, { __mode = "k" }) -- channel -> { follow = {...}, leave = {...} }
local by_name = setmetatable({}, { __mode = "v" })

local spec = {
  history = options.integer(0),
  history_bytes = options.integer(1),
  max_age = options.ms(1),
  slow = options.one_of("close", "skip", "latest"),
  max_lag = options.integer(1),
  gap_event = {
    expected = "the type of an event: a string without CR, LF or NUL, and not empty",
    check = function(v) return type(v) == "string" and v ~= "" and not v:find "[\r\n\0]" end,
  },
}

--- Makes a channel, or without options gives the one of that name where there is one. It lives as
-- long as somebody refers to it or follows it.
-- @function sse.channel
-- @tparam string name
-- @tparam[opt] table given options: `history` (1000 events held), `history_bytes` (8 MiB),
-- `max_age` (ms, no bound), `slow` (what becomes of a follower that falls behind what is held:
-- `"close"`, `"skip"` with a gap event, or `"latest"`, where it is owed only the newest event of
-- each `key`), `max_lag` (bytes a follower may be behind, no bound but the history), `gap_event`
-- (`"sse-gap"`)
-- @return the channel
local function new(name, given)
  if type(name) ~= "string" or name == "" or name:find "%z" then
    error(("sse.channel: the name must be a string, not empty and without NUL, got %s"):format(
      options.show(name)), 2)
  end
  local known = by_name[name]
  if known and known.closed then known = nil end
  if known and given == nil then return known end
  if known then
    error(("sse.channel: there is a channel '%s' already: take it without options, or close it")
      :format(name), 2)
  end
  given = options.check("sse.channel", given, spec)
  local inner = { name = name }
  for key, value in pairs(given) do inner[key] = value end
  local channel = core.channel(inner)
  by_name[name] = channel
  return channel
end

--- Every open channel that somebody refers to or follows, by name.
-- @function sse.channels
-- @treturn {table,...} the channels
function methods.all()
  local list = {}
  for _, channel in pairs(by_name) do
    if not channel.closed then list[#list + 1] = channel end
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

local all = methods.all
methods.all = nil

--- Publishes an event: it is in the log when this returns, and on its way to every follower at the
-- end of the loop's turn.
-- @function channel:publish
-- @tparam table|string message as `stream:send` takes it, without comments; `id` for an id of its
-- own, `key` for `slow = "latest"`, `dedupe`: where an event with the same is held, nothing is
-- published
-- @treturn string its id (of the one held, where `dedupe` found it); or nil, message, code:
-- `"ECLOSED"`, `"ETOOBIG"` (larger than `history_bytes`), `"EEXIST"` (its own id is held already),
-- `"EINVAL"` (CR, LF or NUL in event or id)

--- Calls fn when a stream begins to follow or no longer does, however it ended.
-- @function channel:on
-- @tparam string what "follow" or "leave"
-- @tparam function fn function(followers, reason): how many there were right after, and why one
-- left ("client", "server", "slow", "timeout", "error" or "unfollow")
-- @return the channel
function methods:on(what, fn)
  options.object(self, "sse.channel", "channel:on")
  if what ~= "follow" and what ~= "leave" then
    error(("channel:on: expected \"follow\" or \"leave\", got %s"):format(options.show(what)), 2)
  elseif type(fn) ~= "function" then
    error(("channel:on: expected a function, got %s"):format(options.show(fn)), 2)
  end
  local mine = listeners[self]
  if not mine then
    mine = { follow = {}, leave = {} }
    listeners[self] = mine
    self.onpresence = function(kind, followers, reason)
      for _, listener in ipairs(mine[kind]) do eventtarget.call(listener, followers, reason) end
    end
  end
  table.insert(mine[what], fn)
  return self
end

--- Ends the channel and, cleanly, its followers, each after what it is owed.
-- @function channel:close

--- Numbers: `followers`, `published`, `delivered` (events handed to sockets), `bytes`, `gaps` (by
-- reason), `slow_closed`, `skipped` (events that slow followers never got), `superseded` (events
-- that a newer one with their `key` replaced), `resumed` and `missed`
-- (followers that brought an id that was found, or was not), `filtered`, `repeated`, `refused`,
-- `held`, `held_bytes`, `delays` (a histogram of publish to socket, `{ ms, count }`), `delay_sum`
-- (ms).
-- @function channel:stats

return { new = new, all = all }
