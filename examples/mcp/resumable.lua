--- A stream of the revision 2025-11 that outlives its connections: its events have ids and are
-- kept, so that a client whose connection broke gets the rest by GET with Last-Event-ID.
local rpc = require "examples.mcp.rpc"

local KEPT = 1000 -- events of a stream
local RETRY = 1000 -- ms after which a client comes back

local Resumable = {}
Resumable.__index = Resumable

--- `key` names the stream in the ids of its events: "key-number". `res`: the response to the POST
-- that the stream answers, until the stream begins; nil for a stream of a GET alone.
local function new(key, res, log)
  return setmetatable({ key = key, res = res, log = log, events = {}, last = 0 }, Resumable)
end

-- Adds an event, and sends it if a connection is there. A client that does not take its events
-- loses the connection, and comes back for them.
local function add(self, data)
  self.last = self.last + 1
  local event = { id = ("%s-%d"):format(self.key, self.last), data = data }
  self.events[self.last] = event
  self.events[self.last - KEPT] = nil
  local stream = self.stream
  if stream and not stream:send(event) then stream:close() end
end

--- The response to the POST becomes a stream.
function Resumable:open()
  local res = self.res
  self.res = nil
  if res and not res.closed then self:attach(res) end
end

function Resumable:send(text)
  self:open()
  add(self, text)
end

--- Sends the last message, if there is one, and ends the stream.
function Resumable:finish(text)
  local res = self.res
  self.done = true
  if res and text then return res:reply(200, text, rpc.JSON) end
  if res and not res.closed then return res:event_stream():close() end
  if text then add(self, text) end
  if self.stream then self.stream:close() end
end

-- The response carries the stream from now on. A connection that was there before ends: each event
-- goes out over one only.
local function carry(self, res)
  if self.stream then self.stream:close() end
  local stream = res:event_stream { retry = RETRY, finish = self.key ~= "0" }
  self.stream = stream
  stream.on_close = function(reason)
    if self.stream == stream then self.stream = nil end
    if reason ~= "server" and not self.done then self.log("stream %s lost its client", self.key) end
  end
  return stream
end

--- Goes on over this response: after event number `after`, or from now on without it. Then an event
-- without data gives the client the id by which it comes back. 204 tells a client that nothing
-- follows.
function Resumable:attach(res, after)
  if self.done and after >= self.last then return res:reply(204) end
  local stream = carry(self, res)
  if not after then return add(self, "") end
  self.log("stream %s goes on after event %d", self.key, after)
  for n = math.max(after + 1, self.last - KEPT + 1), self.last do
    if not stream:send(self.events[n]) then return stream:close() end
  end
  if self.done then stream:close() end
end

return new
