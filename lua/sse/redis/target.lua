--- Which Redis server a store uses, and how: the options of sse.redis, and its URLs.
-- @module sse.redis.target
local handles = require "sse.redis.core"
local options = require "sse.shared.options"
local pages = require "sse.shared.pages"
local percent = require "sse.shared.percent"

local target = {}

local PAGES = { options = pages.at "options", arguments = pages.at "arguments" }

--- The URLs that are understood, for messages.
target.forms = "redis://user:password@host:port/database, rediss://... or unix:///path"

local SECRET = { type = "string", show = function(v)
  return type(v) == "string" and "a string" or options.show(v)
end }

local PLACES = options.strings 'strings "host:port"'

local spec = options.spec("sse.redis", {
  host = options.text,
  port = options.integer(1, 65535),
  unix_socket = options.text,
  user = { type = "string" },
  password = SECRET,
  database = options.integer(0),
  tls = {
    type = "boolean|table", expected = "true, or a table with ca, cert, key, verify",
    fields = { ca = options.text, cert = options.text, key = options.text, verify = "boolean" },
  },
  connect_timeout = options.ms(1),
  timeout = options.ms(1),
  check_interval = options.ms(1),
  queue = options.integer(0),
  prefix = {
    expected = "a string without braces",
    check = function(v) return type(v) == "string" and not v:find "[{}]" end,
  },
  expire = options.ms(1000),
  sentinels = PLACES, master = options.text, sentinel_user = { type = "string" },
  sentinel_password = SECRET, cluster = PLACES,
})

local LONGEST_EXPIRE = 1e15 -- ms: of what Redis can add to its clock

local DEFAULTS = {
  host = "127.0.0.1", port = 6379, database = 0, connect_timeout = 5000, timeout = 5000,
  check_interval = 5000, prefix = "sse:", expire = 7 * 24 * 3600 * 1000,
}

-- --- URLs ----------------------------------------------------------------------------------------

local function raise(page, text, ...)
  error(("sse.redis: %s%s"):format(text:format(...), PAGES[page]), options.caller_level())
end

--- Raises at the line of the program, for an option.
function target.blame_option(...) raise("options", ...) end

--- The same for the URL or the URLs.
function target.blame_url(...) raise("arguments", ...) end

--- A URL, or what was meant to be one, as messages show it.
function target.without_password(url)
  local scheme, login, place = url:match "^(%a[%w+.-]*:/+)(.*)(@[^@]*)$"
  if not scheme then scheme, login, place = "", url:match "^(.*)(@[^@]*)$" end
  if not login then return url end
  return scheme .. login:gsub(":.*", ":...") .. place
end

-- The number that digits are, nil for none; false: it is too large for a port or a database.
local function number_of(digits)
  if digits == "" then return nil end
  return #digits <= 9 and math.tointeger(digits)
end

-- Puts the parts `user:password` into the fields.
local function add_login(fields, login)
  if not login then return end
  local user, password = login:match "^([^:]*):?(.*)$"
  if user ~= "" then fields.user = percent.decode(user) end
  if password ~= "" then fields.password = percent.decode(password) end
end

local function split_login(authority)
  local login, rest = authority:match "^(.*)@([^@]*)$"
  return login, rest or authority
end

local function parse_unix(rest)
  local login, path, query = rest:match "^([^/]*)(/[^?]*)%??(.*)$"
  local database = number_of(query == "" and "0" or query and query:match "^db=(%d+)$" or "")
  if not path or path == "/" or not database or login ~= "" and login:sub(-1) ~= "@" then
    return nil
  end
  local fields = { unix_socket = percent.decode(path), database = database }
  add_login(fields, login ~= "" and login:sub(1, -2) or nil)
  return fields
end

local function parse_tcp(rest)
  local authority, path = rest:match "^([^/?#]*)(.*)$"
  local database = path:match "^/?(%d*)$"
  local login, place = split_login(authority)
  local host, port = place:match "^%[([%x:.%%]+)%]:?(%d*)$"
  if not host then host, port = place:match "^([^:%[%]]*):?(%d*)$" end
  if not host or not database then return nil end
  local fields = { host = host ~= "" and percent.decode(host) or nil }
  fields.port, fields.database = number_of(port), number_of(database)
  add_login(fields, login)
  return fields.database ~= false and fields or nil
end

local parsers = { unix = parse_unix, redis = parse_tcp, rediss = parse_tcp }

-- The fields of a URL, or nil.
local function parse(url)
  local scheme, rest = url:match "^(%a+)://(.*)$"
  local fields = parsers[scheme] and parsers[scheme](rest)
  if not fields or (fields.host or fields.unix_socket or ""):find "%z" then return nil end
  if scheme == "rediss" then fields.tls = true end
  return fields
end

-- --- checking ------------------------------------------------------------------------------------

-- What messages call the server.
local function name_of(fields)
  if fields.unix_socket then return fields.unix_socket end
  local host = fields.host:find ":" and "[" .. fields.host .. "]" or fields.host
  return ("%s:%d"):format(host, fields.port)
end

-- Makes what connections need for TLS, or raises.
local function open_tls(fields)
  local given = type(fields.tls) == "table" and fields.tls or {}
  local context, message = handles.tls { ca = given.ca, cert = given.cert, key = given.key,
    insecure = given.verify == false }
  if not context then target.blame_option("option 'tls': %s", message) end
  return context
end

local function check_together(given, fields)
  if fields.unix_socket and (given.host or given.port) then
    target.blame_option("option 'unix_socket' goes with neither 'host' nor 'port'")
  elseif fields.unix_socket and fields.tls then
    target.blame_option("option 'tls' does not go with 'unix_socket'")
  elseif fields.user and not fields.password then
    target.blame_option("option 'user' needs 'password'")
  elseif fields.port == false or fields.port and (fields.port < 1 or fields.port > 65535) then
    target.blame_url("the URL's port must be from 1 to 65535")
  end
end

--- The same server's options with another address.
function target.at(fields, host, port)
  local copy = {}
  for key, value in pairs(fields) do copy[key] = value end
  copy.host, copy.port = host, port
  copy.name = name_of(copy)
  return copy
end

--- Checks the options, each for itself. Raises at the line of the program.
-- @treturn table a copy, with integers where Redis is to get integers
function target.check(given)
  given = options.check("sse.redis", given, spec, options.caller_level() + 1)
  local copy = {}
  for key, value in pairs(given) do copy[key] = value end
  for _, key in ipairs { "port", "database", "queue" } do copy[key] = math.tointeger(copy[key]) end
  if copy.queue == 0 then copy.queue = nil end -- none may wait, so all fail with the reason
  copy.expire = copy.expire and math.ceil(math.min(copy.expire, LONGEST_EXPIRE))
  return copy
end

--- Checks what sse.redis was given for one server. Raises at the line of the program.
-- @param url nil: there is none
-- @tparam table given the options, checked
-- @treturn table all options, with `name`, for messages, and perhaps `context`, for TLS
function target.of(url, given)
  local fields = {}
  if url ~= nil then
    fields = type(url) == "string" and parse(url)
    if not fields then
      local shown = type(url) == "string" and target.without_password(url) or url
      target.blame_url("expected a URL (%s), got %s", target.forms, options.show(shown))
    end
  end
  for key, value in pairs(given) do fields[key] = value end
  check_together(given, fields)
  for key, value in pairs(DEFAULTS) do
    if fields[key] == nil then fields[key] = value end
  end
  fields.name = name_of(fields)
  if fields.tls then fields.context = open_tls(fields) end
  return fields
end

return target
