--- The state machine behind an EventSource object (WHATWG HTML 9.2.3). A source makes attempts, one
-- after the other and each an exchange of sse.client.request, until it is closed. It refers to its
-- public object weakly, so that an object which nobody listens to can be collected.
-- @module sse.client.source
local core = require "sse.core"
local event = require "sse.event"
local event_delivery = require "sse.client.event_delivery"
local event_target = require "sse.shared.event_target"
local failure = require "sse.client.failure"
local log = require "sse.log"
local response_check = require "sse.client.response_check"
local retry = require "sse.client.retry"
local source_request = require "sse.client.source_request"
local starts = require "sse.client.starts"

-- Fields that most sources never change have their values here: there may be thousands of sources.
local source = {
  CONNECTING = 0, OPEN = 1, CLOSED = 2,
  reconnects = 0,
  events_before = 0, -- events that the connections before the present one delivered
  earlier_bytes = 0, -- bytes of body that the exchanges before the present one received
}
source.__index = source

local CONNECTING <const>, OPEN <const>, CLOSED <const> = 0, 1, 2

-- Public object -> true. Keeps objects alive that are connecting or open and have listeners.
local kept_alive = {} -- luacheck: ignore 241

local WEAK, NO_QUEUES = { __mode = "v" }, {}
local NO_URL = { href = "", request = "", origin = "" } -- before a function has returned one

--- Makes a source; `attach` then starts it.
-- @tparam table o `url` (of core.url), or `get_url`, the program's function that returns the URL of
-- an attempt; `method`; `body`; `content_type`, the body's; `options`, the user's, which are
-- checked already
function source.new(o)
  local self = setmetatable({
    url = o.url or NO_URL, get_url = o.get_url,
    method = o.method, body = o.body, content_type = o.content_type, options = o.options,
    state = CONNECTING, weak = setmetatable({}, WEAK), queues = NO_QUEUES,
    lastActivity = core.now(),
  }, source)
  self.parser = event_delivery.new_parser(self)
  return self
end

--- Gives the source its public object, and connects.
function source:attach(object)
  self.weak.object = object
  self:on_listeners_changed()
  self:connect()
end

--- Keeps the public object alive while it is not closed and has listeners of any type. The standard
-- (HTML 9.2.9) names only the types open, message and error.
function source:on_listeners_changed()
  local object = self.weak.object
  if object then kept_alive[object] = self.state ~= CLOSED and self:has_listeners() or nil end
end

--- Whether there is a listener, a handler or a callback. Loops over the events do not count.
function source:has_listeners()
  return event_target.has_listeners(self) or self.oncomment ~= nil or self.onreconnect ~= nil
end

--- Sets the callback for comments. Without one the parser skips comments.
function source:set_oncomment(fn)
  self.oncomment = fn
  event_delivery.report_comments(self.parser, fn ~= nil)
end

function source:dispatch(ev)
  local object = self.weak.object
  if object then event_target.dispatch(object, ev) end
end

--- What decides about further attempts. It is made at its first use, since most sources never fail.
-- @treturn table of sse.client.retry
function source:get_retry()
  self.retry = self.retry or retry.new(self.options, { name = "sse.EventSource", mode = "spec" })
  return self.retry
end

--- The number of the attempt under way in the row of failed ones: 1 is the first.
function source:attempt_number()
  return (self.retry and self.retry.backoff.failures or 0) + 1
end

--- Calls the log hook, which may close the source.
-- @treturn boolean whether there is a hook
function source:log(level, text, details)
  details = details or {}
  details.url, details.attempt = self.url.request, self:attempt_number()
  return log.write(self.options.log, level, text, details)
end

-- --- connecting ---------------------------------------------------------------------------------

local last_attempt_id = 0 -- of all sources

-- Makes a new attempt the present one. Returns its id, or nil where the log hook has ended it.
local function begin_attempt(self, why)
  last_attempt_id = last_attempt_id + 1
  local attempt_id = last_attempt_id
  self.attempt_id, self.state = attempt_id, CONNECTING
  self:log("debug", why and "connecting again" or "connecting")
  return self.attempt_id == attempt_id and attempt_id or nil
end

--- Begins an attempt.
function source:connect()
  local attempt_id = begin_attempt(self)
  if attempt_id then starts.run(source_request.run, self, attempt_id) end
end

-- Makes the attempt that follows a failed one, unless that is no longer the last one.
local function connect_again(self, failed_id, why)
  if self.attempt_id ~= failed_id then return end
  self.reconnects = self.reconnects + 1
  self.retry_timer = nil
  local attempt_id = begin_attempt(self, why)
  if attempt_id then source_request.run(self, attempt_id, why) end
end

--- Ends the attempt under way, if there is one, with its exchange and its timers.
function source:drop_attempt()
  self.attempt_id = nil
  if self.exchange then
    self.earlier_bytes = self.earlier_bytes + self.exchange:bytes()
    self.lastActivity = self.exchange:active()
    self.exchange:cancel()
    self.exchange = nil
  end
  self.parser:reset() -- drops an unfinished event and keeps the last event id
  for _, name in ipairs { "heartbeat", "body_timer", "retry_timer" } do
    if self[name] then self[name]:stop() end
    self[name] = nil
  end
  self.rejection, self.opened_at = nil, nil
end

-- --- the response -------------------------------------------------------------------------------

--- The exchange's callback for the head of its response.
function source:on_head(head)
  local object = self.weak.object -- while it is referred to, it is not collected and closed
  if not object then return end
  self.head, self.response = head, nil
  self.rejection = response_check.failure_of(head, head.status == 200, self.options.contentTypes)
  if self.rejection then
    -- The connection is not lost, whatever its silence.
    if self.heartbeat then self.heartbeat:stop() end
    self.body_timer = core.timer(response_check.body_time, function() self:reject() end)
    return
  end
  self.protocol, self.tls = head.protocol, head.tls
  self:open(head.url.origin, head.status, head.headers)
end

--- Opens the source: what the exchange receives from now on goes into the parser.
-- @tparam string origin the events'
-- @tparam[opt] int status the response's, where there is one; the `open` event has it
-- @tparam[opt] table fields the response's headers; the `open` event has them
function source:open(origin, status, fields)
  self.parser:reset()
  self.exchange:feed(self.parser)
  self.origin, self.opened_at, self.state = origin, core.now(), OPEN
  if self.parser.events > 0 then self.events_before = self.parser.events end
  self:log("info", "open", { status = status })
  if self.state ~= OPEN then return end
  self:dispatch(event.Event("open", { status = status, headers = fields }))
end

--- The exchange's callback for bytes of body: those of a rejected response. The bytes of an event
-- stream go into the parser.
function source:on_data(bytes)
  if response_check.collect_body(self.rejection, bytes) then self:reject() end
end

--- Ends the connection with the failure of the rejected response, which gets the body so far.
function source:reject() self:end_connection(response_check.finish_body(self.rejection), true) end

--- The exchange's callback for its end; `why` is nil if the server ended the response.
function source:on_done(why)
  if self.rejection then return self:reject() end
  -- The parser's failure, known by the text of SSE_ETOOBIG (csrc/wire/error.h). Other failures of
  -- that code have texts of their own.
  if why and why.code == "ETOOBIG" and why.message:find "^larger than the limit" then
    local limit = self.options.maxEventSize or 16777216 -- the parser's default
    local message = ("an event is larger than maxEventSize (%d bytes)"):format(limit)
    why = failure.new(message, "ETOOBIG", why)
  end
  why = why or failure.new("the server ended the stream", "ECLOSED")
  self:describe_end(why)
  self:end_connection(why, retry.is_permanent(why))
end

-- --- the end of a connection --------------------------------------------------------------------

--- Adds to the failure by which an open connection ended what came in place of events.
function source:describe_end(why)
  local head = self.opened_at and self.head
  local count, text = core.ignored_blocks(self.parser)
  response_check.note_ignored(why, count, text)
  if not head or self.parser.events > self.events_before then return end
  if count > 0 or response_check.failure_of(head, true) then
    why.status, why.headers, why.body = head.status, head.headers, text
  end
end

-- Asks sse.client.retry what follows. An error of the program's `reconnect` is reported, and is an
-- end for good.
local function decide(self, why, is_permanent, delivered, lived)
  local delay
  event_target.call(function()
    delay = self:get_retry():decide(why, is_permanent, delivered, lived)
  end)
  return delay
end

--- Ends the connection, or the attempt to make one, by a failure: connects again after a delay, or
-- fails for good, as sse.client.retry decides. Callbacks called here may close the source or
-- reconnect it, and then nothing more happens.
-- @tparam table why the failure
-- @tparam[opt] boolean is_permanent whether another attempt is expected to fail in the same way
function source:end_connection(why, is_permanent)
  local lived = self.opened_at and core.now() - self.opened_at
  local delivered = lived and self.parser.events > self.events_before
  local attempt_id = self.attempt_id
  self:drop_attempt()
  self.attempt_id = attempt_id
  local delay = decide(self, why, is_permanent, delivered, lived)
  if self.attempt_id ~= attempt_id or self.state == CLOSED then return end
  if not delay then return self:fail(why) end
  self.state = CONNECTING
  self:log("warn", why.message, { failure = why, delay = delay, status = why.status })
  if self.attempt_id ~= attempt_id or self.state == CLOSED then return end
  self:dispatch(event.failed(why))
  if self.attempt_id == attempt_id and self.state == CONNECTING then
    self:connect_after(delay, why)
  end
end

--- Begins the next attempt after `delay` milliseconds.
function source:connect_after(delay, why)
  local failed_id = self.attempt_id
  self.retry_timer = core.timer(delay, function()
    starts.run(connect_again, self, failed_id, why)
  end)
  if self.onreconnect then event_target.call(self.onreconnect, delay, why) end
end

local function set_closed(self)
  self.state = CLOSED
  self:drop_attempt()
  if self.remove_abort_listener then self.remove_abort_listener() end
  self:on_listeners_changed()
end

--- Fails for good: closes the source, then dispatches the error event. Loops over the events get
-- what they have not taken yet, then end.
-- @tparam table why the failure
-- @tparam[opt] boolean clean whether this is the regular end of a reader, which leaves
-- `source.failure` nil
function source:fail(why, clean)
  local object = self.weak.object -- a closed source keeps its object alive no longer
  set_closed(self)
  self.failure = not clean and why or nil
  why.attempt, why.willRetry = why.attempt or self:attempt_number(), false
  self:log(clean and "info" or "error", why.message, { failure = why, status = why.status })
  if object then event_target.dispatch(object, event.failed(why)) end
  for _, queue in ipairs(self.queues) do queue:finish() end
end

--- Closes the source without an event. Loops over the events end at once. Harmless when closed.
function source:close()
  if self.state == CLOSED then return end
  set_closed(self)
  self:log("info", "closed")
  for _, queue in ipairs(self.queues) do
    queue:clear()
    queue:finish()
  end
end

--- Drops the connection and connects again at once.
function source:reconnect()
  self:drop_attempt()
  self.reconnects = self.reconnects + 1
  self:connect()
  if self.attempt_id and self.onreconnect then event_target.call(self.onreconnect, 0, nil) end
end

return source
