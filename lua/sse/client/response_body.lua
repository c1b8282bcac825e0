--- The body of fetch's response. It is received only as fast as the caller reads it, as pieces,
-- lines, events or one text; the exchange is paused while the caller does not read.
-- @module sse.client.response_body
local body_rest = require "sse.client.body_rest"
local failure = require "sse.client.failure"
local queue = require "sse.client.queue"
local response_events = require "sse.client.response_events"

local response_body = {}
response_body.__index = response_body

-- Closes a body whose reading was left by an error or by `task:cancel`.
function response_body:__close() self:close() end

--- Makes the body of an exchange, and pauses the exchange until the caller reads. A function in the
-- field `on_end` is called at the end.
-- @tparam table exchange of sse.client.request
-- @tparam table limits `max_body_size` (bytes, for `text`), `max_event` (bytes, for `events` and
-- `lines`), `utf8` and `origin` (for the events); `head`, the response's; `content_types`, the
-- option's value
function response_body.new(exchange, limits)
  local self = setmetatable({ exchange = exchange, limits = limits }, response_body)
  self.pieces = queue.new(
    function() exchange:pause() end,
    function() exchange:resume() end,
    "sse.fetch: the body")
  exchange:pause()
  return self
end

--- Adds a piece that the exchange has received.
function response_body:put(bytes)
  if self.rest then return self.rest:put_size(#bytes) end
  self.pieces:put(bytes)
end

--- Ends the body: the exchange has no more bytes.
-- @tparam[opt] table why the failure by which the body broke off; nil if it is complete
function response_body:finish(why)
  if self.rest then return self.rest:finish() end
  if self.pieces.finished then return end
  self.failure = why
  if self.on_end then self.on_end() end
  self.pieces:finish()
end

--- Cancels the exchange and drops what has not been read. Harmless at the end.
-- @tparam[opt] table why the failure that readers get; nil: for them the body just ends
function response_body:close(why)
  if self.rest then return self.rest:cancel() end
  if self.pieces.finished and not self.pieces:has_items() then return end
  self.exchange:cancel()
  self.pieces:clear()
  if self.parser then self.parser:reset() end -- frees what it holds of an unfinished event
  self.closed = true
  if why then self.failure = why end
  self:finish(self.failure)
end

--- Ends the reading of a response of which the program has all it wants. The rest of the body is
-- received for a moment, and dropped, where another request can then use the connection.
function response_body:drop_rest()
  if self.pieces.finished or not body_rest.is_worthwhile(self.limits.head) then
    return self:close()
  end
  self.closed = true
  local held = 0
  while self.pieces:has_items() do held = held + #self.pieces:take() end
  self.pieces:finish()
  self.rest = body_rest.new(self.exchange, held, self.on_end)
  self.rest:wait()
end

--- Takes the next piece. Waits for it.
-- @treturn string|nil nil at the end
function response_body:take()
  return self.pieces:take()
end

-- The values of a generic `for` over what take(self, owner) returns. The fourth value closes the
-- body when the loop is left. The iterator refers to the owner, the response, since the collection
-- of the response closes the body.
local function loop(self, owner, take)
  local closing = setmetatable({}, { __close = function()
    if not self.rest then self:close() end
  end })
  local function iterate()
    local value = take(self, owner) -- no tail call: this frame refers to the owner during a wait
    return value
  end
  return iterate, nil, nil, closing
end

--- Iterates over the rest of the body in pieces.
-- @param owner the response, which must not be collected during the loop
function response_body:chunks(owner)
  return loop(self, owner, self.take)
end

--- Closes the body since it can't be read on; also one that has come whole before it was read.
-- @tparam table why the failure
function response_body:fail(why)
  self:close(why)
  self.failure = why
end

--- Closes the body since something in it is too big.
-- @tparam string what in words: "a line"
-- @tparam int limit bytes
-- @treturn table the failure
function response_body:close_too_big(what, limit)
  local why = failure.new(("%s is larger than %d bytes"):format(what, limit), "ETOOBIG")
  self:fail(why)
  return why
end

--- Reads the rest of the body.
-- @treturn string|nil
-- @treturn table|nil the failure, if the body broke off, was closed or is longer than
-- `max_body_size`
function response_body:text()
  local pieces, size, limit = {}, 0, self.limits.max_body_size
  local body <close> = self
  for piece in body.take, body do
    size = size + #piece
    if size > limit then return nil, self:close_too_big("the body", limit) end
    pieces[#pieces + 1] = piece
  end
  if self.failure then return nil, self.failure end
  if self.closed then return nil, failure.new("the body was closed", "ECLOSED") end
  return table.concat(pieces)
end

-- The next line; nil at the end of the body. `held` is what has been received and not returned: a
-- text from `at` on, and before it the pieces of an unfinished line with their size. The pieces are
-- joined once, so that a line that comes in many pieces takes linear time.
local function next_line(self, held)
  local limit = self.limits.max_event
  while true do
    local stop = held.text:find("\n", held.at, true)
    held.pieces[#held.pieces + 1] = held.text:sub(held.at, (stop or 0) - 1)
    held.size = held.size + #held.pieces[#held.pieces]
    if held.size > limit then return nil, self:close_too_big("a line", limit) end
    local more = not stop and self:take()
    if stop or not more then
      local line = table.concat(held.pieces)
      held.pieces, held.size = {}, 0
      held.at = stop and stop + 1 or #held.text + 1
      if not stop and line == "" then return nil end
      if not stop and self.failure then return nil end
      return (line:gsub("\r$", ""))
    end
    held.text, held.at = more, 1
  end
end

--- Iterates over the lines, without their ends (LF or CRLF).
-- @param owner as of `chunks`
function response_body:lines(owner)
  local held = { text = "", at = 1, pieces = {}, size = 0 }
  return loop(self, owner, function() return (next_line(self, held)) end)
end

--- Iterates over the events of a text/event-stream body.
-- @param owner as of `chunks`
-- @tparam table o as of sse.client.response_events
function response_body:events(owner, o)
  local reading = response_events.new(self, o)
  self.parser = reading.parser
  local next_event = reading.next
  return loop(self, owner, function() return (next_event(reading)) end)
end

return response_body
