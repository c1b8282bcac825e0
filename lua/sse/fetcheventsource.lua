--- fetchEventSource: an event stream by callbacks, as npm's @microsoft/fetch-event-source has them.
-- @module sse.fetcheventsource
require "sse.shared.lua_version"

local client_options = require "sse.client.options"
local headers = require "sse.shared.headers"
local hints = require "sse.shared.hints"
local message = require "sse.client.message"
local options = require "sse.shared.options"
local stream_task = require "sse.client.stream_task"

local TASK = {} -- the key of a handle's task in the handle

local spec = options.spec("sse.fetchEventSource", client_options.with(client_options.repeated, {
  redirect = options.one_of("follow", "error", "manual"),
  untilData = "string", untilType = "string", ["until"] = "function",
  onopen = "function", onmessage = "function", onclose = "function", onerror = "function",
}))

local methods, handle = {}, { __name = "sse.fetchEventSource" }

function handle.__index(_, name)
  if methods[name] then return methods[name] end
  hints.raise_missing("fetchEventSource's handle", "a handle", name, methods)
end

function handle.__newindex(_, name)
  options.raise_unknown_field("fetchEventSource's handle", "a handle", name, {})
end

function handle.__pairs() return next, {} end

--- Ends the connection and makes no other: no callback is called any more. Harmless at the end.
function methods:close(...)
  options.check_self(self, handle, "handle:close()", ...)
  self[TASK]:close()
end

--- Waits for the end: in a task by yielding, outside of one by pumping the loop.
-- @return true if the server ended the stream and nothing failed; or nil, message, code, failure:
-- "ECLOSED" after `close`, the reason of the signal that was aborted, the failure after which no
-- attempt followed, or "ECALLBACK" if a callback raised it
function methods:wait(...)
  options.check_self(self, handle, "handle:wait()", ...)
  local why = self[TASK]:wait()
  if why then return nil, why.message, why.code, why end
  return true
end

-- Raises what the first attempt would, at the line of the public function's caller. Returns the URL
-- without user and password, and the method.
local function check(url, o)
  local parsed
  if type(url) ~= "function" then
    parsed = message.url("sse.fetchEventSource", url, o, 3, "a string or a function")
  end
  local method = message.content("sse.fetchEventSource", o, 3)
  if type(o.headers) == "table" then
    local _, problem = headers.list(o.headers)
    if problem then error("sse.fetchEventSource: " .. problem, 3) end
  end
  client_options.check_retrying("sse.fetchEventSource", o, 3)
  return parsed and parsed.request or "", method
end

--- Reads an event stream by callbacks, which run in a task and may wait. Raises on an invalid URL
-- or option.
--
-- * `onopen(response)` may raise to reject the response. Without it, a response is rejected whose
-- status is not 200 to 299 or whose content type is not text/event-stream.
-- * `onmessage(event)` is called for every event.
-- * `onclose()` is called when the stream has ended without a failure; it may raise to connect
-- again, where there is an `onerror`.
-- * `onerror(failure)` is called after a failed attempt and with an error of a callback
-- ("ECALLBACK"). It returns the milliseconds to wait before the next attempt; false to give up; or
-- nil for an attempt after the wait that the options ask for, whatever has failed. If it raises,
-- this is the end.
--
-- Without `onerror` attempts follow as those of an EventSource with `reconnect = "resilient"`, but
-- none follows an error of a callback, and none a failure after events where the method is not GET,
-- HEAD or OPTIONS: they would come twice. An error of a callback is the result of `handle:wait`; if
-- nobody waits, `sse.run` raises it.
-- @function fetchEventSource
-- @tparam string|function url a function is called before each attempt, as those for `headers` and
-- `body` are, and returns the attempt's URL
-- @tparam[opt] table options docs/reference/eventsource.md describes them
-- @return a handle: `close()`, `wait()`
return function(url, given, ...)
  options.check_dot("sse.fetchEventSource", url)
  options.check_count("sse.fetchEventSource(url, options)", ...)
  local o = options.check("sse.fetchEventSource", given, spec)
  local url_without_password, method = check(url, o)
  return setmetatable({
    [TASK] = stream_task.start {
      url = url, url_without_password = url_without_password, method = method,
      options = client_options.copy(o),
    },
  }, handle)
end
