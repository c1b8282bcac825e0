--- The task behind fetchEventSource: makes attempts, one `sse.fetch` each, until the server ends
-- the stream, and calls the program's callbacks.
-- @module sse.client.stream_task
local abort = require "sse.abort"
local core = require "sse.core"
local failure = require "sse.client.failure"
local fetch = require "sse.fetch"
local log = require "sse.log"
local message = require "sse.client.message"
local ordered_set = require "sse.shared.ordered_set"
local protected = require "sse.shared.protected"
local response_check = require "sse.client.response_check"
local retry = require "sse.client.retry"
local task = require "sse.task"
local with_closed = require "sse.client.with_closed"

local stream_task = {}
stream_task.__index = stream_task

local NAME = "sse.fetchEventSource"
local safe_methods = { GET = true, HEAD = true, OPTIONS = true } -- RFC 9110 9.2.1

local refusals = { EHTTP = true, ETYPE = true } -- what response_check finds in a head

-- Options that fetch does not get as they were given.
local not_for_fetch = {
  headers = true, body = true, lastEventId = true, log = true,
  untilData = true, untilType = true, ["until"] = true,
  onopen = true, onmessage = true, onclose = true, onerror = true, maxRetries = true,
  retryInterval = true, minRetryInterval = true, maxRetryInterval = true, reconnect = true,
}

-- Calls the log hook, which may close the task.
local function write_log(self, level, text, details)
  details = details or {}
  details.url, details.attempt = self.url_without_password, self.retry.backoff.failures + 1
  return log.write(self.options.log, level, text, details)
end

-- --- an attempt ---------------------------------------------------------------------------------

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

-- fetch's options for this attempt. Calls the functions that `headers` and `body` may hold.
local function fetch_options(self)
  local o, parameters = self.options, {}
  for name, value in pairs(o) do
    if not not_for_fetch[name] then parameters[name] = value end
  end
  parameters.signal = self.controller.signal
  parameters.headers = build_headers(self)
  parameters.body = o.body
  if type(o.body) == "function" and not self.closed then
    parameters.body = o.body(self.last_failure)
    parameters.method = o.method or "POST"
  end
  return parameters
end

local function collect_body(res, rejection)
  for piece in res:chunks() do
    if response_check.collect_body(rejection, piece) then break end
  end
end

-- What stands for `onopen`: returns the failure of a response that is no event stream. Reads the
-- beginning of its body before, for `body_time` milliseconds at most.
local function check_response(self, res)
  local rejection = response_check.failure_of(res, res.ok, self.options.contentTypes)
  if not rejection then return nil end
  local limit = core.timer(response_check.body_time, function() res:close() end)
  with_closed(limit, collect_body, res, rejection)
  return response_check.finish_body(rejection)
end

-- Stores, for the next attempt, the last event id and the milliseconds of a `retry` field.
local function store_id_and_retry(self, id, ms)
  self.last_event_id = id or self.last_event_id
  if ms then self.retry.backoff:set_base(ms) end
end

-- The failure of a stream that has ended with a `retry` field and no event, as a server that is too
-- busy, or about to end, sends a client away. A request whose method is not safe may have been
-- served and is not repeated. Where the loop waits for an event, its end without one is known.
local function asks_to_come_again(self, res)
  local o = self.options
  if self.delivered or not res.retry or not safe_methods[self.method] then return nil end
  if o.untilData or o.untilType or o["until"] then return nil end
  return failure.new("the server sent no event and asks the client to come again", "ECLOSED")
end

-- Handles a response to its end. Any callback may close the task; nothing more is called then.
-- Returns the failure, if there is one.
local function read_response(self, res)
  local o, why = self.options, nil
  write_log(self, "debug", "answered", { status = res.status })
  if self.closed then return end
  if o.onopen then o.onopen(res) else why = check_response(self, res) end
  if self.closed or why then return why end
  self.opened_at = core.now()
  for ev in res:events {
    lastEventId = self.last_event_id,
    untilData = o.untilData, untilType = o.untilType, ["until"] = o["until"],
  } do
    self.delivered = true
    store_id_and_retry(self, ev.lastEventId, res.retry)
    if o.onmessage then o.onmessage(ev) end
    if self.closed then return end
  end
  store_id_and_retry(self, res.lastEventId, res.retry)
  why = res.failure or asks_to_come_again(self, res)
  if self.closed or why then return why end
  if o.onclose then o.onclose() end
end

-- Asks the program's function for the URL of this attempt, if the URL comes from one.
local function update_url(self)
  if type(self.given_url) ~= "function" then return end
  self.url = self.given_url(self.last_failure)
  local parsed, problem = message.parse_url(NAME, self.url, self.options)
  if not parsed then error(problem, 0) end
  self.url_without_password = parsed.request
end

-- Makes an attempt. Returns its failure, or nil after a clean end; raises what a function of the
-- program raises.
local function connect(self)
  update_url(self)
  if self.closed then return end
  local parameters = fetch_options(self)
  if self.closed then return end
  local res, _, _, why = fetch(self.url, parameters)
  if not res then return why end
  return with_closed(res, read_response, self, res)
end

-- --- what follows a failure ---------------------------------------------------------------------

-- Whether another attempt is expected to fail in the same way, or could bring events twice. What a
-- complete response said in place of events is final, as a status is. A lost connection is not, nor
-- is an end within an event.
local function is_final(self, why)
  if refusals[why.code] or retry.is_permanent(why) then return true end
  if why.code == "EUNFINISHED" and why.body then return true end
  return not safe_methods[self.method] and (self.delivered or why.status ~= nil)
end

-- Asks onerror. Its milliseconds or false decide; nil lets the options decide, by which any failure
-- is followed by an attempt.
local function ask_onerror(self, why, lived)
  local policy = self.retry
  local delay = policy:next_delay(why, policy:has_failed(why, self.delivered, lived))
  why.delay, why.willRetry = delay, delay ~= nil
  local choice = retry.check_choice(NAME .. ": onerror", self.options.onerror(why))
  if choice == nil and not self.closed then choice = policy:ask_program(why) end
  if choice == nil then choice = delay end
  return choice or nil
end

-- Returns the milliseconds to wait before the next attempt; nil to give up.
local function choose_delay(self, why, is_error)
  local lived = self.opened_at and core.now() - self.opened_at
  if self.options.onerror then return ask_onerror(self, why, lived) end
  if is_error then return nil end
  return self.retry:decide(why, is_final(self, why), self.delivered, lived)
end

-- Decides what follows a failure. Returns the milliseconds to wait before the next attempt; or nil
-- and what a function of the program raised that no onerror was told. The failure to end with is
-- then in `failure`, unless the task was closed.
local function decide(self, why, raised)
  why.attempt = self.retry.backoff.failures + 1
  local ok, delay = protected.call(choose_delay, self, why, raised ~= nil)
  if not ok then delay, raised = nil, delay elseif self.options.onerror then raised = nil end
  if self.closed then return nil, raised end
  why.willRetry, why.delay, self.last_failure = delay ~= nil, delay, why
  write_log(self, delay and "warn" or "error", why.message,
    { failure = why, delay = delay, status = why.status })
  if delay or self.closed then return delay, raised end
  self.failure = ok and why or failure.from(raised, "ECALLBACK")
  return nil, raised
end

-- Waits before the next attempt; `close` ends the wait.
local function wait_before_retry(self, ms)
  task.await(function(resume)
    self.retry_timer, self.end_wait = core.timer(ms, resume), resume
  end, NAME)
  self.retry_timer = nil
end

-- --- from the start to the end ------------------------------------------------------------------

-- Ends the task. An error of the program is returned by the calls of `wait` under way; if there are
-- none, `sse.run` raises it.
local function finish(self, raised)
  self.done = true
  if self.remove_abort_listener then self.remove_abort_listener() end
  local waiters = ordered_set.members(self.waiters)
  self.waiters = {}
  for _, resume in ipairs(waiters) do
    if resume() and not self.closed then raised = nil end
  end
  if raised ~= nil then core.report(raised) end
end

-- Makes one attempt, and waits before the next one. Returns whether it is to be made, and what a
-- function of the program raised that nobody was told.
local function run_attempt(self)
  self.delivered, self.opened_at = false, nil
  write_log(self, "debug", self.last_failure and "connecting again" or "connecting")
  if self.closed then return false end
  local ok, why = protected.call(connect, self)
  if self.closed or ok and not why then return false, not ok and why or nil end
  local delay, raised = decide(self, failure.from(why, "ECALLBACK"), not ok and why or nil)
  if not delay or self.closed then return false, raised end
  wait_before_retry(self, delay)
  return not self.closed
end

local function run(self)
  local again, raised
  repeat again, raised = run_attempt(self) until not again
  finish(self, raised)
end

--- Makes the task and starts it.
-- @tparam table o `url`, a string or a function; `url_without_password`, "" of a function;
-- `method`; `options`, the program's, which are checked already and not changed later
-- @treturn table
function stream_task.start(o)
  local self = setmetatable({
    url = o.url, given_url = o.url, url_without_password = o.url_without_password,
    method = o.method, options = o.options, last_event_id = o.options.lastEventId, waiters = {},
    controller = abort.AbortController(),
    retry = retry.new(o.options, { name = NAME, mode = "resilient" }),
  }, stream_task)
  local signal = o.options.signal
  if signal and signal.aborted then
    self.closed, self.done, self.failure = true, true, abort.failure(signal.reason)
    return self
  elseif signal then
    self.remove_abort_listener = abort.on_abort(signal, function(reason)
      self:close(abort.failure(reason))
    end)
  end
  task.spawn(run, self)
  return self
end

--- Ends the connection and makes no other: no callback is called any more. Harmless at the end.
-- @tparam[opt] table why the failure that `wait` returns
function stream_task:close(why)
  if self.closed or self.done then return end
  self.closed = true
  self.failure = why or failure.new("the stream was closed", "ECLOSED")
  self.controller:abort()
  if self.retry_timer then
    self.retry_timer:stop()
    self.end_wait()
  end
end

--- Waits for the end: in a task by yielding, outside of one by pumping the loop.
-- @treturn table|nil the failure; nil after a clean end
function stream_task:wait()
  if not self.done then
    task.await(function(resume)
      ordered_set.add(self.waiters, resume)
      return function() self.waiters[resume] = nil end
    end, NAME)
  end
  return self.failure
end

return stream_task
