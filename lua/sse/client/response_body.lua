--- The body of fetch's response. It is received only as fast as the caller reads it, as pieces,
-- lines, events or one text; the exchange is paused while the caller does not read.
-- @module sse.client.response_body
local core = require "sse.core"
local event = require "sse.event"
local failure = require "sse.client.failure"
local queue = require "sse.client.queue"

local response_body = {}
response_body.__index = response_body

-- Closes a body whose reading was left by an error or by `task:cancel`.
function response_body:__close() self:close() end

--- Makes the body of an exchange, and pauses the exchange until the caller reads. A function in the
-- field `on_end` is called at the end.
-- @tparam table exchange of sse.client.request
-- @tparam table limits `max_body_size` (bytes, for `text`), `max_event` (bytes, for `events` and
-- `lines`), `utf8` and `origin` (for the events)
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
  self.pieces:put(bytes)
end

--- Ends the body: the exchange has no more bytes.
-- @tparam[opt] table why the failure by which the body broke off; nil if it is complete
function response_body:finish(why)
  if self.pieces.finished then return end
  self.failure = why
  if self.on_end then self.on_end() end
  self.pieces:finish()
end

--- Cancels the exchange and drops what has not been read. Harmless at the end.
-- @tparam[opt] table why the failure that readers get; nil: for them the body just ends
function response_body:close(why)
  if self.pieces.finished and not self.pieces:has_items() then return end
  self.exchange:cancel()
  self.pieces:clear()
  if self.parser then self.parser:reset() end -- frees what it holds of an unfinished event
  self.closed = true
  if why then self.failure = why end
  self:finish(self.failure)
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
  local closing = setmetatable({}, { __close = function() self:close() end })
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

local function close_too_big(self, what, limit)
  local why = failure.new(("%s is larger than %d bytes"):format(what, limit), "ETOOBIG")
  self:close(why)
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
    if size > limit then return nil, close_too_big(self, "the body", limit) end
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
    if held.size > limit then return nil, close_too_big(self, "a line", limit) end
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

-- A parser that appends its events to a list, from `first` to `last`.
local function new_parser(self, events, last_id)
  local limits = self.limits
  return core.parser {
    on_event = function(data, type_, id)
      events.last = events.last + 1
      events[events.last] = event.message(type_, data, id, limits.origin)
    end,
    on_retry = function(ms) self.retry = ms end,
    max_event_size = limits.max_event, utf8 = limits.utf8, last_event_id = last_id,
  }
end

local function next_event(self, parser, events)
  while true do
    local ev = events[events.first]
    if ev then
      events[events.first] = nil
      events.first = events.first + 1
      return ev
    end
    local piece = self:take()
    if not piece then
      parser:reset() -- frees what it holds of an unfinished event
      return nil
    end
    local ok, message, code = parser:feed(piece)
    if not ok and code ~= "ESTOPPED" then
      if code == "ETOOBIG" then close_too_big(self, "an event", self.limits.max_event)
      else self:close(failure.new(message, code)) end
    end
  end
end

-- The next event before the one whose data is the terminator. A body that ends without the
-- terminator is incomplete, and fails.
local function next_event_before(self, parser, events, terminator)
  local ev = next_event(self, parser, events)
  if ev and ev.data ~= terminator then return ev end
  if ev then
    self:close()
  elseif not self.closed and not self.failure then
    self.failure = failure.new(("the stream ended without '%s'"):format(terminator), "EUNFINISHED")
  end
end

--- Iterates over the events of a text/event-stream body.
-- @param owner as of `chunks`
-- @tparam table o `lastEventId`, the id that events have until the body names one; `untilData`,
-- the data of an event that ends the loop and is not returned
function response_body:events(owner, o)
  local events, terminator = { first = 1, last = 0 }, o.untilData
  self.parser = new_parser(self, events, o.lastEventId)
  return loop(self, owner, function()
    if terminator then return (next_event_before(self, self.parser, events, terminator)) end
    return next_event(self, self.parser, events)
  end)
end

return response_body
