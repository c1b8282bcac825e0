--- A response's body, read by whoever asks for it: nothing is read ahead of the reader.
-- @module sse.client.response_body
local core = require "sse.core"
local event = require "sse.event"
local failure = require "sse.client.failure"
local queue = require "sse.client.queue"

local body = {}
body.__index = body

--- Makes one around an exchange, which it pauses until somebody reads.
-- @tparam table exchange
-- @tparam table limits max_body (of text()), max_event (of events() and lines()), utf8, origin
function body.new(exchange, limits)
  local self = setmetatable({ exchange = exchange, limits = limits }, body)
  self.pieces = queue.new(
    function() exchange:pause() end,
    function() exchange:resume() end,
    "sse.fetch: the body")
  exchange:pause()
  return self
end

--- A piece has come.
function body:put(bytes)
  self.pieces:put(bytes)
end

--- The end has come, with a failure or without.
function body:finish(why)
  if self.pieces.finished then return end
  self.failure = why
  if self.forget then self.forget() end
  self.pieces:finish()
end

--- Gives the rest up: the failure, or a quiet end.
function body:close(why)
  if self.pieces.finished and not self.pieces:held() then return end
  self.exchange:cancel()
  self.pieces:clear()
  if self.parser then self.parser:reset() end -- it keeps no half of an event
  self.closed = true
  if why then self.failure = why end
  self:finish(self.failure)
end

--- The next piece, or nil at the end.
function body:take()
  return self.pieces:take()
end

-- The values of a generic for; the fourth ends the reading when the loop is left. The iterator
-- holds the owner, whose collection would close the body.
local function loop(self, owner, take)
  local closing = setmetatable({}, { __close = function() self:close() end })
  local function iterate()
    local value = take(self, owner) -- no tail call: while it waits, this frame holds the owner
    return value
  end
  return iterate, nil, nil, closing
end

--- The rest as pieces. `owner` is whoever must not be collected meanwhile; for lines and events
-- too.
function body:chunks(owner)
  return loop(self, owner, self.take)
end

local function too_big(self, what, limit)
  local why = failure.new(("%s is larger than %d bytes"):format(what, limit), "ETOOBIG")
  self:close(why)
  return why
end

--- The whole rest as a string, or nil and the failure.
function body:text()
  local pieces, size, limit = {}, 0, self.limits.max_body
  for piece in self.take, self do
    size = size + #piece
    if size > limit then return nil, too_big(self, "the body", limit) end
    pieces[#pieces + 1] = piece
  end
  if self.failure then return nil, self.failure end
  if self.closed then return nil, failure.new("the body was closed", "ECLOSED") end
  return table.concat(pieces)
end

-- The next line out of `held`, which keeps what has come: text from `at` on, and pieces of a line
-- that is not complete yet, so that a line in many pieces costs linear time.
local function next_line(self, held)
  local limit = self.limits.max_event
  while true do
    local stop = held.text:find("\n", held.at, true)
    held.pieces[#held.pieces + 1] = held.text:sub(held.at, (stop or 0) - 1)
    held.size = held.size + #held.pieces[#held.pieces]
    if held.size > limit then return nil, too_big(self, "a line", limit) end
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

--- The lines, without their ends (LF or CRLF).
function body:lines(owner)
  local held = { text = "", at = 1, pieces = {}, size = 0 }
  return loop(self, owner, function() return (next_line(self, held)) end)
end

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
      parser:reset() -- it keeps no half of an event
      return nil
    end
    local ok, message, code = parser:feed(piece)
    if not ok and code ~= "ESTOPPED" then
      if code == "ETOOBIG" then too_big(self, "an event", self.limits.max_event)
      else self:close(failure.new(message, code)) end
    end
  end
end

-- The same, up to the event that says that all was said. Without it the body is not whole.
local function next_until(self, parser, events, terminator)
  local ev = next_event(self, parser, events)
  if ev and ev.data ~= terminator then return ev end
  if ev then
    self:close()
  elseif not self.closed and not self.failure then
    self.failure = failure.new(("the stream ended without '%s'"):format(terminator), "EUNFINISHED")
  end
end

--- The events of a text/event-stream body.
-- @param owner
-- @tparam table o lastEventId (the one that is known already), until_data
function body:events(owner, o)
  local events, terminator = { first = 1, last = 0 }, o.until_data
  self.parser = new_parser(self, events, o.lastEventId)
  return loop(self, owner, function()
    if terminator then return (next_until(self, self.parser, events, terminator)) end
    return next_event(self, self.parser, events)
  end)
end

return body
