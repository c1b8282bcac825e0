--- An open event stream, as `res:event_stream()` gives it. It stays open, though nobody refers to
-- it and its handler has returned, until it is closed by either side.
--
-- Fields: `closed`, nothing can be sent any more; `pending`, bytes that the client has not taken
-- yet; and two that may be set, each a function or nil: `onclose(reason)`, called once at the end
-- ("client", "server", "slow", "timeout", "error"), and `ondrain()`, called when all that was
-- queued went out.
-- @module sse.stream
local core = require "sse.core"
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

return methods
