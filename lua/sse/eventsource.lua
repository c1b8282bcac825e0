--- The web's EventSource (WHATWG HTML 9.2), with options beyond it.
-- @module sse.eventsource
require "sse.shared.lua_version"

local abort = require "sse.abort"
local client = require "sse.client.options"
local eventtarget = require "sse.shared.event_target"
local headers = require "sse.shared.headers"
local options = require "sse.shared.options"
local queue = require "sse.client.queue"
local reader = require "sse.client.reader"
local source = require "sse.client.source"

local class = {
  name = "EventSource", methods = {}, getters = {},
  handlers = {
    onopen = "open", onmessage = "message", onerror = "error",
    oncomment = "comment", onreconnect = "reconnect",
  },
  setters = {}, metamethods = {},
}
local methods, getters, setters = class.methods, class.getters, class.setters

local function is_reconnect(value)
  return value == "spec" or value == "resilient" or type(value) == "function"
end

local spec = client.with(client.repeated, {
  retryInterval = options.ms(),
  minRetryInterval = options.ms(),
  maxRetryInterval = options.ms(),
  maxRetries = options.integer(0),
  reconnect = { expected = '"spec", "resilient" or a function', check = is_reconnect },
  heartbeatTimeout = options.ms(1),
  oncomment = "function",
  onreconnect = "function",
})

local function check(o)
  if type(o.headers) == "table" then
    local _, problem = headers.list(o.headers)
    if problem then error("sse.EventSource: " .. problem, 3) end
  end
  if (o.minRetryInterval or 0) > (o.maxRetryInterval or math.huge) then
    error("sse.EventSource: option 'minRetryInterval' is larger than 'maxRetryInterval'", 3)
  end
end

-- The object of a machine that is about to begin.
local function begin(machine)
  local object, signal = eventtarget.new(class, machine), machine.options.signal
  if signal and signal.aborted then
    machine:close()
    return object
  elseif signal then
    machine.forget_signal = abort.on_abort(signal, function() machine:close() end)
  end
  machine:attach(object)
  return object
end

--- Connects to a stream of events. Raises on an invalid URL or option; whatever the network does
-- comes as events.
-- @function EventSource
-- @tparam string url
-- @tparam[opt] table options withCredentials, headers (a table), body (a string, or a table to be
-- sent as JSON), method, lastEventId, retryInterval, minRetryInterval, maxRetryInterval,
-- maxRetries, reconnect, heartbeatTimeout, connectTimeout, maxEventSize, maxHeadSize,
-- maxHeadFields, utf8, signal, proxy, noProxy (hosts by commas that need no proxy), tls, http2,
-- unixSocket, cookies, oncomment, onreconnect, log (as `sse.log`'s).
-- `headers` and `body` may be functions: each is called before
-- each attempt, in a task, so that it may wait or fetch (a token refresh), with the failure that
-- led to the attempt, nil at first.
-- @usage
-- local source = sse.EventSource("https://example.com/prices")
-- source.onmessage = function(ev) print(ev.data) end
-- sse.run()
local function new(url, given)
  local o = options.check("sse.EventSource", given, spec)
  local parsed = client.url("sse.EventSource", url, 2)
  check(o)
  local method, body, kind = client.content("sse.EventSource", o, 2)
  local machine = source.new {
    url = parsed, method = method, body = body, kind = kind, options = client.own(o),
  }
  return begin(machine)
end

local reader_spec = {
  lastEventId = options.event_id, log = "function", oncomment = "function",
  maxEventSize = client.options.maxEventSize, utf8 = client.options.utf8,
  signal = client.options.signal,
}

--- The events of any source of bytes: a file, a pipe, another HTTP library's body. No network.
--
-- `read` is called in a task, one call a turn of the loop and only while its bytes are wanted, for
-- the first time when the turn at hand has ended, so that listeners can be attached first. It may
-- wait (`sse.sleep`, `sse.fetch`); a call that blocks blocks the loop. It gives bytes; nil at the
-- end; or nil, message, code.
--
-- The source opens, gives its events to listeners and loops as any does, and is CLOSED at the end.
-- Then there is one error event: with code ECLOSED and `source.failure` nil after a whole reading,
-- else with what `read` said (ESYS where it gave no code). It is never begun again.
-- @function EventSource.fromReader
-- @tparam function read
-- @tparam[opt] table options lastEventId, maxEventSize, utf8, signal, oncomment, log
-- @usage
-- local file = assert(io.open("events.txt", "rb"))
-- local source = sse.EventSource.fromReader(function() return file:read(4096) end)
-- for ev in source:events() do print(ev.data) end
local function from_reader(read, given)
  if type(read) ~= "function" then
    error(("EventSource.fromReader: expected a function, got %s"):format(type(read)), 2)
  end
  local o = options.check("EventSource.fromReader", given, reader_spec)
  return begin(reader.new(read, o))
end

function getters.url(self) return self.url.href end

function getters.readyState(self) return self.state end

function getters.withCredentials(self) return self.options.withCredentials or false end

--- Why the source failed for good, or nil: a failure, the same that its error event carries.
function getters.failure(self) return self.failure end

function getters.CONNECTING() return source.CONNECTING end

function getters.OPEN() return source.OPEN end

function getters.CLOSED() return source.CLOSED end

function getters.oncomment(self) return self.oncomment end

function getters.onreconnect(self) return self.onreconnect end

function setters.oncomment(self, fn)
  self:hear_comments(fn)
  self:on_listeners()
end

function setters.onreconnect(self, fn)
  self.onreconnect = fn
  self:on_listeners()
end

--- Closes the source: nothing more is heard of it, and it does not connect again. Harmless when
-- closed.
function methods:close()
  eventtarget.check(self, class, "source:close"):close()
end

--- Drops the connection and connects again at once, with the last event id.
-- @return true; or nil, message, code where the source is closed
function methods:reconnect()
  local machine = eventtarget.check(self, class, "source:reconnect")
  if machine.state == source.CLOSED then return nil, "the source is closed", "ECLOSED" end
  if machine.single then return nil, "a reader cannot be begun again", "ESTATE" end
  machine:reconnect()
  return true
end

--- What happened so far.
-- @treturn table bytes, events, reconnects, last_activity (on sse.now's clock), protocol
-- ("HTTP/1.1", "HTTP/2") and tls (version, cipher) of the last connection that opened
function methods:stats()
  local machine = eventtarget.check(self, class, "source:stats")
  local exchange = machine.exchange
  return {
    bytes = machine.received + (exchange and exchange:bytes() or 0),
    events = machine.parser.events,
    reconnects = machine.reconnects,
    protocol = machine.protocol,
    tls = machine.tls,
    last_activity = exchange and exchange:active() or machine.last_activity,
  }
end

local function new_queue(machine)
  local function pause()
    if machine.exchange then machine.exchange:pause() end
  end
  local function resume()
    for _, other in ipairs(machine.queues) do
      if other:held() then return end
    end
    if machine.exchange then machine.exchange:resume() end
  end
  return queue.new(pause, resume, "EventSource:events"), resume
end

-- Leaving the loop takes the queue away; the source is closed where nobody else hears it.
local function leave(machine, items, resume)
  local others = {}
  for _, other in ipairs(machine.queues) do
    if other ~= items then others[#others + 1] = other end
  end
  machine.queues = others
  items:clear()
  items:finish()
  if #others == 0 and not machine:heard() then return machine:close() end
  resume()
end

--- The events as a loop: `for ev in source:events() do`. Waits in a task, pumps the loop outside of
-- one; a slow loop body slows the sender down. It ends when the source is closed; `source.failure`
-- then says whether it failed. Leaving it early closes the source, unless listeners or other loops
-- still hear it.
function methods:events()
  local object, machine = self, eventtarget.check(self, class, "source:events")
  local items, resume = new_queue(machine)
  if machine.state == source.CLOSED then items:finish() end
  machine.queues = { items, table.unpack(machine.queues) }
  local left = false
  local function close()
    if left then return end
    left = true
    leave(machine, items, resume)
  end
  local function take() -- holds the source, too
    return object and items:take()
  end
  return take, nil, nil, setmetatable({}, { __close = close })
end

-- A collected source leaves no socket (9.2.9). Closing tells nobody.
function class.metamethods.__gc(object)
  eventtarget.state(object):close()
end

function class.metamethods.__close(object)
  object:close()
end

function class.metamethods.__tostring(object)
  return ("EventSource: %s"):format(eventtarget.state(object).url.request) -- no password
end

eventtarget.class(class)

return setmetatable({ CONNECTING = 0, OPEN = 1, CLOSED = 2, fromReader = from_reader }, {
  __call = function(_, url, given) return new(url, given) end,
})
