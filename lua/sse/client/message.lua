--- The parts of a request message that EventSource, fetch and fetchEventSource make from what the
-- program gives: URL, method, body and header fields. What cannot be sent raises an error.
-- @module sse.client.message
local core = require "sse.core"
local headers = require "sse.shared.headers"
local json = require "sse.json"
local pages = require "sse.shared.pages"
local version = require "sse.version"

local message = {}

local USER_AGENT = "lua-sse/" .. version
local MAX_SHOWN = 200 -- bytes of a URL in a message
local BODY, URLS = pages.at "body", pages.at "urls"
local MAX_ID = 8192 -- bytes: servers reject heads that are not much longer

-- Methods whose names the web normalizes to upper case (Fetch 2.2.1), and PATCH.
local upper_case = {
  DELETE = true, GET = true, HEAD = true, OPTIONS = true, PATCH = true, POST = true, PUT = true,
}

--- A URL as error messages show it, also a malformed one: without user and password, and cut.
-- @tparam string text
-- @treturn string
function message.redact_url(text)
  local scheme, rest = text:match("^(%a[%w+.-]*://)(.*)$")
  local shown = (scheme or "") .. (rest or text):gsub("^.*@", "...@")
  return #shown > MAX_SHOWN and shown:sub(1, MAX_SHOWN) .. "..." or shown
end

local MAX_CACHED, MAX_CACHED_URL = 64, 512 -- URLs, bytes of one
local cached, cached_before, cached_count = {}, {}, 0 -- text -> of core.url

-- core.url(text) for the URLs that a program uses again and again. Nobody changes the tables. URLs
-- with credentials are not kept.
local function read_url(text)
  local url = cached[text] or cached_before[text]
  if url then return url end
  local problem
  url, problem = core.url(text)
  if not url then return nil, problem end
  if url.user or url.password or #text > MAX_CACHED_URL then return url end
  if cached_count >= MAX_CACHED then cached, cached_before, cached_count = {}, cached, 0 end
  cached[text], cached_count = url, cached_count + 1
  return url
end

--- Parses a URL.
-- @tparam string where the function's name for messages, "sse.fetch"
-- @tparam string text
-- @tparam table o the options
-- @tparam[opt="a string"] string kinds what the program may give, for the message
-- @treturn table|nil of core.url
-- @treturn string|nil what is wrong: the URL is invalid, or the option `httpVersion` cannot be had
-- of it
function message.parse_url(where, text, o, kinds)
  if type(text) ~= "string" then
    local told = "%s(url, options): the URL must be %s, got %s%s"
    return nil, told:format(where, kinds or "a string", type(text), URLS)
  end
  local url, problem = read_url(text)
  -- The web's rules read the scheme "localhost" in "localhost:9522/".
  if url and not url.host and url.href:find("^[%w.-]+:%d") then url, problem = nil, "no scheme" end
  if not url then
    local expected = '%s: invalid URL \'%s\': %s (expected an absolute URL such as '
      .. '"http://host/path")%s'
    return nil, expected:format(where, message.redact_url(text), problem, URLS)
  end
  if o.httpVersion == "2" and url.scheme == "http" then
    return nil, where .. ": httpVersion \"2\" needs a URL with https (did you mean "
      .. "\"2-prior-knowledge\"?)" .. URLS
  end
  return url
end

--- As `parse_url`, but raises.
-- @tparam string where as of `parse_url`
-- @tparam string text as of `parse_url`
-- @tparam table o as of `parse_url`
-- @tparam int level as of `error`, seen from the caller
-- @tparam[opt] string kinds as of `parse_url`
-- @treturn table of core.url
function message.url(where, text, o, level, kinds)
  local url, problem = message.parse_url(where, text, o, kinds)
  if not url then error(problem, level + 1) end
  return url
end

--- The bytes of a body and their content type; raises if it cannot be sent.
-- @tparam string where as of `url`
-- @tparam string|nil method
-- @tparam string|table|nil body a table is encoded as JSON
-- @tparam[opt=1] int level as of `error`, seen from the caller
-- @treturn string|nil the bytes; nil without a body
-- @treturn string|nil the content type
function message.body(where, method, body, level)
  level = (level or 1) + 1
  local kind = type(body)
  if body == nil then return nil end
  if method == "GET" or method == "HEAD" then
    error(("%s: a %s request has no body%s"):format(where, method, BODY), level)
  elseif kind == "string" then
    return body, "text/plain;charset=UTF-8"
  elseif kind ~= "table" then
    local expected = "%s: the body must be a string or a table, got %s%s"
    error(expected:format(where, kind, BODY), level)
  end
  local ok, text = pcall(json.encode, body)
  if not ok then error(("%s: option 'body': %s"):format(where, text), level) end
  return text, "application/json"
end

--- Method and body as they are sent; raises if they contradict each other. A function for the body
-- is returned as it is, without a content type, which only its result will have.
-- @tparam string where as of `url`
-- @tparam table o the options `method` and `body`
-- @tparam int level as of `error`, seen from the caller
-- @treturn string the method
-- @treturn string|function|nil the body
-- @treturn string|nil the body's content type
function message.content(where, o, level)
  local method, body = o.method, o.body
  if method and upper_case[method:upper()] then method = method:upper() end
  local is_function = type(body) == "function"
  local text, content_type = message.body(where, method, is_function and "" or body, level + 1)
  if is_function then text, content_type = body, nil end
  return method or (body and "POST" or "GET"), text, content_type
end

local function id_problem(id)
  if #id > MAX_ID then
    return ("the last event id is longer than %d bytes and is not sent"):format(MAX_ID)
  elseif not headers.sendable(id) then
    return "the last event id holds a control character and cannot be sent"
  end
end

--- The last event id, if a header field can carry it. The first time that one cannot be sent, a
-- warning says why: by the caller's log hook, or by Lua's `warn` if there is no hook.
-- @tparam table self the caller's object; its field `warned` is set then
-- @tparam string id
-- @tparam function write_log called with self, "warn" and the message; returns whether there is a
-- hook
-- @treturn string|nil nil also for an empty id
function message.sendable_id(self, id, write_log)
  if id == "" then return nil end
  local problem = id_problem(id)
  if not problem then return id end
  if self.warned then return nil end
  self.warned = true
  if not write_log(self, "warn", problem) then warn("lua-sse: " .. problem .. "\n") end
end

--- Adds to a list of request headers the fields that it lacks: User-Agent, and Content-Type.
-- @tparam {string,...} list name, value, name, value ...
-- @tparam[opt] string content_type the body's
-- @treturn {string,...} the list
function message.complete_headers(list, content_type)
  if content_type then headers.set_default(list, "Content-Type", content_type) end
  headers.set_default(list, "User-Agent", USER_AGENT)
  return list
end

return message
