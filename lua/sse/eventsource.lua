--- The public side of EventSource (WHATWG HTML 9.2), with options that the standard doesn't have:
-- constructors, methods, properties and loops over the events. What happens on the network is in
-- sse.client.source, whose object is the `source` below; `object` is the public one.
-- @module sse.eventsource
require "sse.shared.lua_version"

local abort = require "sse.abort"
local client_options = require "sse.client.options"
local event_target = require "sse.shared.event_target"
local headers = require "sse.shared.headers"
local hints = require "sse.shared.hints"
local message = require "sse.client.message"
local options = require "sse.shared.options"
local pages = require "sse.shared.pages"
local reader = require "sse.client.reader"
local Source = require "sse.client.source"
local source_queue = require "sse.client.source_queue"

local class = {
  name = "EventSource", methods = {}, getters = {},
  handlers = {
    onopen = "open", onmessage = "message", onerror = "error",
    oncomment = "comment", onreconnect = "reconnect",
  },
  setters = {}, metamethods = {},
}
local methods, getters, setters = class.methods, class.getters, class.setters

local spec = options.spec("sse.EventSource", client_options.with(client_options.repeated, {
  onopen = "function", onmessage = "function", onerror = "function",
  oncomment = "function", onreconnect = "function",
}))

-- Checks what the rules of single options can't; raises at the line of new's caller.
local function check(o)
  if type(o.headers) == "table" then
    local _, problem = headers.list(o.headers)
    if problem then error("sse.EventSource: " .. problem, 3) end
  end
  client_options.check_retrying("sse.EventSource", o, 3)
end

-- Makes the callbacks among the options the object's handlers, and drops them from the options: a
-- handler that is replaced must not be kept, with all that it refers to, until the source ends.
local function set_handlers(object, o)
  for name in pairs(class.handlers) do
    local fn = o[name]
    o[name] = nil
    if fn ~= nil then object[name] = fn end
  end
end

-- Makes the public object of a source and starts the source.
local function start(source)
  local object, signal = event_target.new(class, source), source.options.signal
  set_handlers(object, source.options)
  if signal and signal.aborted then
    source:close()
    return object
  elseif signal then
    source.remove_abort_listener = abort.on_abort(signal, function() source:close() end)
  end
  source:attach(object)
  return object
end

--- Connects to an event stream (HTML 9.2.2). Raises on an invalid URL or option. Failures of the
-- network are reported by `error` events.
-- @function EventSource
-- @tparam string|function url a function is called before each attempt, as those for `headers` and
-- `body` are, and returns the attempt's URL
-- @tparam[opt] table options docs/reference/eventsource.md describes them
-- @return the EventSource
-- @usage
-- local source = sse.EventSource("https://example.com/prices")
-- source.onmessage = function(ev) print(ev.data) end
-- source.onerror = function(ev) print(ev.message or ev.data) end
-- sse.run()
local function new(url, given, ...)
  options.check_dot("sse.EventSource", url)
  options.check_count("sse.EventSource(url, options)", ...)
  local o = options.check("sse.EventSource", given, spec)
  local get_url = type(url) == "function" and url or nil
  local parsed
  if not get_url then
    parsed = message.url("sse.EventSource", url, o, 2, "a string or a function")
  end
  check(o)
  local method, body, content_type = message.content("sse.EventSource", o, 2)
  return start(Source.new {
    url = parsed, get_url = get_url, method = method, body = body, content_type = content_type,
    options = client_options.copy(o),
  })
end

local reader_spec = options.spec("EventSource.fromReader", {
  lastEventId = options.event_id, log = "function",
  onopen = "function", onmessage = "function", onerror = "function", oncomment = "function",
  maxEventSize = client_options.common.maxEventSize, utf8 = client_options.common.utf8,
  signal = client_options.common.signal,
})

--- Makes an EventSource whose bytes come from a function and not from the network: those of a file,
-- a pipe, another HTTP library's body.
--
-- `read` is called in a task, once a turn of the loop, and only while a listener or a loop over the
-- events can take more. The first call is made after the present turn of the loop, so that
-- listeners can be added before it. `read` may wait (`sse.sleep`, `sse.fetch`); while it blocks,
-- the loop is blocked. It returns bytes; nil at the end; or nil, message, code.
--
-- The source opens, delivers events as any does, and is CLOSED at the end, with one error event.
-- Its code is ECLOSED after a regular end, and `source.failure` is nil then; else it is the code
-- that `read` returned, or ESYS if there was none. The source does not reconnect.
-- @function EventSource.fromReader
-- @tparam function read
-- @tparam[opt] table options `lastEventId`, `maxEventSize` (bytes), `utf8`, `signal`, `log`; the
-- handlers `onopen`, `onmessage`, `onerror`, `oncomment`
-- @return the EventSource
-- @usage
-- local file = assert(io.open("events.txt", "rb"))
-- local source = sse.EventSource.fromReader(function() return file:read(4096) end)
-- for ev in source:events() do print(ev.data) end
-- if source.failure then print(source.failure) end
local function from_reader(read, given, ...)
  options.check_count("EventSource.fromReader(read, options)", ...)
  if type(read) ~= "function" then
    error(("EventSource.fromReader: expected a function, got %s"):format(type(read)), 2)
  end
  local o = options.check("EventSource.fromReader", given, reader_spec)
  return start(reader.new(read, client_options.copy(o)))
end

-- The getters and setters get the source, the state of the public object.

--- `url`: the URL of the stream, as the URL parser gives it back. Where it comes from a function,
-- that of the last attempt, "" before the first.
function getters.url(source) return source.url.href end

--- `readyState`: CONNECTING (0), OPEN (1) or CLOSED (2).
function getters.readyState(source) return source.state end

function getters.withCredentials(source) return source.options.withCredentials or false end

--- `failure`: why the source failed for good, or nil. The same failure that its error event
-- carries.
function getters.failure(source) return source.failure end

--- `response`: the head of the last response, also of one that was refused; nil before the first. A
-- table with `status`, `headers`, `url`, `redirected`, `protocol` and `tls`.
function getters.response(source)
  local head = source.head
  source.response = source.response or head and {
    status = head.status, headers = head.headers, url = head.url.href,
    redirected = head.redirected, protocol = head.protocol, tls = head.tls,
  }
  return source.response
end

function getters.CONNECTING() return Source.CONNECTING end

function getters.OPEN() return Source.OPEN end

function getters.CLOSED() return Source.CLOSED end

function getters.oncomment(source) return source.oncomment end

function getters.onreconnect(source) return source.onreconnect end

function setters.oncomment(source, fn)
  source:set_oncomment(fn)
  source:on_listeners_changed()
end

function setters.onreconnect(source, fn)
  source.onreconnect = fn
  source:on_listeners_changed()
end

--- Closes the source: no listener is called any more, and it does not reconnect. Harmless when
-- closed.
function methods:close(...)
  event_target.check(self, class, "source:close()", ...):close()
end

--- Drops the connection and connects again at once, with the last event id.
-- @return true; or nil, message, code: "ECLOSED" if the source is closed, "ESTATE" if it reads from
-- a function
function methods:reconnect(...)
  local source = event_target.check(self, class, "source:reconnect()", ...)
  if source.state == Source.CLOSED then return nil, "the source is closed", "ECLOSED" end
  if source.is_reader then return nil, "a reader cannot be begun again", "ESTATE" end
  source:reconnect()
  return true
end

--- Numbers since the source was made.
-- @treturn table `bytes` of body received, `events`, `reconnects`; `lastActivity`, when it last
-- received something, in milliseconds on `sse.now`'s clock; of the last connection that opened
-- `protocol` ("HTTP/1.1", "HTTP/2") and `tls` (a table with `version` and `cipher`)
function methods:stats(...)
  local source = event_target.check(self, class, "source:stats()", ...)
  local exchange = source.exchange
  return {
    bytes = source.earlier_bytes + (exchange and exchange:bytes() or 0),
    events = source.parser.events,
    reconnects = source.reconnects,
    protocol = source.protocol,
    tls = source.tls,
    lastActivity = exchange and exchange:active() or source.lastActivity,
  }
end

-- The set of the types that a loop asks for; nil for all. Raises at the line of the caller's
-- caller.
local function types_of(...)
  local types = select("#", ...) > 0 and {} or nil
  for i = 1, select("#", ...) do
    local type_ = select(i, ...)
    if type(type_) ~= "string" then
      error(("source:events: a type must be a string, got %s"):format(options.show(type_)), 3)
    end
    types[type_] = true
  end
  return types and not types["*"] and types or nil
end

--- Iterates over the events of the given types, without arguments over those of all types: `for ev
-- in source:events("price", "trade") do`. Waits for the next event:
-- in a task by yielding, outside of one by pumping the loop. While the body of the loop runs and an
-- event is held for it, nothing is received. The loop ends when the source is closed;
-- `source.failure` then says whether it failed. Leaving the loop early closes the source, unless
-- other loops or listeners hear its events. `onopen`, `onerror`, `oncomment` and `onreconnect` hear
-- none.
-- @tparam string ... types of events; `"*"` stands for all
function methods:events(...)
  local object, source = self, event_target.check(self, class, "source:events(type, ...)")
  local types = types_of(...)
  local items = source_queue.add(source, types)
  local removed = false
  local function close()
    if removed then return end
    removed = true
    source_queue.remove(source, items)
  end
  local function take()
    return object and items:take() -- refers to the object, so that the loop keeps it alive
  end
  return take, nil, nil, setmetatable({}, { __close = close })
end

-- The collector closes the source, without an event (HTML 9.2.9).
function class.metamethods.__gc(object)
  event_target.state(object):close()
end

function class.metamethods.__close(object)
  object:close()
end

-- `for ev in source do` calls the source.
function class.metamethods.__call()
  error("an EventSource is no iterator: write 'for ev in source:events() do'"
    .. pages.at "names", 2)
end

function class.metamethods.__tostring(object)
  -- `request` is the URL without user and password.
  return ("EventSource: %s"):format(event_target.state(object).url.request)
end

event_target.class(class)

local EventSource = setmetatable(
  { CONNECTING = 0, OPEN = 1, CLOSED = 2, fromReader = from_reader },
  { __call = function(_, url, given, ...) return new(url, given, ...) end }
)
hints.close_fields(EventSource, "sse.EventSource class", "sse.EventSource")
return options.close_writes(EventSource, "sse.EventSource class", "sse.EventSource")
