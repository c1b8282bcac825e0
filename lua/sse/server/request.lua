--- A request as a handler gets it. Fields that cost time are computed when they are read first.
--
-- Fields: `method`; `target`, the request target as it was received; `path`, percent-decoded and
-- without the query; `params`, the values of the pattern's parameters by name, or below a prefix
-- the list of segments; `query`, a table, where of a name that comes several times the last value
-- counts; `headers`, a table by lower-case name, looked up in any case, with the values of a name
-- joined by ", "; `body`, a string; `remote_address` ("unix" of a Unix socket); `protocol`
-- ("HTTP/1.1", "HTTP/2"); `secure`, whether the client speaks TLS; `scheme`, "https" or "http";
-- `host`, in lower case, maybe with a port, nil where HTTP/1.0 names none (these and
-- `remote_address` as a trusted proxy says); `client_certificate`, see below; `last_event_id`, from
-- the header or else a query parameter, `lastEventId` or those of other polyfills,
-- `evs_last_event_id` and `last-event-id`; nil if none is there and not empty. It may be set, to a
-- string or nil, before the event stream is opened whose client is to be one with that id.
--
-- `client_certificate` is nil unless the option `tls.client_ca` of `sse.server` made the client
-- show a certificate. It is a table: `subject` and `issuer`, texts as of RFC 2253 ("CN=me,O=us"),
-- each cut to 4,095 bytes; `serial`, in hexadecimal ("03ab", "-01"); `not_after`, the `os.time()`
-- until which it is valid; `fingerprint`, the SHA-256 of the certificate in hexadecimal. A `serial`
-- of more than 64 bytes, and a `not_after` that can't be read, are nil.
-- @module sse.server.request
local cookies = require "sse.server.cookies"
local core = require "sse.core"
local form = require "sse.server.form"
local headers = require "sse.shared.headers"
local hints = require "sse.shared.hints"
local json = require "sse.json"
local keys = require "sse.server.keys"
local options = require "sse.shared.options"
local origin = require "sse.server.origin"
local request_id = require "sse.server.request_id"
local url = require "sse.server.url"

local EXCHANGE, LAST_EVENT_ID, RAW_PATH = keys.EXCHANGE, keys.LAST_EVENT_ID, keys.RAW_PATH
local read_request, read_header = core.methods["sse.exchange"].request,
  core.methods["sse.exchange"].header
local misspelled = headers.misspelled

local request = {}
local methods = {}
local lazy = {} -- by field, the function that computes it

function lazy:headers() return setmetatable(self[EXCHANGE]:headers(), headers.metatable) end
function lazy.params() return {} end
function lazy:remote_address() return origin.remote_address(self[EXCHANGE]) end
function lazy:scheme() return origin.scheme(self[EXCHANGE]) end
function lazy:secure() return origin.scheme(self[EXCHANGE]) == "https" end
function lazy:host() return origin.host(self[EXCHANGE]) end
function lazy:cookies() return cookies.parse(read_header(self[EXCHANGE], "cookie")) end
function lazy:client_certificate() return self[EXCHANGE].client_certificate end
function lazy:protocol() return self[EXCHANGE].protocol end
function lazy:id() return request_id.of(read_header(self[EXCHANGE], "x-request-id")) end
function lazy:path() return url.decode(self[RAW_PATH]) end
function lazy:query() return url.query(request.raw_query(self)) end

-- The parameters of the polyfills that can't set a header.
local ID_PARAMETERS = { "lastEventId", "evs_last_event_id", "last-event-id" }

local function find_last_event_id(self)
  local id = read_header(self[EXCHANGE], "last-event-id")
  if id and id ~= "" then return id end
  if request.raw_query(self) == "" then return nil end
  for _, name in ipairs(ID_PARAMETERS) do
    id = self.query[name]
    if id and id ~= "" then return id end
  end
end

local metatable = {
  __name = "sse.request",
  __index = function(self, key)
    if methods[key] then return methods[key] end
    if key == "last_event_id" then return request.last_event_id(self) end
    if not lazy[key] then
      hints.raise_foreign("request", "a request", key)
      return nil
    end
    local value = lazy[key](self)
    rawset(self, key, value)
    return value
  end,
}

-- A method is not to be overwritten, since the library calls it, too; other fields are the
-- program's.
function metatable.__newindex(self, key, value)
  if methods[key] then
    error(("field '%s' of a request is a method, and is not to be written"):format(key), 2)
  elseif key == "last_event_id" then
    if value ~= nil and type(value) ~= "string" then
      error(("last_event_id must be a string or nil, got %s"):format(options.show(value)), 2)
    end
    key, value = LAST_EVENT_ID, value or ""
  end
  rawset(self, key, value)
end

function metatable.__pairs(self)
  local fields = { last_event_id = self.last_event_id }
  for name in pairs(lazy) do fields[name] = self[name] end
  for key, value in next, self do
    if key ~= EXCHANGE and key ~= RAW_PATH and key ~= LAST_EVENT_ID then fields[key] = value end
  end
  return next, fields
end

--- The query of the request target as it was received; "" if there is none.
function request.raw_query(self)
  local target = self.target
  if #target == #self[RAW_PATH] then return "" end
  local mark = target:find("?", 1, true)
  return mark and target:sub(mark + 1) or ""
end

--- The client's last event id, or what the program has set in its place; nil: none.
function request.last_event_id(self)
  local id = rawget(self, LAST_EVENT_ID)
  if id == nil then
    id = find_last_event_id(self) or ""
    rawset(self, LAST_EVENT_ID, id)
  end
  return id ~= "" and id or nil
end

--- Makes the request of an exchange of the core.
-- @return the request
-- @treturn string its path, percent-encoded
function request.new(exchange)
  local method, target, body, path = read_request(exchange)
  path = path or url.split(target)
  return setmetatable({
    [EXCHANGE] = exchange, [RAW_PATH] = path, method = method, target = target, body = body,
    params = nil, path = nil, query = nil, -- room for what is set later
  }, metatable), path
end

--- The value of a header field.
-- @tparam string name in any case
-- @treturn string|nil
function methods:header(name, surplus)
  options.check_self(self, metatable, "req:header(name)", surplus)
  if type(name) ~= "string" then
    error(("req:header: expected a name, got %s"):format(options.show(name)), 2)
  end
  local known = rawget(self, "headers")
  local value = known and rawget(known, name:lower())
  if not known then value = read_header(self[EXCHANGE], name) end
  if value ~= nil then return value end
  if misspelled[name] or headers.is_misspelled(name, methods.header, self) then
    headers.raise_misspelled(name, 2)
  end
end

--- All values that the query has for a name, in order.
-- @tparam string name
-- @treturn {string,...}
function methods:query_all(name, ...)
  options.check_self(self, metatable, "req:query_all(name)", ...)
  if type(name) ~= "string" then
    error(("req:query_all: expected a name, got %s"):format(options.show(name)), 2)
  end
  local list = {}
  url.each_pair(request.raw_query(self), function(n, value)
    if n == name then list[#list + 1] = value end
  end)
  return list
end

--- The body.
-- @treturn string "" if there is none
function methods:text(...)
  options.check_self(self, metatable, "req:text()", ...)
  return self.body
end

--- Decodes the body from JSON, as `sse.json.decode` does; with keys, one value of it, as
-- `sse.json.get` does.
-- @tparam string|int ... names and places that lead to the value
-- @return the value; or nil and a message if the body is not JSON
function methods:json(...)
  options.check_self(self, metatable, "req:json()")
  return options.unwrap(pcall(json.get, self.body, ...))
end

local form_options = options.spec("req:form", { max_fields = options.integer(1) })

--- Decodes the body as a form, of the type application/x-www-form-urlencoded or
-- multipart/form-data. A part with a file's name is a file, any other a field. Of a field that
-- comes several times the last value counts; `req:form_all` has them all.
-- @tparam[opt] table given `max_fields` (1000): how many fields and files it may have together
-- @treturn table the fields, name to value: strings, which may hold any byte
-- @treturn {table,...} the files, in order: `name` of the field; `filename` as the client calls it,
-- without folders, which may be empty; `content_type`, or nil; `body`. Or nil, message, code:
-- "EINVAL", the body is no such form; "ETOOBIG", it has more fields
function methods:form(given, ...)
  options.check_self(self, metatable, "req:form(options)", ...)
  given = options.check("req:form", given, form_options)
  local fields = {}
  local files, message, code = form.read(methods.header(self, "content-type"), self.body,
    given.max_fields, function(name, value) fields[name] = value end)
  if not files then return nil, message, code end
  return fields, files
end

--- All values that the body has for a field, in order, as `req:form` reads them.
-- @tparam string name
-- @treturn {string,...} or nil, message, code as of `req:form`
function methods:form_all(name, ...)
  options.check_self(self, metatable, "req:form_all(name)", ...)
  if type(name) ~= "string" then
    local message = "req:form_all: expected a name, got %s [docs/errors.md#arguments]"
    error(message:format(options.show(name)), 2)
  end
  local list = {}
  local files, message, code = form.read(methods.header(self, "content-type"), self.body, nil,
    function(n, value) if n == name then list[#list + 1] = value end end)
  if not files then return nil, message, code end
  return list
end

return request
