--- A request as a handler gets it. Fields that cost time are computed when they are read first.
--
-- Fields: `method`; `target`, the request target as it was received; `path`, percent-decoded and
-- without the query; `params`, the values of the pattern's parameters by name, or below a prefix
-- the list of segments; `query`, a table, where of a name that comes several times the last value
-- counts; `headers`, a table by lower-case name, looked up in any case, with the values of a name
-- joined by ", "; `body`, a string; `remote_address`; `protocol` ("HTTP/1.1", "HTTP/2"); `secure`,
-- whether the request came over TLS; `client_certificate`, see below; `last_event_id`, from the
-- header or else the query parameter `lastEventId`, nil if neither is there or not empty.
--
-- `client_certificate` is nil unless the option `tls.client_ca` of `sse.server` made the client
-- show a certificate. It is a table: `subject` and `issuer`, texts as of RFC 2253 ("CN=me,O=us"),
-- each cut to 4,095 bytes; `serial`, in hexadecimal ("03ab", "-01"); `not_after`, the `os.time()`
-- until which it is valid; `fingerprint`, the SHA-256 of the certificate in hexadecimal. A `serial`
-- of more than 64 bytes, and a `not_after` that can't be read, are nil.
-- @module sse.server.request
local headers = require "sse.shared.headers"
local hints = require "sse.shared.hints"
local json = require "sse.json"
local options = require "sse.shared.options"
local url = require "sse.server.url"

local misspelled = headers.misspelled

local request = {}
local methods = {}
local lazy = {} -- by field, the function that computes it

function lazy:headers() return setmetatable(self.exchange:headers(), headers.metatable) end
function lazy.params() return {} end
function lazy:remote_address() return self.exchange.remote_address end
function lazy:client_certificate() return self.exchange.client_certificate end
function lazy:protocol() return self.exchange.protocol end
function lazy:path() return url.decode(self.raw_path) end
function lazy:query() return url.query(self.raw_query) end

function lazy:last_event_id()
  local id = self:header "last-event-id"
  if id and id ~= "" then return id end
  if self.raw_query == "" then return nil end
  id = self.query.lastEventId
  return id ~= "" and id or nil
end

local metatable = {
  __name = "sse.request",
  __index = function(self, key)
    if methods[key] then return methods[key] end
    if not lazy[key] then
      hints.raise_foreign("request", "a request", key)
      return nil
    end
    local value = lazy[key](self)
    rawset(self, key, value)
    return value
  end,
}

--- Makes the request of an exchange of the core.
function request.new(exchange)
  local method, target, body, secure = exchange:request()
  local path, query = url.split(target)
  return setmetatable({
    exchange = exchange, method = method, target = target, raw_path = path, raw_query = query,
    body = body, secure = secure,
  }, metatable)
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
  local value
  if known then value = rawget(known, name:lower()) else value = self.exchange:header(name) end
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
  url.each_pair(self.raw_query, function(n, value)
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

--- Decodes the body from JSON, as `sse.json.decode` does.
-- @return the value; or nil and a message if the body is not JSON
function methods:json(...)
  options.check_self(self, metatable, "req:json()", ...)
  return json.decode(self.body)
end

return request
