--- The rest of a response's body behind what the program wanted of it: it is received for a moment
-- and dropped, for a connection whose response is at its end can be used again.
-- @module sse.client.body_rest
local core = require "sse.core"
local task = require "sse.task"

local body_rest = {}
body_rest.__index = body_rest

local MAX_SIZE, MAX_TIME = 8192, 200 -- bytes, ms

--- Whether the end of a response's body leaves a connection that another request can use, and its
-- breaking off does not.
-- @tparam table head of sse.client.request
-- @treturn boolean
function body_rest.is_worthwhile(head)
  local fields = head.headers
  local has_end = fields["content-length"] or fields["transfer-encoding"]
  return head.protocol == "HTTP/1.1" and has_end ~= nil
    and not (fields.connection or ""):lower():find("close", 1, true)
end

--- Begins to receive and drop the rest, up to 8 KiB for 200 ms. Past either the exchange is
-- cancelled.
-- @tparam table exchange of sse.client.request
-- @tparam int held bytes of the rest that were received already
-- @tparam function|nil on_end called at the end
function body_rest.new(exchange, held, on_end)
  local self = setmetatable({ exchange = exchange, left = MAX_SIZE, on_end = on_end }, body_rest)
  self.timer = core.timer(MAX_TIME, function() self:cancel() end)
  self:put_size(held)
  if not self.is_done then exchange:resume() end
  return self
end

--- Counts bytes that were received.
-- @tparam int size
function body_rest:put_size(size)
  self.left = self.left - size
  if self.left < 0 then self:cancel() end
end

--- The exchange has ended, in whatever way.
function body_rest:finish()
  if self.is_done then return end
  self.is_done = true
  self.timer:stop()
  if self.on_end then self.on_end() end
  if self.end_wait then self.end_wait() end
end

--- Cancels the exchange. Harmless at the end.
function body_rest:cancel()
  if self.is_done then return end
  self.exchange:cancel()
  self:finish()
end

--- Waits for the end, where the program can wait.
function body_rest:wait()
  if self.is_done or core.running() and not task.current() then return end
  task.await(function(resume)
    self.end_wait = resume
    return function() self:cancel() end
  end, "sse.fetch: the body")
end

return body_rest
