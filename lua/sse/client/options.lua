--- The options that EventSource, fetch and fetchEventSource have in common: the rules by which
-- sse.shared.options checks them.
-- @module sse.client.options
local abort = require "sse.abort"
local headers = require "sse.shared.headers"
local message = require "sse.client.message"
local options = require "sse.shared.options"
local proxy = require "sse.client.proxy"

local client_options = {}

local forbidden_methods = { CONNECT = true, TRACE = true, TRACK = true } -- Fetch 2.2.1

local function show_proxy(value)
  return options.show(type(value) == "string" and message.redact_url(value) or value)
end

local function is_reconnect(value)
  return value == "spec" or value == "resilient" or type(value) == "function"
end

local function is_type_list(value)
  if value == false then return true end
  if type(value) ~= "table" then return false end
  for key, kind in pairs(value) do
    if math.type(key) ~= "integer" or type(kind) ~= "string" then return false end
    if headers.mime_essence(kind) ~= kind:lower() then return false end
  end
  return true
end

--- The rules of the options that all three take.
client_options.common = {
  withCredentials = "boolean",
  method = {
    expected = "an HTTP method other than CONNECT and TRACE",
    check = function(v)
      return headers.is_token(v) and not forbidden_methods[v:upper()]
    end,
  },
  body = "string|table",
  connectTimeout = options.ms(1),
  timeout = options.ms(1),
  heartbeatTimeout = options.ms(1),
  maxEventSize = options.integer(1),
  maxHeadSize = options.integer(1, 262144),
  maxHeadFields = options.integer(1),
  utf8 = options.one_of("replace", "raw"),
  contentTypes = {
    expected = 'false or a list of types, { "text/plain" }', check = is_type_list,
  },
  signal = {
    expected = "an AbortSignal, such as a controller's 'signal'", check = abort.is_signal,
  },
  proxy = {
    expected = "a proxy's URL (http, https, socks4, socks4a, socks5, socks5h) or \"\"",
    check = proxy.is_valid,
    show = show_proxy,
  },
  noProxy = options.text,
  tls = {
    expected = "a table with ca, cert, key (strings) and verify (boolean)",
    check = function(v) return type(v) == "table" end,
    fields = {
      ca = options.text, cert = options.text, key = options.text, verify = "boolean",
    },
  },
  httpVersion = options.one_of("1.1", "2", "2-prior-knowledge"),
  unixSocket = options.text,
  cookieFile = options.text,
  maxRetries = options.integer(0),
  retryInterval = options.ms(),
  minRetryInterval = options.ms(),
  maxRetryInterval = options.ms(),
  reconnect = { expected = '"spec", "resilient" or a function', check = is_reconnect },
}

--- The further rules of EventSource and fetchEventSource, which make several attempts. Functions
-- for `headers` and `body` are called before each attempt.
client_options.repeated = {
  headers = "table|function", body = "string|table|function", log = "function",
  lastEventId = options.event_id,
}

--- Checks options that contradict each other.
-- @tparam string where as of `options.check`
-- @tparam table o
-- @tparam int level as of `error`, seen from the caller
function client_options.check_retrying(where, o, level)
  if (o.minRetryInterval or 0) > (o.maxRetryInterval or math.huge) then
    error(where .. ": option 'minRetryInterval' is larger than 'maxRetryInterval'", level + 1)
  end
end

--- Merges the common rules and further ones.
-- @tparam table ... rules by name; the last rule of a name wins
-- @treturn table a spec for `options.check`
function client_options.with(...)
  local spec = {}
  for _, rules in ipairs { client_options.common, ... } do
    for name, rule in pairs(rules) do spec[name] = rule end
  end
  return spec
end

local function copy_of(t)
  local copy = {}
  for key, value in pairs(t) do copy[key] = value end
  return copy
end

--- Copies the option `contentTypes` of checked options: false, nil or a list.
function client_options.content_types(given)
  return given.contentTypes and copy_of(given.contentTypes)
end

--- Copies checked options, with `tls`, `contentTypes` and `headers`, for an object that makes
-- several attempts: what the program writes into its tables later does not change the attempts.
function client_options.copy(given)
  local o = copy_of(given)
  if o.tls then o.tls = copy_of(o.tls) end
  o.contentTypes = client_options.content_types(o)
  if type(o.headers) ~= "table" then return o end
  o.headers = copy_of(o.headers)
  for name, values in pairs(o.headers) do
    if type(values) == "table" then o.headers[name] = copy_of(values) end
  end
  return o
end

return client_options
