--- The head of a response: its status and header fields, checked and put together.
--
-- Each `level` is as of `error`, seen from the caller.
-- @module sse.server.response_head
local cookies = require "sse.server.cookies"
local headers = require "sse.shared.headers"
local keys = require "sse.server.keys"
local options = require "sse.shared.options"

local ANSWERED, BASE, KEPT, SERVER = keys.ANSWERED, keys.BASE, keys.KEPT, keys.SERVER

local response_head = {}

local MAX_FIELDS = 92 -- header fields of a program's, beside those that the core adds

local ANSWERED_ALREADY = "the request was answered already [docs/errors.md#answered]"
local IS_STREAM = ": the response is an event stream, which has 'send' and 'close' "
  .. "[docs/errors.md#answered]"

--- The Content-Type of a body that has none of its own.
response_head.TEXT = "text/plain; charset=utf-8"

--- That of a body which is encoded as JSON.
response_head.JSON = "application/json"

--- Whether a response of this status has no body.
response_head.without_body = { [204] = true, [304] = true }

--- Raises if a response has been begun already.
function response_head.check_unanswered(self, level)
  if self[ANSWERED] then error(ANSWERED_ALREADY, level + 1) end
end

--- Raises if the response is an event stream.
-- @tparam string name of the method, for the message
function response_head.check_no_stream(self, name, level)
  if type(self[ANSWERED]) == "userdata" then
    error(name .. IS_STREAM, level + 1)
  end
end

local statuses = {}
for status = 200, 599 do statuses[status] = true end

--- Raises if a status is not a whole number from 200 to 599.
-- @tparam string name of the method, for the message
function response_head.check_status(name, status, level)
  if not statuses[status] then
    local message = "%s: status must be a whole number from 200 to 599, got %s%s "
      .. "[docs/errors.md#arguments]"
    local is_body = type(status) == "table" or type(status) == "string"
    local hint = name == "reply" and is_body and " (the body is the second argument)" or ""
    error(message:format(name, options.show(status), hint), level + 1)
  end
end

local function check_count(count, level)
  if count > MAX_FIELDS then
    error(("too many headers: %d, at most %d"):format(count, MAX_FIELDS), level + 1)
  end
end

local function is_cookie(name) return #name == 10 and name:lower() == "set-cookie" end

-- Appends the kept fields of whose names the list `own` has none. Cookies are kept beside own ones.
local function append_kept(list, kept, own)
  for i = 1, #kept, 2 do
    if is_cookie(kept[i]) or not headers.has(own, kept[i]) then
      list[#list + 1] = kept[i]
      list[#list + 1] = kept[i + 1]
    end
  end
end

-- The options that set header fields which are not to be sent twice, by lower-case name.
local of_options = {
  ["access-control-allow-origin"] = "cors", ["access-control-allow-credentials"] = "cors",
  ["x-request-id"] = "request_id",
}

-- Raises if a list has a field that an option of the response's server sets.
local function check_options(self, list, level)
  for i = 1, #list, 2 do
    local option = of_options[list[i]:lower()]
    if option and self[SERVER][option] then
      error(("headers: '%s' is set by the server's option %s"):format(list[i], option), level + 1)
    end
  end
end

--- The header fields of a response: those of every response to the request, then those that
-- `res:header` keeps, then those given, which replace kept ones of their names. Raises on wrong
-- ones.
-- @param self the response
-- @tparam[opt] table given name to value or list of values
-- @treturn {string,...} name, value, name, value ...; a new list
function response_head.fields(self, given, level)
  local base, kept = rawget(self, BASE), rawget(self, KEPT)
  local list = base and table.move(base, 1, #base, 1, {}) or {}
  if given == nil and not kept then return list end
  local own, message = headers.list(given == nil and {} or given)
  if not own then error(message, level + 1) end
  if not base and not kept then
    check_count(#own // 2, level + 1)
    return own
  end
  if base then check_options(self, own, level + 1) end
  if kept then append_kept(list, kept, own) end
  table.move(own, 1, #own, #list + 1, list)
  check_count(#list // 2, level + 1)
  return list
end

-- The fields of responses that have none but the body's type, by that.
local only_type = setmetatable({}, { __index = function(t, content_type)
  t[content_type] = { "Content-Type", content_type }
  return t[content_type]
end })
local NO_FIELDS <const> = {}

--- The header fields of a whole response, as `fields`, and the type of the body unless they have
-- one. Most responses have no others, and share a list of it: the list is not to be changed.
-- @tparam[opt] string content_type nil: there is no body
function response_head.whole(self, given, content_type, level)
  if given == nil and not rawget(self, BASE) and not rawget(self, KEPT) then
    return content_type and only_type[content_type] or NO_FIELDS
  end
  local list = response_head.fields(self, given, level + 1)
  if content_type then headers.set_default(list, "Content-Type", content_type) end
  return list
end

-- The fields of a name as a list, checked; an empty one for nil. Raises on wrong ones.
local function check_field(name, value, level)
  if type(name) ~= "string" then
    error(("header: expected a name, got %s"):format(options.show(name)), level + 1)
  end
  local list, message = headers.list { [name] = value == nil and "" or value }
  if not list then error(message, level + 1) end
  if #list == 0 then
    local told = "header: the list of values for '%s' is empty (nil removes the field)"
    error(told:format(name), level + 1)
  end
  return value == nil and {} or list
end

-- Keeps the fields of a list, in place of the kept ones for which `is_replaced` says so.
local function keep(self, own, is_replaced, level)
  local list, kept = {}, rawget(self, KEPT) or {}
  for i = 1, #kept, 2 do
    if not is_replaced(kept[i], kept[i + 1]) then table.move(kept, i, i + 1, #list + 1, list) end
  end
  table.move(own, 1, #own, #list + 1, list)
  check_count((#list + #(rawget(self, BASE) or {})) // 2, level + 1)
  rawset(self, KEPT, list[1] and list)
end

--- Keeps the values of a header field for the response, in place of those that it keeps of that
-- name. Raises on wrong ones, and if there are too many fields then.
-- @param self the response
-- @param name
-- @param value a string, a number, a list of these, or nil for none
function response_head.keep(self, name, value, level)
  local own = check_field(name, value, level + 1)
  if rawget(self, BASE) then check_options(self, own, level + 1) end
  keep(self, own, function(other) return #other == #name and other:lower() == name:lower() end,
    level + 1)
end

--- Keeps a Set-Cookie field for the response, in place of one of the same cookie.
-- @param self the response
-- @tparam string field of sse.server.cookies
function response_head.keep_cookie(self, field, level)
  keep(self, { "Set-Cookie", field }, function(other, value)
    return other == "Set-Cookie" and cookies.is_same(value, field)
  end, level + 1)
end

--- The value that a response keeps of a header field, the first of several; nil if there is none.
-- @param self the response
-- @tparam string name in any case
-- @treturn string|nil
function response_head.kept(self, name)
  local kept = rawget(self, KEPT)
  return kept and headers.get(kept, name) or nil
end

return response_head
