--- EventSource's state machine (WHATWG HTML 9.2.3): attempts one after the other, each an exchange,
-- until closed. It knows its public object weakly, so that an object nobody hears can be collected.
-- @module sse.client.source
local core = require "sse.core"
local client = require "sse.client.options"
local event = require "sse.event"
local eventtarget = require "sse.shared.event_target"
local failure = require "sse.client.failure"
local headers = require "sse.shared.headers"
local log = require "sse.log"
local policy = require "sse.client.reconnection"
local refusal = require "sse.client.response_check"
local request = require "sse.client.request"
local task = require "sse.task"

-- What most sources never change is here, once: there may be thousands of them.
local source = {
  CONNECTING = 0, OPEN = 1, CLOSED = 2,
  reconnects = 0, received = 0,
}
source.__index = source

local CONNECTING <const>, OPEN <const>, CLOSED <const> = 0, 1, 2

-- Public object -> true: connecting or open, and heard.
local anchors = {} -- luacheck: ignore 241

local WEAK, NO_QUEUES = { __mode = "v" }, {}

local function put_in(queues, ev)
  for i = 1, #queues do
    if not queues[i].finished then queues[i]:put(ev) end
  end
end

local MessageEvent, deliver, setmetatable = event.MessageEvent, eventtarget.deliver, setmetatable

-- The hot path: what an event costs is what this and deliver cost. The table has all the fields it
-- will ever have, so it never grows.
local function on_event(self, data, type_, id)
  if self.state ~= OPEN then return end
  local object = self.weak.object
  local ev = setmetatable({
    type = type_, data = data, lastEventId = id, origin = self.origin,
    target = object, currentTarget = object,
  }, MessageEvent)
  if object then deliver(self.listeners, object, type_, ev) end
  local queues = self.queues -- replaced, never changed: loops may leave meanwhile
  if queues[1] then put_in(queues, ev) end
end

local function on_retry(self, ms) policy.backoff_of(self):set_base(ms) end

local function on_comment(self, text)
  if self.state == OPEN and self.oncomment then eventtarget.call(self.oncomment, text) end
end

--- Makes the machine; `source.attach` then starts it.
-- @tparam table o url, method, body, kind (the body's content type), options
function source.new(o)
  local self = setmetatable({
    url = o.url, method = o.method, body = o.body, kind = o.kind, options = o.options,
    state = CONNECTING, weak = setmetatable({}, WEAK), queues = NO_QUEUES,
    last_activity = core.now(),
    oncomment = o.options.oncomment, onreconnect = o.options.onreconnect,
  }, source)
  self.parser = core.parser {
    owner = self, on_event = on_event, on_retry = on_retry,
    max_event_size = o.options.maxEventSize, utf8 = o.options.utf8,
  }
  self:hear_comments(o.options.oncomment)
  if o.options.lastEventId then self.parser.last_event_id = o.options.lastEventId end
  return self
end

--- Gives the machine its public object and connects.
function source:attach(object)
  self.weak.object = object
  self:on_listeners()
  self:connect()
end

--- Keeps the public object alive while it may still tell somebody something (HTML 9.2.9, widened to
-- listeners of any type and to the time between connections).
function source:on_listeners()
  local object = self.weak.object
  if object then anchors[object] = self.state ~= CLOSED and self:heard() or nil end
end

--- Whether anybody would be told of anything, loops over the events apart.
function source:heard()
  return eventtarget.heard(self) or self.oncomment ~= nil or self.onreconnect ~= nil
end

--- Sets oncomment. Comments that nobody hears are skipped by the parser.
function source:hear_comments(fn)
  self.oncomment = fn
  self.parser.on_comment = fn and on_comment
end

function source:dispatch(ev)
  local object = self.weak.object
  if object then eventtarget.dispatch(object, ev) end
end

--- Tells the log hook; true where there is one.
function source:log(level, message, details)
  details = details or {}
  details.url, details.attempt = self.url.request, policy.attempt(self)
  return log.write(self.options.log, level, message, details)
end

-- --- connecting ---------------------------------------------------------------------------------

local function build_headers(self, given, kind)
  local list, problem = headers.list(given or {})
  if not list then error("sse.EventSource: " .. problem, 0) end
  headers.default(list, "Accept", "text/event-stream")
  headers.default(list, "Cache-Control", "no-cache")
  local id = client.sent_id(self, self.parser.last_event_id, self.log)
  if id then headers.set(list, "Last-Event-ID", id) end
  return client.complete(list, kind)
end

-- A task: functions for headers and body may wait for a fresh token.
local function attempt(self, turn, why)
  local given, body, kind = self.options.headers, self.body, self.kind
  if type(given) == "function" then given = given(why) end
  if self.turn ~= turn then return end
  if type(body) == "function" then
    body, kind = client.body("sse.EventSource", self.method, (body(why)))
    if self.turn ~= turn then return end
  end
  local list = build_headers(self, given, kind) -- where the log hook may be told of an id
  if self.turn ~= turn then return end
  self.exchange = request.start {
    url = self.url, method = self.method, headers = list, body = body,
    options = self.options, owner = self,
  }
  self:watch()
end

local turns = 0 -- of all sources so far

--- Begins an attempt; `why` is the failure that led to it.
function source:connect(why)
  turns = turns + 1
  local turn = turns
  self.turn, self.state = turn, CONNECTING
  self:log("debug", why and "connecting again" or "connecting")
  if self.turn ~= turn then return end
  task.start(function(err)
    core.defer(function() -- the first attempt begins before its maker can add listeners
      core.report(err)
      if self.turn == turn then self:fail(failure.from(err, "EINVAL")) end
    end)
  end, attempt, self, turn, why)
end

-- Silence past heartbeatTimeout is a lost connection; a pause of our own making is none.
function source:watch()
  local limit = self.options.heartbeatTimeout
  if not limit or not self.exchange then return end
  local function check()
    local silent = self.exchange:silent()
    if silent >= limit then
      return self:lost(failure.new(("silent for %d ms"):format(silent), "ETIMEDOUT"))
    end
    self.heartbeat = core.after(limit - silent, check)
  end
  self.heartbeat = core.after(limit, check)
end

--- Gives up whatever is under way, and leaves no socket and no timer behind.
function source:drop()
  self.turn = nil
  if self.exchange then
    self.received = self.received + self.exchange:bytes()
    self.last_activity = self.exchange:active()
    self.exchange:cancel()
    self.exchange = nil
  end
  self.parser:reset() -- of what broke off nothing is kept but the last id
  for _, name in ipairs { "heartbeat", "gathering", "retry" } do
    if self[name] then self[name]:stop() end
    self[name] = nil
  end
  self.refusal, self.opened = nil, nil
end

-- --- the answer ---------------------------------------------------------------------------------

function source:on_head(response)
  local object = self.weak.object -- held: collected within this function, the source would close
  if not object then return end
  self.refusal = refusal.of(response, response.status == 200)
  if self.refusal then
    if self.heartbeat then self.heartbeat:stop() end -- what was refused is not lost
    self.gathering = core.after(refusal.body_time, function() self:refuse() end)
    return
  end
  self.parser:reset()
  self.exchange:feed(self.parser)
  self.protocol, self.tls = response.protocol, response.tls
  self.origin, self.opened, self.state = response.url.origin, core.now(), OPEN
  self:log("info", "open", { status = response.status })
  if self.state ~= OPEN then return end
  self:dispatch(event.Event("open"))
end

-- Only what was refused comes here; a stream goes into the parser.
function source:on_data(bytes)
  if refusal.keep(self.refusal, bytes) then self:refuse() end
end

-- Fails with what was gathered of the refused answer.
function source:refuse() self:lost(refusal.seal(self.refusal), true) end

function source:on_done(why)
  if self.refusal then return self:refuse() end
  if why and why.code == "ETOOBIG" and why.message == "larger than the limit" then -- the parser's
    local limit = self.options.maxEventSize or 16777216 -- the parser's default
    why.message = ("an event is larger than maxEventSize (%d bytes)"):format(limit)
  end
  why = why or failure.new("the server ended the stream", "ECLOSED")
  self:lost(why, policy.is_final(why))
end

-- --- the end of a connection --------------------------------------------------------------------

--- The connection is gone: connects again after a wait, or fails for good.
function source:lost(why, final)
  local lived = self.opened and core.now() - self.opened
  local machine = self.turn
  self:drop()
  self.turn = machine
  local wait = policy.wait(self, why, final, lived)
  if self.turn ~= machine or self.state == CLOSED then return end
  if not wait then return self:fail(why) end
  self.state = CONNECTING
  self:log("warn", why.message, { failure = why, delay = wait, status = why.status })
  if self.turn ~= machine or self.state == CLOSED then return end
  self:dispatch(event.failed(why))
  if self.turn == machine and self.state == CONNECTING then self:connect_after(wait, why) end
end

function source:connect_after(wait, why)
  self.retry = core.after(wait, function()
    self.reconnects = self.reconnects + 1
    self.retry = nil
    self:connect(why)
  end)
  if self.onreconnect then eventtarget.call(self.onreconnect, wait, why) end
end

local function finish(self)
  self.state = CLOSED
  self:drop()
  if self.forget_signal then self.forget_signal() end
  self:on_listeners()
end

--- Fails for good: closed first, then the error; one that is a clean end leaves no failure behind.
function source:fail(why, clean)
  local object = self.weak.object -- nothing else may hold it once it is closed
  finish(self)
  self.failure = not clean and why or nil
  why.attempt, why.willRetry = why.attempt or policy.attempt(self), false
  self:log(clean and "info" or "error", why.message, { failure = why, status = why.status })
  if object then eventtarget.dispatch(object, event.failed(why)) end
  for _, queue in ipairs(self.queues) do queue:finish() end
end

function source:close()
  if self.state == CLOSED then return end
  finish(self)
  self:log("info", "closed")
  for _, queue in ipairs(self.queues) do
    queue:clear()
    queue:finish()
  end
end

--- Drops the connection and connects again at once.
function source:reconnect()
  self:drop()
  self.reconnects = self.reconnects + 1
  self:connect()
  if self.turn and self.onreconnect then eventtarget.call(self.onreconnect, 0, nil) end
end

return source
