--- The request of a source's attempt: made of the source's options, and of what their functions
-- return for this attempt.
-- @module sse.client.source_request
local core = require "sse.core"
local failure = require "sse.client.failure"
local headers = require "sse.shared.headers"
local heartbeat = require "sse.client.heartbeat"
local message = require "sse.client.message"
local request = require "sse.client.request"
local task = require "sse.task"

local source_request = {}

local NAME = "sse.EventSource"

local function build_headers(source, given, content_type)
  local list, problem = headers.list(given == nil and {} or given)
  if not list then error(NAME .. ": " .. problem, 0) end
  headers.set_default(list, "Accept", "text/event-stream")
  headers.set_default(list, "Cache-Control", "no-cache")
  local id = message.sendable_id(source, source.parser.last_event_id, source.log)
  if id then headers.set(list, "Last-Event-ID", id) end
  return message.complete_headers(list, content_type)
end

-- Gives the source the URL that a function of the program returned.
local function set_url(source, text)
  local url, problem = message.parse_url(NAME, text, source.options)
  if not url then error(problem, 0) end
  source.url = url
end

-- Starts the request of an attempt. Runs in a task, since the functions that the URL and the
-- options `headers` and `body` may be can wait. They and the log hook may also close the source or
-- reconnect it: then the attempt is no longer the present one, and ends. Raises what such a
-- function raises, and where the request cannot be sent.
local function start(source, attempt_id, why)
  local given, body, content_type = source.options.headers, source.body, source.content_type
  if source.get_url then
    local text = source.get_url(why)
    if source.attempt_id ~= attempt_id then return end
    set_url(source, text)
  end
  if type(given) == "function" then given = given(why) end
  if source.attempt_id ~= attempt_id then return end
  if type(body) == "function" then
    body, content_type = message.body(NAME, source.method, (body(why)))
    if source.attempt_id ~= attempt_id then return end
  end
  local list = build_headers(source, given, content_type)
  if source.attempt_id ~= attempt_id then return end
  source.exchange = request.start {
    url = source.url, method = source.method, headers = list, body = body,
    options = source.options, owner = source,
  }
  source.heartbeat = heartbeat.watch(source.exchange, source.options.heartbeatTimeout,
    function(silence) source:end_connection(silence) end)
end

--- Starts the request of an attempt, unless that is no longer the source's present one.
-- @tparam table source of sse.client.source
-- @param attempt_id the source's when the attempt began
-- @tparam table|nil why the failure of the attempt before
function source_request.run(source, attempt_id, why)
  if source.attempt_id ~= attempt_id then return end
  task.start(function(err)
    core.defer(function() -- the program can add its listeners before the first attempt fails
      core.report(err)
      if source.attempt_id == attempt_id then source:fail(failure.from(err, "EINVAL")) end
    end)
  end, start, source, attempt_id, why)
end

return source_request
