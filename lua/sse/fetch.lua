--- fetch: one request, its response when the head has come, the body as it is read.
-- @module sse.fetch
require "sse.shared.lua_version"

local abort = require "sse.abort"
local body = require "sse.client.response_body"
local client = require "sse.client.options"
local core = require "sse.core"
local failure = require "sse.client.failure"
local headers = require "sse.shared.headers"
local json = require "sse.json"
local options = require "sse.shared.options"
local request = require "sse.client.request"
local task = require "sse.task"

local MAX_BODY, MAX_EVENT = 64 * 1024 * 1024, 16 * 1024 * 1024
local BODY = {}

local spec = client.with {
  headers = "table",
  redirect = options.one_of("follow", "error", "manual"),
  maxBodySize = options.integer(0),
}

local events_spec = { lastEventId = options.event_id, until_data = "string" }

local methods = {}

local function body_of(self, level)
  return type(self) == "table" and self[BODY] or error("call it with ':'", level + 1)
end

local function begin(self)
  local held = body_of(self, 3)
  if held.used then error("Response: the body was read already, or is being read", 3) end
  held.used = true
  return held
end

-- Before the body counts as read.
local function check_wait(self)
  if not body_of(self, 3).pieces.finished and core.running() and not task.current() then
    error("Response: a callback can't wait; do this in a task (sse.spawn)", 3)
  end
end

--- The body's pieces as they come: `for bytes in res:chunks() do`. Leaving a loop over the body
-- early closes the transfer; after a loop, `res.failure` says whether the body broke off.
function methods:chunks() return begin(self):chunks(self) end

--- The body's lines, without their ends.
function methods:lines() return begin(self):lines(self) end

--- The body's events, MessageEvents, whatever the content type says. `res.lastEventId` and
-- `res.retry` are what the server last said of them.
--
-- With `until_data = "[DONE]"` an event of that data, which the loop does not see, is the clean
-- end, and the rest is given up; a body that ends before it has `res.failure` with code
-- EUNFINISHED, or that of the connection's loss.
-- @tparam[opt] table options until_data; lastEventId, what the events report before an id comes
function methods:events(given)
  local o = options.check("Response:events", given, events_spec)
  return begin(self):events(self, o)
end

--- The whole body. It can be read once, by one of these methods.
-- @treturn string; or nil, message, code (`"ETOOBIG"` past maxBodySize)
function methods:text()
  check_wait(self)
  local text, why = begin(self):text()
  if not text then return nil, why.message, why.code end
  return text
end

--- The whole body, decoded from JSON.
-- @return the value; or nil, message, code
function methods:json()
  check_wait(self)
  local text, why = begin(self):text()
  if not text then return nil, why.message, why.code end
  local value, problem = json.decode(text)
  if value == nil then return nil, problem, "EINVAL" end
  return value
end

--- Gives the rest of the body up.
function methods:close()
  local held = body_of(self, 2)
  held:close()
end

local getters = {
  failure = function(self) return self[BODY].failure end,
  retry = function(self) return self[BODY].retry end,
  lastEventId = function(self)
    local parser = self[BODY].parser
    return parser and parser.last_event_id
  end,
}

-- An unread response that is collected must not hold its connection for ever.
local function collect(self) self[BODY]:close() end

local Response = {
  __name = "Response", __gc = collect, __close = collect,
  __index = function(self, key)
    return methods[key] or getters[key] and getters[key](self)
  end,
  __tostring = function(self)
    return ("Response: %d %s"):format(self.status, self[BODY].limits.request) -- no password
  end,
}

local function new_response(head, held)
  return setmetatable({
    status = head.status, ok = head.status >= 200 and head.status <= 299, headers = head.headers,
    url = head.url.href, redirected = head.redirected, protocol = head.protocol, tls = head.tls,
    [BODY] = held,
  }, Response)
end

local function limits(o, head)
  return {
    max_body = o.maxBodySize or MAX_BODY, max_event = o.maxEventSize or MAX_EVENT, utf8 = o.utf8,
    origin = head.url.origin, request = head.url.request,
  }
end

local function build_headers(o, kind)
  local list, problem = headers.list(o.headers or {})
  if not list then error("sse.fetch: " .. problem, 3) end
  headers.default(list, "Accept", "*/*")
  return client.complete(list, kind)
end

-- Starts the request; answer(response) or answer(nil, failure) comes once, and is then forgotten:
-- it holds the response, which must be free to be collected while the transfer waits for a reader.
local function start(o, message, answer)
  local exchange, held, forget
  local function say(response, why)
    local once = answer
    answer = nil
    if once then once(response, why) end
  end
  local owner = {}
  function owner:on_head(head) -- luacheck: ignore 212
    held = body.new(exchange, limits(o, head))
    held.forget = forget
    say(new_response(head, held))
  end
  function owner:on_data(bytes) held:put(bytes) end -- luacheck: ignore 212
  function owner:on_done(why) -- luacheck: ignore 212
    if held then return held:finish(why) end
    if forget then forget() end
    say(nil, why)
  end
  exchange = request.start {
    url = message.url, method = message.method, headers = message.headers, body = message.body,
    options = o, owner = owner,
  }
  forget = o.signal and abort.on_abort(o.signal, function(reason)
    local why = abort.failure(reason)
    if held then return held:close(why) end
    exchange:cancel()
    say(nil, why)
  end)
end

--- Sends a request and waits for the head of its response: a task yields, outside of one the loop
-- is pumped.
-- @function fetch
-- @tparam string url
-- @tparam[opt] table options method, headers, body (a string, or a table to be sent as JSON),
-- signal, withCredentials, redirect, connectTimeout, maxBodySize, maxEventSize, maxHeadSize,
-- maxHeadFields, utf8, proxy, noProxy (hosts by commas that need no proxy), tls, http2,
-- unixSocket, cookies
-- @treturn Response status, ok, headers, url, redirected, protocol ("HTTP/1.1", "HTTP/2"), tls
-- (version, cipher; nil without TLS), and events(), chunks(), lines(), text(), json(), close(); or
-- nil, message, code
-- @usage
-- local res, err = sse.fetch("https://example.com/", { method = "POST", body = { n = 1 } })
-- if not res then error(err) end
-- for ev in res:events() do print(ev.data) end
return function(url, given)
  local o = options.check("sse.fetch", given, spec)
  local message = { url = client.url("sse.fetch", url, 2) }
  local kind
  message.method, message.body, kind = client.content("sse.fetch", o, 2)
  message.headers = build_headers(o, kind)
  local response, why
  if o.signal and o.signal.aborted then
    why = abort.failure(o.signal.reason)
  else
    response, why = task.await(function(answer) start(o, message, answer) end, "sse.fetch")
  end
  if response then return response end
  return nil, why.message, why.code, failure.from(why, why.code)
end
