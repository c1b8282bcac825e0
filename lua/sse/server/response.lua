--- A response as a handler gets it.
--
-- Fields: `closed`, whether nothing can be sent any more; `pending`, the bytes that the client has
-- not taken yet; `on_close`, nil or a function that the program sets. It is called with a reason
-- ("client", "server", "slow", "timeout", "error") if the response ends before it is complete. For
-- an event stream the stream's own `on_close` is called instead.
-- @module sse.server.response
local cookies = require "sse.server.cookies"
local core = require "sse.core"
local errors = require "sse.server.errors"
local headers = require "sse.shared.headers"
local heartbeat = require "sse.server.heartbeat"
local keys = require "sse.server.keys"
local options = require "sse.shared.options"
local pages = require "sse.shared.pages"
local protected = require "sse.shared.protected"
local response_head = require "sse.server.response_head"
local response_object = require "sse.server.response_object"
local stream = require "sse.stream"
local stream_limits = require "sse.server.stream_limits"
local stream_options = require "sse.server.stream_options"
local task = require "sse.task"

require "sse.server.replies" -- reply, json, redirect

local ANSWERED, BASE, BEGUN, DETACHED = keys.ANSWERED, keys.BASE, keys.BEGUN, keys.DETACHED
local EXCHANGE, KEPT, OBSERVER = keys.EXCHANGE, keys.KEPT, keys.OBSERVER
local exchange_methods = core.methods["sse.exchange"]
local send_head, send_piece = exchange_methods.start, exchange_methods.write

local response = { new = response_object.new }
local methods, metatable = response_object.methods, response_object.metatable
local check_unanswered = response_head.check_unanswered
local observe, wake_waiters = response_object.observe, response_object.wake_waiters

--- Keeps a header field for the response, whichever method sends it: `reply`, `json`, `redirect`,
-- `write_head`, `write`, `event_stream`, or a handler of `sse.file` or `server:static`. Fields that
-- are given to that method replace kept ones of the same name. A response that the server sends
-- after an error in the handler has none of the kept fields. Raises if the head has been sent.
-- @tparam string name in any case
-- @tparam string|number|table|nil value a list gives the field several times; it replaces what was
-- kept of the name, nil removes that
-- @return the response
function methods:header(name, ...)
  options.check_self(self, metatable, "res:header(name, value)", select(2, ...))
  if select("#", ...) == 0 then
    error("header: expected a name and a value (nil removes the field)", 2)
  end
  if self[ANSWERED] then error("header: the head has been sent already", 2) end
  response_head.keep(self, name, (...), 2)
  return self
end

--- Sets a cookie, with the response, whichever method sends it, as `res:header` keeps a field. A
-- cookie of the same name, path and domain that was set before is replaced. Raises if the head has
-- been sent, and on a cookie that browsers drop.
-- @tparam string name
-- @tparam string|number|nil value any text, of which `req.cookies` has the same; nil removes the
-- cookie
-- @tparam[opt] table given `max_age` (milliseconds that the browser keeps the cookie; without it,
-- until it is closed); `http_only` (true: scripts don't see the cookie); `same_site` ("Lax", which
-- other sites' links send; "Strict"; "None"); `secure` (by default as the request came, and true
-- where the others want that); `path` ("/"); `domain` (none: this host alone)
-- @return the response
function methods:cookie(name, ...)
  options.check_self(self, metatable, "res:cookie(name, value, options)", select(3, ...))
  if select("#", ...) == 0 then
    local message = "cookie: expected a name and a value (nil removes the cookie)%s"
    error(message:format(pages.at "arguments"), 2)
  end
  if self[ANSWERED] then
    error("cookie: the head has been sent already" .. pages.at "answered", 2)
  end
  local value, given = ...
  local field = cookies.field(name, value, given, self[keys.REQ].secure, 3)
  response_head.keep_cookie(self, field, 2)
  return self
end

--- Sends the head of a response whose body follows by `write` and `finish`. Raises if the request
-- has been answered already.
-- @tparam int status 200 to 599
-- @tparam[opt] table fields header fields, name to value or list of values; without a Content-Type
-- the body is text/plain
-- @return true; or nil, message, code if the client has gone
function methods:write_head(status, fields, ...)
  options.check_self(self, metatable, "res:write_head(status, headers)", ...)
  response_head.check_status("write_head", status, 2)
  check_unanswered(self, 2)
  local list = response_head.fields(self, fields, 2)
  if not response_head.without_body[status] then
    headers.set_default(list, "Content-Type", response_head.TEXT)
  end
  local ok, why, code = send_head(self[EXCHANGE], status, list)
  if ok then self[ANSWERED] = BEGUN end
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
  local list = response_head.fields(self, fields, 2)
  headers.set_default(list, "Content-Type", response_head.TEXT)
  local ok, why, code = send_head(self[EXCHANGE], status, list, length)
  self[ANSWERED] = ok and BEGUN or code == "EFULL" -- full: the core sent a 503
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
  response_head.check_no_stream(self, "write", 2)
  if not self[ANSWERED] then
    local ok, message, code = self:write_head(200)
    if not ok then return nil, message, code end
  end
  return send_piece(self[EXCHANGE], bytes)
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
  response_head.check_no_stream(self, "finish", 2)
  local ok, message, code = true, nil, nil
  if not self[ANSWERED] then ok, message, code = self:reply(200, bytes)
  elseif bytes and bytes ~= "" then ok, message, code = send_piece(self[EXCHANGE], bytes) end
  if not ok and bytes then return nil, message, code end
  exchange_methods.finish(self[EXCHANGE])
  local observer = rawget(self, OBSERVER)
  if observer then wake_waiters(observer) end
  return true
end

--- Detaches the response from its handler: it may be sent, or go on, after the handler has
-- returned, by a timer, a callback or another task. It then ends only by `reply` or `finish`.
function methods:detach(...)
  options.check_self(self, metatable, "res:detach()", ...)
  rawset(self, DETACHED, true)
end

--- Waits until the client has taken all that is pending: in a task by yielding, outside of one by
-- pumping the loop.
-- @return true; or nil, "closed", "ECLOSED"
function methods:drain(...)
  options.check_self(self, metatable, "res:drain()", ...)
  local answered = self[ANSWERED]
  if type(answered) == "userdata" then return answered:drain() end
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

-- Ends a stream that is one too many by a limit. Its client comes back after a time that is not the
-- same for all.
local function close_limited(server, opened)
  server.limited.streams = server.limited.streams + 1
  opened:send { retry = math.random(1000, 10000) }
  opened:close()
end

-- Counts a stream for the limits that apply to it, or ends it.
local function apply_limits(self, limits, opened)
  if opened.closed then return end
  if stream_limits.find_full(limits) then return close_limited(self[keys.SERVER], opened) end
  stream_limits.count(limits, opened)
end

-- Calls the on_close of a stream whose client had gone before it was opened.
local function tell_gone(server, opened)
  if not opened.on_close then return end
  local ok, err = protected.call(opened.on_close, "client")
  if not ok then errors.report(server.on_error, err, { what = "on_close", stream = opened }) end
end

--- Answers with an event stream, and sends its head at once. A HEAD request gets the head alone,
-- and the stream is closed. Raises if the request has been answered already.
-- @tparam[opt] table given docs/reference/handlers.md describes them
-- @return the stream. If the client has gone already, or the stream is one more than a limit of
-- `server:limit` allows, it is closed, and its `on_close` is called if the handler sets it before
-- its first wait. Or nil, message, code as of `reply`.
function methods:event_stream(given, surplus)
  options.check_self(self, metatable, "res:event_stream(options)", surplus)
  if given ~= nil then options.check("res:event_stream", given, stream_options) end
  check_unanswered(self, 2)
  local inner, compress = nil, self[keys.SERVER].compress
  if given or rawget(self, BASE) or rawget(self, KEPT) or compress ~= nil then
    given = given or {}
    local every, event = heartbeat.split(given.heartbeat)
    inner = {
      headers = response_head.fields(self, given.headers, 2), retry = given.retry,
      heartbeat = every, heartbeat_event = event, max_pending = given.max_pending,
      max_life = given.max_life, compress = given.compress, finish = given.finish,
    }
    if headers.has(inner.headers, "Content-Type") then
      error("res:event_stream: the headers can't have a Content-Type: it is text/event-stream", 2)
    end
    if inner.compress == nil then inner.compress = compress end
  end
  local opened, gone, code = exchange_methods.event_stream(self[EXCHANGE], inner)
  if code == "EBUSY" then error("res:event_stream: " .. gone, 2) end
  if not opened then return nil, gone, code end
  local observer = rawget(self, OBSERVER)
  if observer and observer.on_close then opened.on_close = observer.on_close end
  self[ANSWERED] = opened
  local last_id = self[keys.REQ].last_event_id
  if last_id then stream.set_last_event_id(opened, last_id) end
  if gone then core.defer(function() tell_gone(self[keys.SERVER], opened) end) end
  local limits = rawget(self, keys.LIMITS)
  if limits then apply_limits(self, limits, opened) end
  return opened
end

--- Ends the response after an error in its handler: by a 500 without kept fields if nothing was
-- sent, else by breaking it off.
-- @return true if the 500 was sent
function response.fail(self)
  local answered = self[ANSWERED]
  rawset(self, KEPT, nil)
  if not answered then return self:reply(500, "Internal Server Error\n") end
  if type(answered) == "userdata" then core.break_off(answered)
  else exchange_methods.abort(self[EXCHANGE]) end
end

return response
