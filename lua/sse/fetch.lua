--- fetch: sends one request, waits for the head of its response, and lets the program read the body
-- at its own pace. Named after the web's fetch (WHATWG Fetch), without promises.
-- @module sse.fetch
require "sse.shared.lua_version"

local abort = require "sse.abort"
local client_options = require "sse.client.options"
local core = require "sse.core"
local failure = require "sse.client.failure"
local fetch_retry = require "sse.client.fetch_retry"
local headers = require "sse.shared.headers"
local hints = require "sse.shared.hints"
local json = require "sse.json"
local message = require "sse.client.message"
local options = require "sse.shared.options"
local request = require "sse.client.request"
local response_body = require "sse.client.response_body"
local task = require "sse.task"

local MAX_BODY, MAX_EVENT = 64 * 1024 * 1024, 16 * 1024 * 1024 -- bytes
local BODY = {} -- the key of a response's body in the response

local spec = options.spec("sse.fetch", client_options.with {
  headers = "table",
  redirect = options.one_of("follow", "error", "manual"),
  maxBodySize = options.integer(0),
})

local events_spec = options.spec("Response:events", {
  lastEventId = options.event_id, untilData = "string",
})

local methods = {}

-- The body of a method's `self`. `level` is as of `error`, seen from the caller; `call` and the
-- further arguments are as of `options.check_call`.
local function body_of(level, self, call, ...)
  local body = type(self) == "table" and rawget(self, BODY)
  options.check_call(level + 2, body, call, ...)
  return body
end

-- The body, for the one method that reads it.
local function start_reading(self, call, ...)
  local body = body_of(3, self, call, ...)
  if body.used then error("Response: the body was read already, or is being read", 3) end
  body.used = true
  return body
end

-- Raises where the program cannot wait for the rest of the body; the body then counts as unread.
local function check_can_wait(self, call, ...)
  if not body_of(3, self, call, ...).pieces.finished and core.running() and not task.current() then
    error("Response: a callback can't wait; do this in a task (sse.spawn)", 3)
  end
end

--- Iterates over the body in pieces, as they are received: `for bytes in res:chunks() do`. A body
-- can be read once, by one of the methods chunks, lines, events, text and json. Leaving a loop over
-- the body early closes the response; after a loop, `res.failure` tells whether the body broke off.
function methods:chunks(...) return start_reading(self, "res:chunks()", ...):chunks(self) end

--- Iterates over the body's lines, without their ends (LF or CRLF). A line of more than
-- `maxEventSize` bytes ends the loop, with "ETOOBIG" in `res.failure`.
function methods:lines(...) return start_reading(self, "res:lines()", ...):lines(self) end

--- Iterates over the body's events, as MessageEvents, whatever its content type. `res.lastEventId`
-- is the last event id, `res.retry` the milliseconds of the last `retry` field, or nil.
--
-- With `untilData = "[DONE]"` the loop ends before the event with these data, and the rest of the
-- body is dropped. A body that ends without it is incomplete: `res.failure` then has the code
-- EUNFINISHED, or that of the lost connection.
-- @tparam[opt] table given `untilData`; `lastEventId`, the id that events have until the body
-- names one
function methods:events(given, ...)
  local o = options.check("Response:events", given, events_spec)
  return start_reading(self, "res:events(options)", ...):events(self, o)
end

--- Reads the whole body.
-- @treturn string; or nil, message, code ("ETOOBIG" if it is longer than `maxBodySize`)
function methods:text(...)
  check_can_wait(self, "res:text()", ...)
  local text, why = start_reading(self, "res:text()"):text()
  if not text then return nil, why.message, why.code end
  return text
end

--- Reads the whole body and decodes it from JSON.
-- @return the value; or nil, message, code ("EINVAL" if it is not JSON)
function methods:json(...)
  check_can_wait(self, "res:json()", ...)
  local text, why = start_reading(self, "res:json()"):text()
  if not text then return nil, why.message, why.code end
  local value, problem = json.decode(text)
  if value == nil then return nil, problem, "EINVAL" end
  return value
end

--- Drops the rest of the body and closes its connection. Harmless at the end.
function methods:close(...)
  body_of(2, self, "res:close()", ...):close()
end

local getters = {
  failure = function(self) return self[BODY].failure end,
  retry = function(self) return self[BODY].retry end,
  lastEventId = function(self)
    local parser = self[BODY].parser
    return parser and parser.last_event_id
  end,
}

-- The fields that a response has, or lacks since they do not apply to it.
local absent = {
  status = true, ok = true, headers = true, url = true, redirected = true, protocol = true,
  tls = true,
}

-- A response that is collected unread closes its connection.
local function close_body(self) self[BODY]:close() end

local Response = {
  __name = "Response", __gc = close_body, __close = close_body,
  __index = function(self, key)
    if methods[key] then return methods[key] end
    local getter = getters[key]
    if getter then return getter(self) end
    if absent[key] then return nil end
    hints.raise_missing("Response", "a Response", key, methods, getters, absent)
  end,
  __tostring = function(self)
    return ("Response: %d %s"):format(self.status, self[BODY].limits.url_without_password)
  end,
}

local function new_response(head, body)
  return setmetatable({
    status = head.status, ok = head.status >= 200 and head.status <= 299, headers = head.headers,
    url = head.url.href, redirected = head.redirected, protocol = head.protocol, tls = head.tls,
    [BODY] = body,
  }, Response)
end

local function limits_of(o, head)
  return {
    max_body_size = o.maxBodySize or MAX_BODY, max_event = o.maxEventSize or MAX_EVENT, utf8 =
    o.utf8,
    origin = head.url.origin, url_without_password = head.url.request,
  }
end

local function build_headers(o, content_type)
  local list, problem = headers.list(o.headers or {})
  if not list then error("sse.fetch: " .. problem, 3) end
  headers.set_default(list, "Accept", "*/*")
  return message.complete_headers(list, content_type)
end

-- Starts the exchange of a request with `url`, `method`, `headers` and `body`. Calls
-- on_result(response) or on_result(nil, failure), once. Drops on_result before that: it refers to
-- the response, and an unread response must be collectable while its exchange is paused.
local function start(o, parts, on_result)
  local exchange, body, remove_abort_listener
  local function finish(response, why)
    local callback = on_result
    on_result = nil
    if callback then callback(response, why) end
  end
  local owner = {}
  function owner:on_head(head) -- luacheck: ignore 212
    body = response_body.new(exchange, limits_of(o, head))
    body.remove_abort_listener = remove_abort_listener
    finish(new_response(head, body))
  end
  function owner:on_data(bytes) body:put(bytes) end -- luacheck: ignore 212
  function owner:on_done(why) -- luacheck: ignore 212
    if body then return body:finish(why) end
    if remove_abort_listener then remove_abort_listener() end
    finish(nil, why)
  end
  exchange = request.start {
    url = parts.url, method = parts.method, body = parts.body,
    headers = table.move(parts.headers, 1, #parts.headers, 1, {}), -- redirects change the list
    options = o, owner = owner,
  }
  remove_abort_listener = o.signal and abort.on_abort(o.signal, function(reason)
    local why = abort.failure(reason)
    if body then return body:close(why) end
    exchange:cancel()
    finish(nil, why)
  end)
end

-- Makes one attempt. Returns the response; or nil, failure.
local function attempt(o, parts)
  if o.signal and o.signal.aborted then return nil, abort.failure(o.signal.reason) end
  return task.await(function(resume) start(o, parts, resume) end, "sse.fetch")
end

--- Sends a request and waits for the head of its response: in a task by yielding, outside of one by
-- pumping the loop. Raises on an invalid URL or option.
-- @function fetch
-- @tparam string url
-- @tparam[opt] table options `method`, `headers` (name to value or list of values), `body` (a
-- string, or a table that is sent as JSON), `signal`, `withCredentials`, `redirect` ("follow",
-- "error", "manual"), `timeout` (until the head of the response, redirects included) and
-- `connectTimeout` (milliseconds), `maxBodySize`, `maxEventSize`, `maxHeadSize`
-- (bytes), `maxHeadFields`, `utf8`, `proxy`, `noProxy` (hosts that need no proxy, separated by
-- commas), `tls`, `httpVersion`, `unixSocket`, `cookieFile`; `maxRetries` (0), how many further
-- attempts follow a lost connection or a status that can pass (408, 425, 429, 500, 502, 503, 504,
-- 529), with `retryInterval`, `minRetryInterval`, `maxRetryInterval` (milliseconds) and `reconnect`
-- as of an EventSource
-- @treturn Response `status`, `ok` (status 200 to 299), `headers`, `url`, `redirected`, `protocol`
-- ("HTTP/1.1", "HTTP/2"), `tls` (a table with `version` and `cipher`; nil without TLS), and
-- `events()`, `chunks()`, `lines()`, `text()`, `json()`, `close()`; or nil, message, code, failure
-- @usage
-- local res, err = sse.fetch("https://example.com/", { method = "POST", body = { n = 1 } })
-- if not res then error(err) end
-- for ev in res:events() do print(ev.data) end
return function(url, given, ...)
  options.check_count("sse.fetch(url, options)", ...)
  local o = options.check("sse.fetch", given, spec)
  local parts = { url = message.url("sse.fetch", url, o, 2) }
  local content_type
  parts.method, parts.body, content_type = message.content("sse.fetch", o, 2)
  parts.headers = build_headers(o, content_type)
  client_options.check_retrying("sse.fetch", o, 2)
  local response, why = fetch_retry(attempt, o, parts)
  if response then return response end
  return nil, why.message, why.code, failure.from(why, why.code)
end
