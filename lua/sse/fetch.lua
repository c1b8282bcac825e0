--- fetch: sends one request, waits for the head of its response, and lets the program read the body
-- at its own pace. Named after the web's fetch (WHATWG Fetch), without promises.
-- @module sse.fetch
require "sse.shared.lua_version"

local abort = require "sse.abort"
local client_options = require "sse.client.options"
local failure = require "sse.client.failure"
local fetch_retry = require "sse.client.fetch_retry"
local headers = require "sse.shared.headers"
local heartbeat = require "sse.client.heartbeat"
local message = require "sse.client.message"
local options = require "sse.shared.options"
local request = require "sse.client.request"
local response = require "sse.client.response"
local response_body = require "sse.client.response_body"
local starts = require "sse.client.starts"
local task = require "sse.task"

local MAX_BODY, MAX_EVENT = 64 * 1024 * 1024, 16 * 1024 * 1024 -- bytes

local spec = options.spec("sse.fetch", client_options.with {
  headers = "table",
  redirect = options.one_of("follow", "error", "manual"),
  maxBodySize = options.integer(0),
})

local function limits_of(o, parts, head)
  return {
    max_body_size = o.maxBodySize or MAX_BODY, max_event = o.maxEventSize or MAX_EVENT,
    utf8 = o.utf8, origin = head.url.origin, head = head,
    content_types = parts.content_types,
  }
end

local function build_headers(o, content_type)
  local list, problem = headers.list(o.headers or {})
  if not list then error("sse.fetch: " .. problem, 3) end
  headers.set_default(list, "Accept", "*/*")
  return message.complete_headers(list, content_type)
end

-- Ends the exchange where its signal is aborted, or where it is silent for too long, by a call of
-- abort_exchange(failure). Returns a function that stops watching.
local function watch(o, exchange, abort_exchange)
  local remove_abort_listener = o.signal and abort.on_abort(o.signal, function(reason)
    abort_exchange(abort.failure(reason))
  end)
  local beat = heartbeat.watch(exchange, o.heartbeatTimeout, abort_exchange)
  return function()
    if remove_abort_listener then remove_abort_listener() end
    if beat then beat:stop() end
  end
end

-- Starts the exchange of a request with `url`, `method`, `headers` and `body`. Calls
-- on_result(response) or on_result(nil, failure), once. Drops on_result before that: it refers to
-- the response, and an unread response must be collectable while its exchange is paused. Returns a
-- function that aborts the exchange, for a caller that waits no longer.
local function start(o, parts, on_result)
  local exchange, body, stop_watching
  local function finish(...)
    local callback = on_result
    on_result = nil
    if callback then callback(...) end
  end
  local owner = {}
  function owner:on_head(head) -- luacheck: ignore 212
    body = response_body.new(exchange, limits_of(o, parts, head))
    body.on_end = stop_watching
    finish(response.new(head, body))
  end
  function owner:on_data(bytes) body:put(bytes) end -- luacheck: ignore 212
  function owner:on_done(why) -- luacheck: ignore 212
    if body then return body:finish(why) end
    stop_watching()
    finish(nil, why)
  end
  exchange = request.start {
    url = parts.url, method = parts.method, body = parts.body,
    headers = table.move(parts.headers, 1, #parts.headers, 1, {}), -- redirects change the list
    options = o, owner = owner,
  }
  stop_watching = watch(o, exchange, function(why)
    if body then return body:close(why) end
    stop_watching()
    exchange:cancel()
    finish(nil, why)
  end)
  return function()
    stop_watching()
    exchange:cancel()
  end
end

-- Makes one attempt. Returns the response; or nil, failure.
local function attempt(o, parts)
  if o.signal and o.signal.aborted then return nil, abort.failure(o.signal.reason) end
  return task.await(function(resume) return start(o, parts, resume) end, "sse.fetch")
end

--- Sends a request and waits for the head of its response: in a task by yielding, outside of one by
-- pumping the loop. Raises on an invalid URL or option.
-- @function fetch
-- @tparam string url
-- @tparam[opt] table options docs/reference/eventsource.md describes them
-- @treturn Response `status`, `ok` (status 200 to 299), `headers`, `url`, `redirected`, `protocol`
-- ("HTTP/1.1", "HTTP/2"), `tls` (a table with `version` and `cipher`; nil without TLS), and
-- `events()`, `chunks()`, `lines()`, `text()`, `json()`, `close()`; or nil, message, code, failure
-- @usage
-- local res, message = sse.fetch("https://example.com/", { method = "POST", body = { n = 1 } })
-- if not res then return print(message) end
-- if not res.ok then return print(res.status, res:text()) end
-- for ev in res:events() do print(ev.data) end
-- if res.failure then print(res.failure) end
return function(url, given, ...)
  options.check_dot("sse.fetch", url)
  options.check_count("sse.fetch(url, options)", ...)
  local o = options.check("sse.fetch", given, spec)
  if not starts.wait "sse.fetch" then
    local why = failure.new("the request is the parent process's", "ECONNRESET")
    return nil, why.message, why.code, why
  end
  local parts = { url = message.url("sse.fetch", url, o, 2) }
  local content_type
  parts.method, parts.body, content_type = message.content("sse.fetch", o, 2)
  parts.headers = build_headers(o, content_type)
  client_options.check_retrying("sse.fetch", o, 2)
  parts.content_types = client_options.content_types(o)
  local result, why = fetch_retry(attempt, o, parts)
  if result then return result end
  return nil, why.message, why.code, failure.from(why, why.code)
end
