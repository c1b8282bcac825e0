--- fetchEventSource: an event stream by callbacks, as npm's @microsoft/fetch-event-source has them.
-- Each connection is an `sse.fetch`; a loop in a task connects again.
-- @module sse.fetcheventsource
require "sse.shared.lua_version"

local abort = require "sse.abort"
local client_options = require "sse.client.options"
local core = require "sse.core"
local failure = require "sse.client.failure"
local fetch = require "sse.fetch"
local headers = require "sse.shared.headers"
local hints = require "sse.shared.hints"
local log = require "sse.log"
local message = require "sse.client.message"
local options = require "sse.shared.options"
local response_check = require "sse.client.response_check"
local task = require "sse.task"
local with_closed = require "sse.client.with_closed"

local DEFAULT_INTERVAL, MIN_INTERVAL, MAX_INTERVAL = 1000, 100, 30000 -- ms

local spec = options.spec("sse.fetchEventSource", client_options.with(client_options.repeated, {
  redirect = options.one_of("follow", "error", "manual"),
  untilData = "string",
  onopen = "function", onmessage = "function", onclose = "function", onerror = "function",
}))

-- Options that fetch does not get as they were given.
local not_for_fetch = {
  headers = true, body = true, lastEventId = true, untilData = true, log = true,
  onopen = true, onmessage = true, onclose = true, onerror = true,
}

local function traceback(err)
  return type(err) == "string" and debug.traceback(err, 2) or err
end

-- Calls the log hook, which may close the handle.
local function write_log(self, level, text, details)
  details = details or {}
  details.url, details.attempt = self.url_without_password, self.attempt
  return log.write(self.options.log, level, text, details)
end

local function build_headers(self)
  local o, list = self.options, {}
  local given = o.headers
  if type(given) == "function" then given = given(self.last_failure) end
  if given ~= nil and type(given) ~= "table" then
    error(("headers: expected a table, got %s"):format(type(given)), 0)
  end
  for name, value in pairs(given or {}) do list[name] = value end
  local has_accept = false
  for name in pairs(list) do
    local lower = tostring(name):lower()
    has_accept = has_accept or lower == "accept"
    if lower == "last-event-id" and self.last_event_id then list[name] = nil end
  end
  if not has_accept then list.Accept = "text/event-stream" end
  local id = message.sendable_id(self, self.last_event_id or "", write_log)
  list["Last-Event-ID"] = id or list["Last-Event-ID"]
  return list
end

local function collect_body(res, rejection)
  for piece in res:chunks() do
    if response_check.collect_body(rejection, piece) then break end
  end
end

-- The default for onopen: raises a failure if the response is no event stream. Reads the beginning
-- of its body before, for `body_time` milliseconds at most.
local function check_response(res)
  local rejection = response_check.failure_of(res, res.ok)
  if not rejection then return end
  local limit = core.after(response_check.body_time, function() res:close() end)
  with_closed(limit, collect_body, res, rejection)
  error(response_check.finish_body(rejection), 0)
end

-- fetch's options for this attempt. Calls the functions that `headers` and `body` may hold.
local function fetch_options(self)
  local o, parameters = self.options, {}
  for name, value in pairs(o) do
    if not not_for_fetch[name] then parameters[name] = value end
  end
  parameters.headers = build_headers(self)
  parameters.body = o.body
  if type(o.body) == "function" and not self.closed then
    parameters.body = o.body(self.last_failure)
    parameters.method = o.method or "POST"
  end
  return parameters
end

-- Stores, for the next connection, the last event id and the milliseconds of a `retry` field.
local function store_id_and_retry(self, id, retry)
  self.last_event_id = id or self.last_event_id
  if retry then self.interval = math.max(MIN_INTERVAL, math.min(MAX_INTERVAL, retry)) end
end

-- Handles a response's events to its end. Any callback may close the handle; nothing more is called
-- then.
local function read_events(self, res)
  local o = self.options
  write_log(self, "debug", "answered", { status = res.status })
  if self.closed then return end
  ;(o.onopen or check_response)(res)
  if self.closed then return end
  for ev in res:events { lastEventId = self.last_event_id, untilData = o.untilData } do
    store_id_and_retry(self, ev.lastEventId, res.retry)
    if o.onmessage then o.onmessage(ev) end
    if self.closed then return end
  end
  store_id_and_retry(self, res.lastEventId, res.retry)
  if self.closed then return end
  if res.failure then error(res.failure, 0) end
  if o.onclose then o.onclose() end
end

-- Makes one connection and handles its events. Raises a failure of the network, and what a callback
-- raises.
local function connect(self)
  local parameters = fetch_options(self)
  if self.closed then return end
  local res, _, _, why = fetch(self.url, parameters)
  if not res then error(why, 0) end
  with_closed(res, read_events, self, res)
end

-- Calls onerror. Returns the milliseconds to wait before the next attempt; false if onerror gives
-- up; or nil and what onerror raised, or what is wrong with the value that it returned.
local function call_onerror(self, why)
  if not self.options.onerror then return self.interval end
  local ok, result = xpcall(self.options.onerror, traceback, why)
  if not ok then return nil, result end
  if result == false then return false end
  if result == nil then return self.interval end
  if type(result) == "number" and result >= 0 and result < math.huge then return result end
  local problem = "sse.fetchEventSource: onerror must return milliseconds, false or nil, got %s"
  return nil, problem:format(options.show(result))
end

-- Decides what follows the error of an attempt. Returns the milliseconds to wait before the next
-- one; or nil, the failure to end with, and what onerror raised. During onerror the failure's
-- willRetry and delay say what happens if onerror returns nil.
local function decide(self, err)
  local why = failure.from(err, "ECALLBACK")
  why.attempt, why.willRetry, why.delay = self.attempt, true, self.interval
  local delay, raised = call_onerror(self, why)
  if self.closed then return nil end
  why.willRetry, why.delay, self.last_failure = delay and true or false, delay or nil, why
  write_log(self, delay and "warn" or "error", why.message,
    { failure = why, delay = delay or nil, status = why.status })
  if delay then return delay end
  return nil, raised and failure.from(raised, "ECALLBACK") or why, raised
end

local function finish(self, why, raised)
  self.done, self.failure = true, why
  if self.remove_abort_listener then self.remove_abort_listener() end
  local waiters = self.waiters
  self.waiters = {}
  for _, resume in ipairs(waiters) do resume() end
  if raised ~= nil then core.report(raised) end
end

-- Waits before the next attempt; `handle:close` ends the wait.
local function wait_before_retry(self, ms)
  task.await(function(resume)
    self.retry_timer, self.end_wait = core.after(ms, resume), resume
  end, "sse.fetchEventSource")
  self.retry_timer = nil
end

-- The task: connects until the server ends the stream, the handle is closed, or onerror gives up.
local function run(self)
  while not self.closed do
    self.attempt = self.attempt + 1
    write_log(self, "debug", self.last_failure and "connecting again" or "connecting")
    if self.closed then break end
    local ok, err = xpcall(connect, traceback, self)
    if self.closed or ok then break end
    local delay, why, raised = decide(self, err)
    if self.closed then break end
    if not delay then return finish(self, why, raised) end
    wait_before_retry(self, delay)
  end
  finish(self)
end

-- Fields of a handle that have no value at first.
local absent = {
  closed = true, done = true, failure = true, last_failure = true, last_event_id = true,
  retry_timer = true, end_wait = true, remove_abort_listener = true, warned = true,
}
local handle = hints.close_fields({}, "fetchEventSource's handle", "a handle", absent)
handle.__index = handle

--- Ends the connection and makes no other: no callback is called any more. Harmless at the end.
function handle:close(...)
  options.check_self(self, handle, "handle:close()", ...)
  if self.closed or self.done then return end
  self.closed = true
  self.controller:abort()
  if self.retry_timer then
    self.retry_timer:stop()
    self.end_wait()
  end
end

--- Waits for the end: in a task by yielding, outside of one by pumping the loop.
-- @return true if the server ended the stream or `close` was called; or nil, message, code, failure
-- if onerror gave up
function handle:wait(...)
  options.check_self(self, handle, "handle:wait()", ...)
  if not self.done then
    task.await(function(resume) table.insert(self.waiters, resume) end, "sse.fetchEventSource")
  end
  local why = self.failure
  if why then return nil, why.message, why.code, why end
  return true
end

-- Raises what the first attempt would, at the line of the public function's caller. Returns the URL
-- without user and password.
local function check(url, o)
  local parsed = message.url("sse.fetchEventSource", url, o, 3)
  message.content("sse.fetchEventSource", o, 3)
  if type(o.headers) == "table" then
    local _, problem = headers.list(o.headers)
    if problem then error("sse.fetchEventSource: " .. problem, 3) end
  end
  return parsed.request
end

--- Reads an event stream by callbacks, which run in a task and may wait. Raises on an invalid URL
-- or option.
--
-- * `onopen(response)` may raise to reject the response. Without it, a response is rejected whose
-- status is not 200 to 299 or whose content type is not text/event-stream.
-- * `onmessage(event)` is called for every event.
-- * `onclose()` is called when the stream has ended without a failure; it may raise to connect
-- again.
-- * `onerror(failure)` is called after a failed attempt. It returns the milliseconds to wait before
-- the next one; false to give up; or nil for the default: 1000, or the server's `retry`, but at
-- least 100 and at most 30000. If it raises, `handle:wait` returns the error and `sse.run` raises
-- it.
-- @function fetchEventSource
-- @tparam string url
-- @tparam[opt] table options those of `sse.fetch`, where `headers` and `body` may be functions,
-- each called before each attempt with the failure of the attempt before, or nil at first;
-- `lastEventId`; `untilData`, as of `res:events`; `log`; `onopen`, `onmessage`, `onclose`,
-- `onerror`
-- @return a handle: `close()`, `wait()`
return function(url, given, ...)
  options.check_count("sse.fetchEventSource(url, options)", ...)
  local o = options.check("sse.fetchEventSource", given, spec)
  local self = setmetatable({
    url_without_password = check(url, o), url = url, attempt = 0,
    last_event_id = o.lastEventId, interval = DEFAULT_INTERVAL, waiters = {},
    controller = abort.AbortController(), options = client_options.copy(o),
  }, handle)
  self.options.signal = self.controller.signal
  if o.signal and o.signal.aborted then
    self.closed, self.done = true, true
    return self
  elseif o.signal then
    self.remove_abort_listener = abort.on_abort(o.signal, function() self:close() end)
  end
  task.spawn(run, self)
  return self
end
