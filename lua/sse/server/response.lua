--- A response as a handler gets it.
--
-- Fields: `closed`, whether nothing can be sent any more; `pending`, the bytes that the client has
-- not taken yet; `onclose`, nil or a function that the program sets. It is called with a reason
-- ("client", "server", "slow", "timeout", "error") if the response ends before it is complete. For
-- an event stream the stream's own `onclose` is called instead.
-- @module sse.server.response
local core = require "sse.core"
local headers = require "sse.shared.headers"
local hints = require "sse.shared.hints"
local json = require "sse.json"
local options = require "sse.shared.options"
local stream = require "sse.stream"
local stream_options = require "sse.server.stream_options"
local task = require "sse.task"

local response = {}
local methods = {}
local getters = {}

local TEXT = "text/plain; charset=utf-8"
local MAX_FIELDS = 92 -- header fields of a program's, beside those that the core adds
local without_body = { [204] = true, [304] = true }

function getters:closed()
  local state = self.exchange.state
  return state == "finished" or state == "closed"
end

function getters:pending() return self.exchange.pending end
function getters:onclose() return self.observer and self.observer.onclose or nil end

local metatable = {
  __name = "sse.response",
  __index = function(self, key)
    if methods[key] then return methods[key] end
    local getter = getters[key]
    if getter then return getter(self) end
    hints.raise_missing("response", "a response", key, methods, getters)
  end,
}

-- Ends the waits of `res:drain`.
local function wake_waiters(observer)
  local waiters = observer.waiters
  if not waiters then return end
  observer.waiters = false
  for _, resume in ipairs(waiters) do resume() end
end

-- The response's observer of the exchange, made at its first use: `waiters`, the functions that
-- resume those who wait in `res:drain`, or false; `onclose`. The exchange refers to the observer to
-- its end, and the observer does not refer to the response: so the response, and what the program
-- refers to by it, can be collected earlier.
local function observe(self)
  local observer = self.observer
  if observer then return observer end
  observer = { waiters = false, onclose = nil }
  rawset(self, "observer", observer)
  self.exchange.onclose = function(reason)
    local onclose = observer.onclose
    wake_waiters(observer)
    if onclose then onclose(reason) end
  end
  self.exchange.ondrain = function() wake_waiters(observer) end
  return observer
end

function metatable.__newindex(self, key, value)
  if key ~= "onclose" then
    options.raise_unknown_field("response", "a response", key, { onclose = true })
  end
  options.check_callback("onclose", value)
  observe(self).onclose = value
end

--- Makes the response of an exchange of the core. Its states, for the server: `answered`, a whole
-- response, the head of one or an event stream was begun; `begun`, the body follows piece by piece;
-- `detached`. `base` is the list of header fields that every response to the request gets, or
-- false.
-- @param exchange
-- @param req its request
-- @tparam[opt] boolean|string compress the server's option, for streams that have none of their own
function response.new(exchange, req, compress)
  return setmetatable({ exchange = exchange, req = req, base = false, observer = false,
    stream = false, answered = false, begun = false, detached = false, compress = compress },
    metatable)
end

-- The list of header fields: those of every response to the request, then those given. Raises on
-- wrong ones, at the line of the caller's caller.
local function fields_of(self, given)
  local base = self.base
  local list = base and table.move(base, 1, #base, 1, {}) or {}
  if given == nil then return list end
  local own, message = headers.list(given)
  if not own then error(message, 3) end
  table.move(own, 1, #own, #list + 1, list)
  if #list > 2 * MAX_FIELDS then
    error(("too many headers: %d, at most %d"):format(#list // 2, MAX_FIELDS), 3)
  end
  return list
end

local function check_unanswered(self)
  if self.answered then error("the request was answered already", 3) end
end

local function check_status(name, status)
  local whole = type(status) == "number" and math.tointeger(status)
  if not whole or whole < 200 or whole > 599 then
    local message = "%s: status must be a whole number from 200 to 599, got %s"
    error(message:format(name, options.show(status)), 3)
  end
end

local function encode(body)
  if type(body) == "string" then return body, TEXT end
  if type(body) == "table" then
    local ok, text = pcall(json.encode, body)
    if not ok then error(("reply: the body: %s"):format(text), 3) end
    return text, "application/json"
  end
  error(("reply: the body must be a string or a table, got %s"):format(type(body)), 3)
end

--- Sends a whole response. Raises if the request has been answered already.
-- @tparam int status 200 to 599
-- @tparam[opt] string|table body a string is text/plain, a table is encoded as JSON, unless
-- `fields` has a Content-Type. Not sent with status 204 and 304, nor to HEAD.
-- @tparam[opt] table fields header fields, name to value or list of values
-- @return true; or nil, message, code: "EFULL" if the server holds more than `max_buffered` bytes,
-- and the client was sent a 503 instead; else the client has gone
function methods:reply(status, body, fields, surplus)
  options.check_self(self, metatable, "res:reply(status, body, headers)", surplus)
  check_status("reply", status)
  check_unanswered(self)
  local list = fields_of(self, fields)
  local text = ""
  if body ~= nil and not without_body[status] then
    local content_type
    text, content_type = encode(body)
    headers.set_default(list, "Content-Type", content_type)
  end
  local ok, why, code = self.exchange:reply(status, list, text)
  if ok or code == "EFULL" then self.answered = true end
  return ok, why, code
end

--- Sends the head of a response whose body follows by `write` and `finish`. Raises if the request
-- has been answered already.
-- @tparam int status 200 to 599
-- @tparam[opt] table fields header fields, name to value or list of values; without a Content-Type
-- the body is text/plain
-- @return true; or nil, message, code if the client has gone
function methods:write_head(status, fields, ...)
  options.check_self(self, metatable, "res:write_head(status, headers)", ...)
  check_status("write_head", status)
  check_unanswered(self)
  local list = fields_of(self, fields)
  if not without_body[status] then headers.set_default(list, "Content-Type", TEXT) end
  local ok, why, code = self.exchange:start(status, list)
  if ok then self.answered, self.begun = true, true end
  return ok, why, code
end

--- As `write_head`, with a Content-Length. If `finish` is called before so many bytes were written,
-- the response breaks off. Without the checks of `write_head`, for sse.server.file_sending.
-- @param self the response
-- @tparam int status
-- @tparam table fields
-- @tparam int length bytes of the body
-- @return as of `res:reply`
function response.start_sized(self, status, fields, length)
  local list = fields_of(self, fields)
  headers.set_default(list, "Content-Type", TEXT)
  local ok, why, code = self.exchange:start(status, list, length)
  self.answered, self.begun = ok or code == "EFULL", ok or false -- full: the core sent a 503
  return ok, why, code
end

--- Sends a piece of the body; before it, if there was no `write_head`, a head of status 200.
-- @tparam string bytes
-- @return true; or nil, "closed", "ECLOSED" if the response has ended or the client has gone; or
-- nil, "full", "EFULL" if too many bytes are pending. Nothing of the piece was taken then; `drain`
-- waits for room.
function methods:write(bytes, surplus)
  options.check_self(self, metatable, "res:write(bytes)", surplus)
  if type(bytes) ~= "string" then
    error(("write: expected a string, got %s"):format(type(bytes)), 2)
  end
  if self.exchange.state == "open" then
    local ok, message, code = self:write_head(200)
    if not ok then return nil, message, code end
  end
  return self.exchange:write(bytes)
end

--- Ends a response that `write_head` or `write` began; without these, sends a whole one of status
-- 200. Harmless at the end. Also called when the handler returns, unless the response is detached.
-- @tparam[opt] string bytes a last piece of the body, sent before the end
-- @return true; or nil, message, code as of `write` if the last piece was not taken, and the
-- response goes on
function methods:finish(bytes, surplus)
  options.check_self(self, metatable, "res:finish(bytes)", surplus)
  if bytes ~= nil and type(bytes) ~= "string" then
    error(("finish: expected a string, got %s"):format(type(bytes)), 2)
  end
  local ok, message, code = true, nil, nil
  if self.exchange.state == "open" then ok, message, code = self:reply(200, bytes)
  elseif bytes and bytes ~= "" then ok, message, code = self.exchange:write(bytes) end
  if not ok and bytes then return nil, message, code end
  self.exchange:finish()
  if self.observer then wake_waiters(self.observer) end
  return true
end

--- Detaches the response from its handler: it may be sent, or go on, after the handler has
-- returned, by a timer, a callback or another task. It then ends only by `reply` or `finish`.
function methods:detach(...)
  options.check_self(self, metatable, "res:detach()", ...)
  self.detached = true
end

--- Waits until the client has taken all that is pending: in a task by yielding, outside of one by
-- pumping the loop.
-- @return true; or nil, "closed", "ECLOSED"
function methods:drain(...)
  options.check_self(self, metatable, "res:drain()", ...)
  local observer = observe(self)
  while not self.closed and self.pending > 0 do
    task.await(function(resume)
      observer.waiters = observer.waiters or {}
      table.insert(observer.waiters, resume)
    end, "res:drain")
  end
  if self.closed then return nil, "closed", "ECLOSED" end
  return true
end

--- Answers with an event stream, and sends its head at once. A HEAD request gets the head alone,
-- and the stream is closed. Raises if the request has been answered already.
-- @tparam[opt] table given `retry` (milliseconds, sent at once); `headers` (name to value or list
-- of values); `keep_alive` (a comment is sent after so many milliseconds of silence; false: none);
-- `max_pending` (bytes that a slow client may be behind); `compress`, which counts if the client
-- accepts gzip or deflate: true or "shared" compresses each event once for all who get it, "window"
-- compresses further, at 18 KiB a stream, false does not; by default the server's option
-- @return the stream. If the client has gone already the stream is closed, and its `onclose` is
-- called if the handler sets it before its first wait. Or nil, message, code as of `reply`.
function methods:event_stream(given, surplus)
  options.check_self(self, metatable, "res:event_stream(options)", surplus)
  if given ~= nil then options.check("event_stream", given, stream_options) end
  check_unanswered(self)
  local req, inner, compress = self.req, nil, rawget(self, "compress")
  if given or self.base or compress ~= nil then
    given = given or {}
    inner = {
      headers = fields_of(self, given.headers), retry = given.retry,
      keep_alive = given.keep_alive, max_pending = given.max_pending, compress = given.compress,
    }
    if headers.has(inner.headers, "Content-Type") then
      error("event_stream: the headers can't have a Content-Type: it is text/event-stream", 2)
    end
    if inner.compress == nil then inner.compress = compress end
  end
  local opened, gone, code = self.exchange:event_stream(inner)
  if not opened then return nil, gone, code end
  self.stream, self.answered = opened, true
  local last_id = req.last_event_id
  if last_id then stream.set_last_event_id(opened, last_id) end
  if gone then
    core.defer(function()
      if opened.onclose then opened.onclose("client") end
    end)
  end
  return opened
end

--- Ends the response after an error in its handler: by a 500 if nothing was sent, else by breaking
-- it off.
-- @return true if the 500 was sent
function response.fail(self)
  if self.stream then
    self.stream:abort()
  elseif self.exchange.state == "open" then
    return self:reply(500, "Internal Server Error\n")
  else
    self.exchange:abort()
  end
end

return response
