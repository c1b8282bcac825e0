--- The methods of a response that send a whole one: `reply`, and its short forms `json` and
-- `redirect`. A response gets them by sse.server.response.
-- @module sse.server.replies
local conditions = require "sse.server.conditions"
local core = require "sse.core"
local json = require "sse.json"
local keys = require "sse.server.keys"
local options = require "sse.shared.options"
local response_head = require "sse.server.response_head"
local response_object = require "sse.server.response_object"

local ANSWERED, EXCHANGE, REQ = keys.ANSWERED, keys.EXCHANGE, keys.REQ
local reply = core.methods["sse.exchange"].reply
local methods, metatable = response_object.methods, response_object.metatable
local check_status, check_unanswered = response_head.check_status, response_head.check_unanswered

local whole, without_body = response_head.whole, response_head.without_body

-- The Content-Type of a body that is given to `reply`, by the body's type.
local content_types = { string = response_head.TEXT, table = response_head.JSON }

-- Sends a whole response. One of status 200 that has more header fields than its type may become
-- another by the request's conditions.
local function send(self, status, fields, text)
  if status == 200 and fields[3] then
    status, fields, text = conditions.apply(self[REQ], fields, text or "")
  end
  local ok, why, code = reply(self[EXCHANGE], status, fields, text)
  if ok or code == "EFULL" then self[ANSWERED] = true end
  return ok, why, code
end

-- Encodes a value as JSON. Raises, at the line of the caller's caller, what JSON does not have;
-- `what` is the value's name in the message.
local function encode(value, what)
  local ok, text = pcall(json.encode, value)
  if not ok then error(("%s: %s"):format(what, text), 3) end
  return text
end

--- Sends a whole response. Raises if the request has been answered already.
-- @tparam int status 200 to 599
-- @tparam[opt] string|table body a string is text/plain, a table is encoded as JSON, unless
-- `fields` has a Content-Type. Not sent with status 204 and 304, nor to HEAD.
-- @tparam[opt] table fields header fields, name to value or list of values. With status 200 an
-- `ETag` or `Last-Modified` among them, or kept by `res:header`, makes the response a 304 if the
-- client has what it names, and `Accept-Ranges: bytes` lets the client ask for a part of the body
-- @return true; or nil, message, code: "EFULL" if the server holds more than `max_pending_total`
-- bytes, and the client was sent a 503 instead; else the client has gone
function methods:reply(status, body, fields, surplus)
  options.check_self(self, metatable, "res:reply(status, body, headers)", surplus)
  check_status("reply", status, 2)
  check_unanswered(self, 2)
  local content_type = content_types[type(body)]
  if not content_type and body ~= nil then
    local message = "reply: the body must be a string or a table, got %s [docs/errors.md#body]"
    error(message:format(options.show(body)), 2)
  end
  if without_body[status] then content_type = nil end
  local list = whole(self, fields, content_type, 2)
  if not content_type then body = ""
  elseif content_type == response_head.JSON then body = encode(body, "reply: the body") end
  return send(self, status, list, body)
end

--- Sends a value as JSON, with the type application/json unless `res:header` keeps a Content-Type.
-- Raises if the request has been answered already, and on what JSON does not have.
-- @param value as of `sse.json.encode`: a table, a string, a number, a boolean or `sse.json.null`
-- @tparam[opt=200] int status 200 to 599; with 204 and 304 the value is not sent
-- @return as of `reply`
function methods:json(value, status, surplus)
  options.check_self(self, metatable, "res:json(value, status)", surplus)
  if type(status) == "table" and type(value) == "number" then
    error("json: the value is the first argument, the status the second "
      .. "[docs/errors.md#arguments]", 2)
  end
  if status ~= nil then check_status("json", status, 2) end
  check_unanswered(self, 2)
  if value == nil then error("json: expected a value (sse.json.null is JSON's null)", 2) end
  local text, content_type = encode(value, "json"), response_head.JSON
  if without_body[status] then text, content_type = "", nil end
  return send(self, status or 200, whole(self, nil, content_type, 2), text)
end

local redirects = { [301] = true, [302] = true, [303] = true, [307] = true, [308] = true }

-- What is wrong with the URL of a redirect, or nil. Its characters are those of a URI reference
-- (RFC 3986): nothing in it can end the header field.
local function problem_of(url)
  if type(url) ~= "string" then return "expected a URL, got " .. options.show(url) end
  if url == "" then return "the URL is empty" end
  local other = url:match "[^%w%-._~:/?#%[%]@!$&'()*+,;=%%]"
  if other then return ("the URL holds %q: write it percent-encoded"):format(other) end
  if url:gsub("%%%x%x", ""):find("%", 1, true) then
    return "the URL holds a '%' without two hexadecimal digits: write it as %25"
  end
end

--- Sends the client on to another URL, by a Location field and without a body. The URL is sent as
-- it is: whoever takes it from a request checks where it leads. Raises if the request has been
-- answered already.
-- @tparam string url absolute, or relative to that of the request: "/login", "?page=2". It consists
-- of the characters of URLs; others are percent-encoded.
-- @tparam[opt=302] int status 301, 302, 303, 307 or 308
-- @return as of `reply`
function methods:redirect(url, status, surplus)
  options.check_self(self, metatable, "res:redirect(url, status)", surplus)
  local problem = problem_of(url)
  if redirects[url] then problem = "the URL is the first argument, the status the second" end
  if problem then error("redirect: " .. problem, 2) end
  if status ~= nil and not redirects[status] then
    local message = "redirect: status must be 301, 302, 303, 307 or 308, got %s"
    error(message:format(options.show(status)), 2)
  end
  check_unanswered(self, 2)
  return send(self, status or 302, whole(self, { Location = url }, nil, 2), "")
end
