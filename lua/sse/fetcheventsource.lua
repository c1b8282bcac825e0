--- fetchEventSource: the callbacks of npm's @microsoft/fetch-event-source over fetch.
-- @module sse.fetcheventsource
require "sse.shared.lua_version"

local abort = require "sse.abort"
local client = require "sse.client.options"
local core = require "sse.core"
local failure = require "sse.client.failure"
local fetch = require "sse.fetch"
local headers = require "sse.shared.headers"
local log = require "sse.log"
local options = require "sse.shared.options"
local refusal = require "sse.client.response_check"
local task = require "sse.task"
local with_closed = require "sse.client.with_closed"

local DEFAULT_INTERVAL, MIN_INTERVAL, MAX_INTERVAL = 1000, 100, 30000

local spec = client.with(client.repeated, {
  redirect = options.one_of("follow", "error", "manual"),
  until_data = "string",
  onopen = "function", onmessage = "function", onclose = "function", onerror = "function",
})

local own = {
  headers = true, body = true, lastEventId = true, until_data = true, log = true,
  onopen = true, onmessage = true, onclose = true, onerror = true,
}

local function traceback(err)
  return type(err) == "string" and debug.traceback(err, 2) or err
end

local function tell(self, level, message, details)
  details = details or {}
  details.url, details.attempt = self.shown_url, self.attempt
  return log.write(self.options.log, level, message, details)
end

local function request_headers(self)
  local o, list = self.options, {}
  local given = o.headers
  if type(given) == "function" then given = given(self.last) end
  for name, value in pairs(given or {}) do list[name] = value end
  local has_accept = false
  for name in pairs(list) do
    local lower = tostring(name):lower()
    has_accept = has_accept or lower == "accept"
    if lower == "last-event-id" and self.id then list[name] = nil end
  end
  if not has_accept then list.Accept = "text/event-stream" end
  list["Last-Event-ID"] = client.sent_id(self, self.id or "", tell) or list["Last-Event-ID"]
  return list
end

local function collect_body(res, why)
  for piece in res:chunks() do
    if refusal.keep(why, piece) then break end
  end
end

-- Refuses what is no stream of events, with the beginning of its body, which has a time to come.
local function check_type(res)
  local why = refusal.of(res, res.ok)
  if not why then return end
  local limit = core.after(refusal.body_time, function() res:close() end)
  with_closed(limit, collect_body, res, why)
  error(refusal.seal(why), 0)
end

-- The request of this attempt.
local function parameters_of(self)
  local o, parameters = self.options, {}
  for name, value in pairs(o) do
    if not own[name] then parameters[name] = value end
  end
  parameters.headers = request_headers(self)
  parameters.body = o.body
  if type(o.body) == "function" and not self.stopped then
    parameters.body = o.body(self.last)
    parameters.method = o.method or "POST"
  end
  return parameters
end

-- What the server said of ids and waits holds for the next connection, too.
local function note(self, id, retry)
  self.id = id or self.id
  if retry then self.interval = math.max(MIN_INTERVAL, math.min(MAX_INTERVAL, retry)) end
end

-- Delivers a response's events until the response ends or the handle is closed.
local function read_events(self, res)
  local o = self.options
  tell(self, "debug", "answered", { status = res.status })
  if self.stopped then return end
  ;(o.onopen or check_type)(res)
  if self.stopped then return end
  for ev in res:events { lastEventId = self.id, until_data = o.until_data } do
    note(self, ev.lastEventId, res.retry)
    if o.onmessage then o.onmessage(ev) end
    if self.stopped then return end
  end
  note(self, res.lastEventId, res.retry)
  if self.stopped then return end
  if res.failure then error(res.failure, 0) end
  if o.onclose then o.onclose() end
end

-- One connection, to its end. Raises what onopen, onmessage, onclose or the network say against it.
local function connect(self)
  local parameters = parameters_of(self)
  if self.stopped then return end
  local res, _, _, why = fetch(self.url, parameters)
  if not res then error(why, 0) end
  with_closed(res, read_events, self, res)
end

-- What onerror says: the wait, or false, or nil and what it raised.
local function ask(self, why)
  if not self.options.onerror then return self.interval end
  local ok, answer = xpcall(self.options.onerror, traceback, why)
  if not ok then return nil, answer end
  if answer == false then return false end
  if type(answer) == "number" and answer >= 0 and answer < math.huge then return answer end
  return self.interval
end

-- After a failure: the wait before another attempt, or nil, the failure to end with, and what was
-- raised. While onerror is asked, the failure tells what would be done without its answer.
local function decide(self, err)
  local why = failure.from(err, "ECALLBACK")
  why.attempt, why.willRetry, why.delay = self.attempt, true, self.interval
  local answer, raised = ask(self, why)
  if self.stopped then return nil end
  why.willRetry, why.delay, self.last = answer and true or false, answer or nil, why
  tell(self, answer and "warn" or "error", why.message,
    { failure = why, delay = answer or nil, status = why.status })
  if answer then return answer end
  return nil, raised and failure.from(raised, "ECALLBACK") or why, raised
end

local function settle(self, why, raised)
  self.done, self.failure = true, why
  if self.forget then self.forget() end
  local waiters = self.waiters
  self.waiters = {}
  for _, waiter in ipairs(waiters) do waiter() end
  if raised ~= nil then core.report(raised) end
end

local function wait(self, ms)
  task.await(function(resume)
    self.timer, self.wake = core.after(ms, resume), resume
  end, "sse.fetchEventSource")
  self.timer = nil
end

local function run(self)
  while not self.stopped do
    self.attempt = self.attempt + 1
    tell(self, "debug", self.last and "connecting again" or "connecting")
    if self.stopped then break end
    local ok, err = xpcall(connect, traceback, self)
    if self.stopped or ok then break end
    local ms, why, raised = decide(self, err)
    if self.stopped then break end
    if not ms then return settle(self, why, raised) end
    wait(self, ms)
  end
  settle(self)
end

local handle = {}
handle.__index = handle

--- Gives up: no callback comes any more. No error.
function handle:close()
  options.method(self, handle, "handle:close")
  if self.stopped or self.done then return end
  self.stopped = true
  self.controller:abort()
  if self.timer then
    self.timer:stop()
    self.wake()
  end
end

--- Waits for the end.
-- @return true after a server's end or close(); or nil, message, code, failure where onerror gave
-- up
function handle:wait()
  options.method(self, handle, "handle:wait")
  if not self.done then
    task.await(function(resume) table.insert(self.waiters, resume) end, "sse.fetchEventSource")
  end
  local why = self.failure
  if why then return nil, why.message, why.code, why end
  return true
end

local function check(url, o)
  local parsed = client.url("sse.fetchEventSource", url, 3)
  client.content("sse.fetchEventSource", o, 3)
  if type(o.headers) == "table" then
    local _, problem = headers.list(o.headers)
    if problem then error("sse.fetchEventSource: " .. problem, 3) end
  end
  return parsed.request
end

--- Reads a stream of events with callbacks; the callbacks run in a task and may wait.
-- `onopen(response)` may raise to refuse (without it, status 2xx and text/event-stream are asked
-- for), `onmessage(event)` gets every event, `onclose()` is told of the server's end and may raise
-- to connect again, `onerror(failure)` may return milliseconds to wait before the next attempt,
-- false to give up, nil for the default (1000, or the server's retry, from 100 to 30000); an error
-- that it raises ends it too and is reported.
-- @function fetchEventSource
-- @tparam string url
-- @tparam[opt] table options those of `sse.fetch`; headers and body may be functions, each called
-- before each attempt with the failure of the one before, nil at first; lastEventId, until_data (as
-- that of `res:events`), log, onopen, onmessage, onclose, onerror
-- @return a handle: close(), wait()
return function(url, given)
  local o = options.check("sse.fetchEventSource", given, spec)
  local self = setmetatable({
    shown_url = check(url, o), url = url, attempt = 0,
    id = o.lastEventId, interval = DEFAULT_INTERVAL, waiters = {},
    controller = abort.AbortController(), options = client.own(o),
  }, handle)
  self.options.signal = self.controller.signal
  if o.signal and o.signal.aborted then
    self.stopped, self.done = true, true
    return self
  elseif o.signal then
    self.forget = abort.on_abort(o.signal, function() self:close() end)
  end
  task.spawn(run, self)
  return self
end
