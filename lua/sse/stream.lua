--- An open event stream, as `res:event_stream()` gives it. It stays open, though nobody refers to
-- it and its handler has returned, until it is closed by either side.
--
-- Fields: `closed`, nothing can be sent any more; `pending`, bytes that the client has not taken
-- yet; and two that may be set, each a function or nil: `onclose(reason)`, called once at the end
-- ("client", "server", "slow", "timeout", "error"), and `ondrain()`, called when all that was
-- queued went out.
-- @module sse.stream
require "sse.shared.lua_version"

local core = require "sse.core"
local options = require "sse.shared.options"
local task = require "sse.task"

local methods = core.methods["sse.stream"]

--- Sends an event, whole or not at all.
-- @function stream:send
-- @tparam table|string event as `sse.encode` takes it: `event`, `id`, `data`, `retry`, or
-- `comment`; a string is data. Misuse raises.
-- @return true; or nil, "closed", "ECLOSED"; or nil, "full", "EFULL" past `max_pending`; or nil,
-- message, "ETOOBIG" for an event larger than that; or nil, message, "EINVAL" where event or id
-- holds CR, LF or NUL

--- Sends a comment, which clients ignore.
-- @function stream:comment
-- @tparam[opt=""] string text
-- @return as of `send`

--- Ends the stream once what is pending went out. Harmless when closed.
-- @function stream:close

local waiting = setmetatable({}, { __mode = "k" }) -- stream -> those who wait

-- Those who waited meanwhile may wait again: the list is taken first.
local function wake(stream)
  local list = waiting[stream] or {}
  waiting[stream] = nil
  for _, resume in ipairs(list) do resume() end
end

--- Waits until nothing is pending: a task yields, outside of one the loop is pumped.
-- @function stream:drain
-- @return true; or nil, "closed", "ECLOSED"
function methods:drain()
  options.object(self, "sse.stream", "stream:drain")
  while not self.closed and self.pending > 0 do
    task.await(function(resume)
      if not waiting[self] then
        waiting[self] = {}
        self.onwake = function() wake(self) end
      end
      table.insert(waiting[self], resume)
    end, "stream:drain")
  end
  if self.closed then return nil, "closed", "ECLOSED" end
  return true
end

local attach = methods.attach
methods.attach = nil
local weak = { __mode = "k" }
local last_ids = setmetatable({}, weak) -- stream -> its client's Last-Event-ID
local left = setmetatable({}, weak) -- stream -> set of channels that it followed before

local from_rule = {
  expected = "\"newest\", \"oldest\" or a whole number of at least 0",
  check = function(v)
    return v == "newest" or v == "oldest" or math.type(v) == "integer" and v >= 0
  end,
}
local follow_options = { from = from_rule, where = "function" }

local function is_channel(value)
  return core.class_of(value) == "sse.channel"
end

local function check_follow(...)
  local channels = table.pack(...)
  local given = channels[channels.n]
  if type(given) == "table" then
    channels.n = channels.n - 1
    options.check("stream:follow", given, follow_options, 4)
  else
    given = {}
  end
  if channels.n == 0 then error("stream:follow: expected a channel", 3) end
  for i = 1, channels.n do
    if not is_channel(channels[i]) then
      local message = "stream:follow: argument %d must be a channel, got %s"
      error(message:format(i, options.show(channels[i])), 3)
    end
  end
  return channels, given
end

-- The channels that this stream let go before, as bits.
local function followed_before(self, channels)
  local bits, bit, before = 0, 1, left[self] or {}
  for i = 1, channels.n do
    if before[channels[i]] then bits = bits + bit end
    bit = bit * 2
  end
  return bits
end

-- What the core raised is the fault of whoever called `stream:follow`.
local function followed(self, ok, done, message, code)
  if not ok then error(done, 2) end
  if not done then return nil, message, code end
  return self
end

--- Follows channels: sends what they hold after the client's Last-Event-ID, and from then on what
-- is published. With several channels the ids say where the client stands in each of them.
-- @function stream:follow
-- @param channel
-- @param ... more channels
-- @tparam[opt] table given at the end: `from`, where to begin for a client without an id
-- (`"newest"`, the default, `"oldest"`, or how many of the newest), `where`, a
-- function(event) -> boolean that chooses what the client gets
-- @return the stream; or nil, message, "ECLOSED". Raises where it follows one of them already
function methods:follow(channel, ...)
  options.object(self, "sse.stream", "stream:follow")
  if select("#", ...) == 0 and is_channel(channel) and not left[self] then
    return followed(self, pcall(attach, self, last_ids[self], nil, nil, 0, channel))
  end
  local channels, given = check_follow(channel, ...)
  return followed(self, pcall(attach, self, last_ids[self], given.from, given.where,
    followed_before(self, channels), table.unpack(channels, 1, channels.n)))
end

local unfollow = methods.unfollow

--- No longer follows a channel; the stream stays open. Followed again, it begins as for a client
-- without an id: what the client brought has been sent.
-- @function stream:unfollow
-- @param channel
-- @treturn boolean whether it followed it
function methods:unfollow(channel)
  options.object(self, "sse.stream", "stream:unfollow")
  if not is_channel(channel) then
    error(("stream:unfollow: expected a channel, got %s"):format(options.show(channel)), 2)
  end
  if not unfollow(self, channel) then return false end
  left[self] = left[self] or setmetatable({}, weak)
  left[self][channel] = true
  return true
end

--- Notes the client's Last-Event-ID for `follow`.
function methods.resume(stream, id) last_ids[stream] = id end

local resume = methods.resume
methods.resume = nil

return { methods = methods, resume = resume }
