--- A request as a handler gets it. What costs something is made when it is first asked for, and
-- stays when the exchange below has gone.
--
-- Fields: `method`; `path`, percent-decoded and without the query; `params`, what the pattern's
-- `:names` took; `query`, a table, where of a repeated name the last value counts; `headers`, by
-- lower-case name and looked up in any case, repeated ones joined by ", "; `body`, a string;
-- `remote_address`; `protocol` ("HTTP/1.1"); `secure`, whether it came over TLS;
-- `client_certificate`, the subject of the certificate that the client had to show ("CN=me"), or
-- nil; `last_event_id`, the header or else the query
-- parameter `lastEventId`, nil where neither names one; `target`, as it came.
-- @module sse.server.request
local json = require "sse.json"
local options = require "sse.shared.options"
local url = require "sse.server.url"

local request = {}
local methods = {}
local lazy = {}

local headers_metatable = {
  __index = function(self, name)
    return type(name) == "string" and rawget(self, name:lower()) or nil
  end,
}

function lazy:headers() return setmetatable(self.exchange:headers(), headers_metatable) end
function lazy.params() return {} end
function lazy:remote_address() return self.exchange.remote_address end
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
    if not lazy[key] then return nil end
    local value = lazy[key](self)
    rawset(self, key, value)
    return value
  end,
}

--- Wraps an exchange of the core.
function request.new(exchange)
  local method, target, body, secure, certificate = exchange:request()
  local path, query = url.split(target)
  return setmetatable({
    exchange = exchange, method = method, target = target, raw_path = path, raw_query = query,
    body = body, secure = secure, client_certificate = certificate,
  }, metatable)
end

--- One header by name, in any case, or nil.
-- @tparam string name
function methods:header(name)
  options.method(self, metatable, "req:header")
  if type(name) ~= "string" then
    error(("req:header: expected a name, got %s"):format(options.show(name)), 2)
  end
  local known = rawget(self, "headers")
  if known then return known[name] end
  return self.exchange:header(name)
end

--- Every value the query has for a name, in order.
-- @tparam string name
-- @treturn {string,...}
function methods:query_all(name)
  options.method(self, metatable, "req:query_all")
  local list = {}
  url.each_pair(self.raw_query, function(n, value)
    if n == name then list[#list + 1] = value end
  end)
  return list
end

--- The body as a string.
function methods:text()
  options.method(self, metatable, "req:text")
  return self.body
end

--- The body decoded as JSON.
-- @return the value, or nil and a message
function methods:json()
  options.method(self, metatable, "req:json")
  return json.decode(self.body)
end

return request
