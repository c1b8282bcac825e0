--- What EventSource and fetch have in common: their options and the making of a request from them.
-- @module sse.client.options
local abort = require "sse.abort"
local core = require "sse.core"
local headers = require "sse.shared.headers"
local json = require "sse.json"
local options = require "sse.shared.options"
local version = require "sse.version"

local client = {}

local AGENT = "lua-sse/" .. version
local forbidden = { CONNECT = true, TRACE = true, TRACK = true }
local upper = {
  DELETE = true, GET = true, HEAD = true, OPTIONS = true, PATCH = true, POST = true, PUT = true,
}

local function is_text(value)
  return type(value) == "string" and not value:find("\0", 1, true)
end

local proxies = {
  http = true, https = true, socks4 = true, socks4a = true, socks5 = true, socks5h = true,
}

-- As libcurl has it: the scheme may be left out. libcurl gets the text as it is, so characters that
-- its parser reads in another way than the web's are refused.
local function is_proxy(value)
  if not is_text(value) then return false end
  local scheme, rest = value:match("^(%a[%w+.-]*)://(.*)$")
  if scheme and not proxies[scheme:lower()] then return false end
  rest = rest or value
  if value == "" then return true end
  return not rest:find("[%c \\]") and rest:sub(1, 1) ~= "/" and core.url("http://" .. rest) ~= nil
end

local MAX_SHOWN = 200

-- A URL, maybe a broken one, as a message may show it: without user and password, and not whole
-- where it is long.
local function without_password(text)
  local scheme, rest = text:match("^(%a[%w+.-]*://)(.*)$")
  local shown = (scheme or "") .. (rest or text):gsub("^.*@", "...@")
  return #shown > MAX_SHOWN and shown:sub(1, MAX_SHOWN) .. "..." or shown
end

local c_string = { expected = "a string without NUL", check = is_text }

--- The rules that all share.
client.options = {
  withCredentials = "boolean",
  method = {
    expected = "an HTTP method other than CONNECT and TRACE",
    check = function(v)
      return headers.is_token(v) and not forbidden[v:upper()]
    end,
  },
  body = "string|table",
  connectTimeout = options.ms(1),
  maxEventSize = options.integer(1),
  maxHeadSize = options.integer(1, 262144),
  maxHeadFields = options.integer(1),
  utf8 = options.one_of("replace", "raw"),
  signal = { expected = "an AbortSignal", check = abort.is_signal },
  proxy = {
    expected = "a proxy's URL (http, https, socks4, socks4a, socks5, socks5h) or \"\"",
    check = is_proxy,
    show = function(v) return options.show(type(v) == "string" and without_password(v) or v) end,
  },
  noProxy = c_string,
  tls = {
    expected = "a table with ca, cert, key (strings) and verify (boolean)",
    check = function(v) return type(v) == "table" end,
    fields = { ca = c_string, cert = c_string, key = c_string, verify = "boolean" },
  },
  http2 = "boolean",
  unixSocket = c_string,
  cookies = c_string,
}

--- The rules of those that make several attempts; functions are asked before each.
client.repeated = {
  headers = "table|function", body = "string|table|function", log = "function",
  lastEventId = options.event_id,
}

--- The shared rules and more.
function client.with(...)
  local spec = {}
  for _, rules in ipairs { client.options, ... } do
    for name, rule in pairs(rules) do spec[name] = rule end
  end
  return spec
end

local function copy(t)
  local own = {}
  for key, value in pairs(t) do own[key] = value end
  return own
end

--- Checked options for whoever makes several attempts: what their giver writes into them later,
-- maybe for another origin, has no part in these.
function client.own(given)
  local o = copy(given)
  if o.tls then o.tls = copy(o.tls) end
  if type(o.headers) ~= "table" then return o end
  o.headers = copy(o.headers)
  for name, values in pairs(o.headers) do
    if type(values) == "table" then o.headers[name] = copy(values) end
  end
  return o
end

--- Reads a URL, or raises.
function client.url(where, text, level)
  if type(text) ~= "string" then
    error(("%s: the URL must be a string, got %s"):format(where, type(text)), level + 1)
  end
  local url, message = core.url(text)
  -- To the web "localhost:9522/" has the scheme "localhost".
  if url and not url.host and url.href:find("^[%w.-]+:%d") then url, message = nil, "no scheme" end
  if not url then
    local expected = '%s: invalid URL \'%s\': %s (expected an absolute URL such as '
      .. '"http://host/path")'
    error(expected:format(where, without_password(text), message), level + 1)
  end
  return url
end

--- A body as it is sent; raises on one that can't be.
-- @tparam string where
-- @tparam string|nil method
-- @tparam string|table|nil body
-- @tparam[opt=1] int level whom the error blames
-- @return the bytes and their content type, or nil
function client.body(where, method, body, level)
  level = (level or 1) + 1
  local kind = type(body)
  if body == nil then return nil end
  if method == "GET" or method == "HEAD" then
    error(("%s: a %s request has no body"):format(where, method), level)
  elseif kind == "string" then
    return body, "text/plain;charset=UTF-8"
  elseif kind ~= "table" then
    error(("%s: the body must be a string or a table, got %s"):format(where, kind), level)
  end
  local ok, text = pcall(json.encode, body)
  if not ok then error(("%s: option 'body': %s"):format(where, text), level) end
  return text, "application/json"
end

--- Method and body as they are sent; raises on what contradicts itself. A function for the body is
-- left as it is: its content type is not known yet.
-- @return method, body, the body's content type
function client.content(where, o, level)
  local method, body = o.method, o.body
  if method and upper[method:upper()] then method = method:upper() end
  local later = type(body) == "function"
  local text, kind = client.body(where, method, later and "" or body, level + 1)
  if later then text, kind = body, nil end
  return method or (body and "POST" or "GET"), text, kind
end

local MAX_ID = 8192 -- servers refuse heads not much longer

local function id_problem(id)
  if #id > MAX_ID then
    return ("the last event id is longer than %d bytes and is not sent"):format(MAX_ID)
  elseif not headers.sendable(id) then
    return "the last event id holds a control character and cannot be sent"
  end
end

--- The last event id where a header can carry it, else nil. Why not is told once: to tell(self,
-- "warn", message), or as a warning of Lua's where that tells nobody.
function client.sent_id(self, id, tell)
  if id == "" then return nil end
  local problem = id_problem(id)
  if not problem then return id end
  if self.warned then return nil end
  self.warned = true
  if not tell(self, "warn", problem) then warn("lua-sse: " .. problem .. "\n") end
end

--- Completes a list of request headers.
function client.complete(list, kind)
  if kind then headers.default(list, "Content-Type", kind) end
  headers.default(list, "User-Agent", AGENT)
  return list
end

return client
