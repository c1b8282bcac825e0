--- The answer to a request, as a handler gets it.
--
-- `onclose`, a function that may be set, is called with the reason ("client", "server", "slow",
-- "timeout", "error") when the answer ended before it was complete; that of an event stream is the
-- stream's own `onclose`. `closed`: nothing can be sent any more. `pending`: bytes that the client
-- has not taken yet.
-- @module sse.server.response
local core = require "sse.core"
local headers = require "sse.shared.headers"
local json = require "sse.json"
local options = require "sse.shared.options"
local stream_methods = require "sse.stream"
local task = require "sse.task"

local response = {}
local methods = {}
local getters = {}

local TEXT = "text/plain; charset=utf-8"
local MOST = 1 << 50 -- of any number of an event stream's options
local MOST_FIELDS = 92 -- beside what the core adds
local without_body = { [204] = true, [304] = true }

function getters:closed()
  local state = self.exchange.state
  return state == "finished" or state == "closed"
end

function getters:pending() return self.exchange.pending end
function getters:onclose() return self.news and self.news.close_handler or nil end

local metatable = {
  __name = "sse.response",
  __index = function(self, key)
    if methods[key] then return methods[key] end
    return getters[key] and getters[key](self)
  end,
}

-- Wakes those who wait for room.
local function wake(news)
  local waiting = news.waiting
  if not waiting then return end
  news.waiting = false
  for _, resume in ipairs(waiting) do resume() end
end

-- Whom to tell of the exchange's news. The functions do not refer to the response: the exchange
-- keeps them to its end, and would keep the response and all that its owner put around it.
local function watch(self)
  local news = self.news
  if news then return news end
  news = { waiting = false, close_handler = nil }
  rawset(self, "news", news)
  self.exchange.onclose = function(reason)
    local handler = news.close_handler
    wake(news)
    if handler then handler(reason) end
  end
  self.exchange.ondrain = function() wake(news) end
  return news
end

function metatable.__newindex(self, key, value)
  if key ~= "onclose" then options.unknown_field("a response", key, { onclose = true }) end
  options.callback("onclose", value)
  watch(self).close_handler = value
end

--- Wraps an exchange of the core.
-- @param exchange
-- @param req its request
-- @tparam[opt] boolean|string compress the server's, for streams without an option of their own
function response.new(exchange, req, compress)
  return setmetatable({ exchange = exchange, req = req, base = false, news = false,
    stream = false, answered = false, begun = false, detached = false, compress = compress },
    metatable)
end

-- The fields every answer to this request has, then those given.
local function fields_of(self, given)
  local base = self.base
  local list = base and table.move(base, 1, #base, 1, {}) or {}
  if given == nil then return list end
  local own, message = headers.list(given)
  if not own then error(message, 3) end
  table.move(own, 1, #own, #list + 1, list)
  if #list > 2 * MOST_FIELDS then
    error(("too many headers: %d, at most %d"):format(#list // 2, MOST_FIELDS), 3)
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

--- Answers with a whole body. A string is text/plain and a table JSON, unless the headers name a
-- type. Raises where the request was answered already.
-- @tparam int status 200 to 599
-- @tparam[opt] string|table body not sent with 204 and 304, nor to HEAD
-- @tparam[opt] table fields header name to value or list of values
-- @return true; or nil, message, code where the client has gone, or was sent a 503 since the server
-- holds more than `max_buffered` ("full", "EFULL")
function methods:reply(status, body, fields)
  options.method(self, metatable, "res:reply")
  check_status("reply", status)
  check_unanswered(self)
  local list = fields_of(self, fields)
  local text = ""
  if body ~= nil and not without_body[status] then
    local content_type
    text, content_type = encode(body)
    headers.default(list, "Content-Type", content_type)
  end
  local ok, why, code = self.exchange:reply(status, list, text)
  if ok or code == "EFULL" then self.answered = true end
  return ok, why, code
end

--- Begins an answer whose body follows piece by piece.
-- @tparam int status 200 to 599
-- @tparam[opt] table fields; without a Content-Type it is text/plain
-- @return true; or nil, message, code where the client has gone
function methods:write_head(status, fields)
  options.method(self, metatable, "res:write_head")
  check_status("write_head", status)
  check_unanswered(self)
  local list = fields_of(self, fields)
  if not without_body[status] then headers.default(list, "Content-Type", TEXT) end
  local ok, why, code = self.exchange:start(status, list)
  if ok then self.answered, self.begun = true, true end
  return ok, why, code
end

--- As `write_head`, of a body whose length is known: it is an error to `finish` before that many
-- bytes were written, and the answer breaks off.
-- @tparam int length
function response.start_sized(self, status, fields, length)
  local list = fields_of(self, fields)
  headers.default(list, "Content-Type", TEXT)
  local ok, why, code = self.exchange:start(status, list, length)
  self.answered, self.begun = ok or code == "EFULL", ok or false -- full: the core sent a 503
  return ok, why, code
end

--- Sends a piece of body, after a head of status 200 where none was written.
-- @tparam string bytes
-- @return true; or nil, "closed", "ECLOSED"; or nil, "full", "EFULL" where the client is too slow:
-- nothing of the piece was taken then, and `drain` waits for room
function methods:write(bytes)
  options.method(self, metatable, "res:write")
  if type(bytes) ~= "string" then
    error(("write: expected a string, got %s"):format(type(bytes)), 2)
  end
  if self.exchange.state == "open" then
    local ok, message, code = self:write_head(200)
    if not ok then return nil, message, code end
  end
  return self.exchange:write(bytes)
end

--- Ends a streamed answer; without any before, an empty one of status 200. Harmless when ended. The
-- return of the handler does it, too, unless the answer is detached.
function methods:finish()
  options.method(self, metatable, "res:finish")
  if self.exchange.state == "open" then self:reply(200) end
  self.exchange:finish()
  if self.news then wake(self.news) end
end

--- Says that the answer comes, or goes on, after the handler has returned: by a timer, a callback
-- or another task that has `res`. It is finished by `reply` or `finish` only.
function methods:detach()
  options.method(self, metatable, "res:detach")
  self.detached = true
end

--- Waits until the client has taken what is pending: a task yields, outside of one the loop is
-- pumped.
-- @return true; or nil, "closed", "ECLOSED"
function methods:drain()
  options.method(self, metatable, "res:drain")
  local news = watch(self)
  while not self.closed and self.pending > 0 do
    task.await(function(resume)
      news.waiting = news.waiting or {}
      table.insert(news.waiting, resume)
    end, "res:drain")
  end
  if self.closed then return nil, "closed", "ECLOSED" end
  return true
end

--- The rule of the option `compress`.
response.compress = {
  expected = 'true, false, "shared" or "window"',
  check = function(v) return type(v) == "boolean" or v == "shared" or v == "window" end,
}

local stream_options = {
  retry = options.number(0, MOST, "milliseconds"),
  headers = "table",
  keep_alive = {
    expected = ("a number from 1 to %d (milliseconds), or false"):format(MOST),
    check = function(v) return v == false or type(v) == "number" and v >= 1 and v <= MOST end,
  },
  max_pending = options.integer(1, MOST),
  compress = response.compress,
}

--- Answers with an event stream, whose head is sent at once. To HEAD it is the head alone: the
-- stream given is closed.
-- @tparam[opt] table given `retry` (ms, sent at once), `headers`, `keep_alive` (ms of silence
-- before a comment, false for none), `max_pending` (bytes a slow client may be behind), `compress`
-- (where the client asks for gzip or deflate: true or "shared", each event by itself, made once for
-- all who get it; "window", smaller, at 18 KiB a stream; false; without it as the server has it)
-- @return the stream. Where the client has gone it is closed from the beginning; its `onclose` is
-- called all the same if the handler sets it before it waits.
function methods:event_stream(given)
  options.method(self, metatable, "res:event_stream")
  if given ~= nil then options.check("event_stream", given, stream_options) end
  check_unanswered(self)
  local req, inner = self.req, nil
  if given or self.base or self.compress ~= nil then
    given = given or {}
    inner = {
      headers = fields_of(self, given.headers), retry = given.retry,
      keep_alive = given.keep_alive, max_pending = given.max_pending, compress = given.compress,
    }
    if headers.has(inner.headers, "Content-Type") then
      error("event_stream: the headers can't have a Content-Type: it is text/event-stream", 2)
    end
    if inner.compress == nil then inner.compress = self.compress end
  end
  local stream, gone, code = self.exchange:event_stream(inner)
  if not stream then return nil, gone, code end
  self.stream, self.answered = stream, true
  local last_id = req.last_event_id
  if last_id then stream_methods.resume(stream, last_id) end
  if gone then
    core.defer(function()
      if stream.onclose then stream.onclose("client") end
    end)
  end
  return stream
end

--- After an error: 500 where nothing was sent, otherwise the answer breaks off.
-- @return true where the 500 was sent; nothing where the client has gone
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
