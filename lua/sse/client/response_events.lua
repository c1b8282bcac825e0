--- The events of fetch's response: parses the body as it is read, and says how the stream ended.
-- @module sse.client.response_events
local core = require "sse.core"
local event = require "sse.event"
local failure = require "sse.client.failure"
local response_check = require "sse.client.response_check"

-- A reading of the events of one body. `events` are those that were parsed and not taken, its items
-- from `first` to `last`; `collected` is the beginning of the body, until the first event comes.
local reading = {}
reading.__index = reading

local byte, new_message = string.byte, event.message -- local, since each event needs them

-- Whether data are `text`, whatever white space is around them. Takes linear time.
local function is_trimmed(data, text)
  local at = data:find("%S") or #data + 1
  return data:sub(at, at + #text - 1) == text and not data:find("%S", at + #text)
end

-- A function that says whether an event is the one at which the loop ends, by its data or its type;
-- nil if neither is asked for. The data's first byte tells nearly all others.
local function new_is_end(text, type_)
  if not text then return type_ and function(ev) return ev.type == type_ end end
  local first = byte(text)
  return function(ev)
    local begin = byte(ev.data)
    return (begin == first or begin and begin <= 32) and is_trimmed(ev.data, text)
      or type_ and ev.type == type_
  end
end

local function new_parser(self, last_id)
  local limits, events = self.body.limits, self.events
  return core.parser {
    on_event = function(data, type_, id)
      local last = events.last + 1
      events.last, events[last] = last, new_message(type_, data, id, limits.origin)
      self.collected = nil
    end,
    on_retry = function(ms) self.body.retry = ms end,
    max_event_size = limits.max_event, utf8 = limits.utf8, last_event_id = last_id,
    keep_ignored = true,
  }
end

--- Makes a reading.
-- @tparam table body of sse.client.response_body
-- @tparam table o `lastEventId`, `untilData`, `untilType` and `until`, as of `res:events`
function reading.new(body, o)
  local text = o.untilData and o.untilData:match("^%s*(.-)%s*$")
  -- A function that is not there is false: nil would be looked up in the metatable for each event.
  local self = setmetatable({
    body = body, events = { first = 1, last = 0 }, collected = {},
    until_data = text, until_type = o.untilType,
    is_end = new_is_end(text, o.untilType) or false, is_last = o["until"] or false,
  }, reading)
  self.parser = new_parser(self, o.lastEventId)
  return self
end

local function take(self)
  local events = self.events
  local first = events.first
  local ev = events[first]
  if ev then events[first], events.first = nil, first + 1
  else events.first, events.last = 1, 0 end
  return ev
end

local function feed(self, piece)
  if self.collected then response_check.collect_body(self.collected, piece) end
  local ok, message, code = self.parser:feed(piece)
  if ok or code == "ESTOPPED" then return end
  if code == "ETOOBIG" then self.body:close_too_big("an event", self.body.limits.max_event)
  else self.body:fail(failure.new(message, code)) end
end

-- --- the end of the body ------------------------------------------------------------------------

-- What the loop waited for, as a message says it; nil if the end of the body is the end.
local function awaited(self)
  if self.until_data then return ("'%s'"):format(self.until_data) end
  if self.until_type then return ("an event of type '%s'"):format(self.until_type) end
  return self.is_last and "the event that 'until' accepts" or nil
end

-- Takes the end of a body that is complete as the end of its last event. Where this event is the
-- one that the loop waits for, its last line need not be complete. Returns the failure of a body
-- that ends within another event.
local function finish_parser(self)
  local parser, head, collected = self.parser, self.body.limits.head, self.collected
  local ok, message, code = core.finish_parser(parser)
  self.ignored_count, self.ignored_text = core.ignored_blocks(parser)
  if ok then return nil end
  if code ~= "EUNFINISHED" then return failure.new(message, code) end
  if self.is_end then -- else the event, which may be large, need not be made
    local last_id = parser.last_event_id
    parser:feed("\n\n")
    local ev = take(self)
    if ev and self.is_end(ev) then
      self.ended = true
      return nil
    end
    parser.last_event_id, self.collected = last_id, collected
  end
  return failure.new("the stream ended within an event", code,
    { status = head.status, headers = head.headers })
end

-- The failure of a stream that has ended, `why` or one that is found here; nil if there is none.
local function find_failure(self, why)
  local count, text = self.ignored_count, self.ignored_text
  if not count then count, text = core.ignored_blocks(self.parser) end
  local head, types = self.body.limits.head, self.body.limits.content_types
  local ok = head.status >= 200 and head.status <= 299
  local refused = self.collected and response_check.failure_of(head, ok, types)
  if not why and awaited(self) and not self.ended then
    why = failure.new("the stream ended without " .. awaited(self), "EUNFINISHED")
  elseif not why and count > 0 then
    why = failure.new("the stream ended with something else than an event", "EUNFINISHED")
  end
  if refused and (not why or why.code == "EUNFINISHED") then
    why, count = refused, 0
  end
  if not why then return nil end
  if refused or self.collected and count > 0 then -- what came instead of events
    local collected = self.collected
    why.status, why.headers = head.status, head.headers
    why.pieces, why.size = collected.pieces, collected.size
    response_check.finish_body(why)
  end
  return response_check.note_ignored(why, count, text)
end

-- The body has no more bytes. Returns the event that its end completes; nil if there is none.
local function finish(self)
  local body = self.body
  if self.finished or body.closed then return nil end
  if not self.at_end then
    self.at_end = true
    local cut = not body.failure and finish_parser(self) or nil
    body.failure = body.failure or cut
    local ev = take(self)
    if ev then return ev end
  end
  self.finished = true
  body.failure = find_failure(self, body.failure)
  return nil
end

-- --- the loop -----------------------------------------------------------------------------------

-- Waits for the next event.
local function wait_for_event(self)
  while true do
    local piece = self.body:take()
    if not piece then
      local ev = finish(self)
      if not ev then self.parser:reset() end -- frees what it holds of an unfinished event
      return ev
    end
    feed(self, piece)
    local ev = take(self)
    if ev then return ev end
  end
end

--- Takes the next event. Waits for it.
-- @treturn MessageEvent|nil nil at the end
function reading:next()
  local events = self.events
  local first = events.first
  local ev = events[first]
  if ev then events[first], events.first = nil, first + 1 -- as `take`: each event needs this
  elseif not self.ended then ev = wait_for_event(self) end
  if not ev then return nil end
  local is_end, is_last = self.is_end, self.is_last
  if not (is_end and is_end(ev)) and not (is_last and is_last(ev)) then return ev end
  self.ended, self.events = true, {}
  self.body:drop_rest()
  return nil
end

return reading
