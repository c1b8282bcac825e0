--- The response that fetch gives: its fields, and the methods that read its body.
-- @module sse.client.response
local core = require "sse.core"
local hints = require "sse.shared.hints"
local json = require "sse.json"
local options = require "sse.shared.options"
local pages = require "sse.shared.pages"
local task = require "sse.task"

local response = {}

local BODY, HEAD = {}, {} -- the keys of a response's body and head in the response

local events_spec = options.spec("Response:events", {
  lastEventId = options.event_id,
  untilData = "string", untilType = "string", ["until"] = "function",
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
  if body.used then
    error("Response: the body was read already, or is being read [docs/errors.md#body]", 3)
  end
  body.used = true
  return body
end

-- Raises where the program cannot wait for the rest of the body; the body then counts as unread.
local function check_can_wait(self, call, ...)
  if not body_of(3, self, call, ...).pieces.finished then task.check_can_wait("Response", 3) end
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
-- The loop ends before the first event that has the data of `untilData` ("[DONE]"), whatever white
-- space is around these, or the type of `untilType` ("message_stop"), or for which the function in
-- `["until"]` (a word of Lua's, so in brackets) returns true. The rest of the body is received for
-- a moment (8 KiB, 200 ms) and dropped, so that the connection can be used again. A body that ends
-- without such an event is incomplete: `res.failure` then has the code EUNFINISHED, or that of the
-- lost connection.
--
-- At the end of a complete body the last event needs no empty line. `res.failure` says where a body
-- ends within an event (EUNFINISHED) or with lines that are of no event (EUNFINISHED, which quotes
-- them), and where no event came from a body whose status or type is not that of an event stream
-- (EHTTP, ETYPE; with `status`, `headers` and the beginning of the body).
-- @tparam[opt] table given `untilData`, `untilType`, `["until"]` (a function that gets the event);
-- `lastEventId`, the id that events have until the body names one
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

--- Reads the whole body and decodes it from JSON; with keys, one value of it, as `sse.json.get`
-- does.
-- @tparam string|int ... names and places that lead to the value
-- @return the value; or nil, message, code ("EINVAL" if it is not JSON)
function methods:json(...)
  check_can_wait(self, "res:json()")
  local ok, wrong = pcall(core.check_json_keys, ...)
  if not ok then error(wrong, 2) end
  local text, why = start_reading(self, "res:json()"):text()
  if not text then return nil, why.message, why.code end
  local value, problem = json.get(text, ...)
  if problem then return nil, problem, "EINVAL" end
  return value
end

--- Drops the rest of the body and closes its connection. Harmless at the end.
function methods:close(...)
  body_of(2, self, "res:close()", ...):close()
end

-- Called with the response.
local getters = {
  status = function(self) return self[HEAD].status end,
  ok = function(self) return self[HEAD].status >= 200 and self[HEAD].status <= 299 end,
  headers = function(self) return self[HEAD].headers end,
  url = function(self) return self[HEAD].url.href end,
  redirected = function(self) return self[HEAD].redirected end,
  protocol = function(self) return self[HEAD].protocol end,
  tls = function(self) return self[HEAD].tls end,
  failure = function(self) return self[BODY].failure end,
  retry = function(self) return self[BODY].retry end,
  lastEventId = function(self)
    local parser = self[BODY].parser
    return parser and parser.last_event_id
  end,
}

-- A response that is collected unread closes its connection.
local function close_body(self) self[BODY]:close() end

local metatable = { __name = "Response", __gc = close_body, __close = close_body }

function metatable:__index(key)
  local method = methods[key]
  if method then return method end
  local getter = getters[key]
  if getter then return getter(self) end
  hints.raise_missing("Response", "a Response", key, methods, getters)
end

function metatable:__newindex(key)
  options.raise_unknown_field("Response", "a Response", key, {})
end

function metatable:__pairs()
  local fields = {}
  for name, getter in pairs(getters) do fields[name] = getter(self) end
  return next, fields
end

-- `for ev in res do` calls the response.
function metatable.__call()
  error("a Response is no iterator: write 'for ev in res:events() do', or res:lines(), res:chunks()"
    .. pages.at "names", 2)
end

function metatable:__tostring()
  return ("Response: %d %s"):format(self[HEAD].status, self[HEAD].url.request)
end

--- Makes a response.
-- @tparam table head of sse.client.request
-- @tparam table body of sse.client.response_body
-- @treturn Response
function response.new(head, body)
  return setmetatable({ [HEAD] = head, [BODY] = body }, metatable)
end

return response
