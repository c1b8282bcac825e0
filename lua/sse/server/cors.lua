--- The option `cors` of `sse.server`: cross-origin resource sharing (WHATWG Fetch 3.2), by which a
-- server says which pages of other origins may read its responses.
--
-- docs/reference/server.md describes its fields.
--
-- A request from an origin that is not allowed gets its response without the CORS fields, and the
-- browser withholds the response from the page. A handler can't set Access-Control-Allow-Origin or
-- Access-Control-Allow-Credentials beside the option, since browsers refuse a response that has one
-- of them twice.
-- @module sse.server.cors
local headers = require "sse.shared.headers"
local options = require "sse.shared.options"

local cors = {}
cors.__index = cors

local function is_origin(text)
  if type(text) ~= "string" then return false end
  return text == "null" or text:find("^%a[%w+.-]*://[^%s/?#@]+$") ~= nil
end

local function all_are(list, is_right)
  for _, item in ipairs(list) do
    if not is_right(item) then return false end
  end
  return #list > 0
end

local function is_header_name(text)
  return headers.is_token(text) and not text:find("_", 1, true)
end

local header_names = {
  expected = "a list of header names (without '_')",
  check = function(v) return type(v) == "table" and all_are(v, is_header_name) end,
}

local spec = options.spec("sse.server: cors", {
  origin = {
    expected = 'an origin such as "https://app.example" (no path), "*", a list or a function',
    check = function(v)
      if type(v) == "table" then return all_are(v, is_origin) end
      return type(v) == "function" or v == "*" or is_origin(v)
    end,
  },
  credentials = "boolean",
  headers = header_names,
  expose = header_names,
  max_age = options.ms(),
})

local function has_any(list)
  for _, name in ipairs(list or {}) do
    if name == "*" then return true end
  end
  return false
end

-- What is wrong with options each of which is right, or nil.
local function problem_of(given)
  if given.origin == nil then return "option 'origin' is missing" end
  if not given.credentials then return nil end
  if given.origin == "*" then
    return "credentials can't be allowed to any origin: name the origins"
  end
  for _, option in ipairs { "headers", "expose" } do
    if has_any(given[option]) then
      return ("with credentials '*' in '%s' is no wildcard: name the headers"):format(option)
    end
  end
end

local function origins_of(origin)
  if type(origin) ~= "table" then origin = { origin } end
  local set = {}
  for _, o in ipairs(origin) do set[o] = true end
  return set
end

--- Makes the policy of an option. Raises if the option is wrong.
-- @tparam true|table given
-- @tparam[opt=2] int level as of `error`, seen from this function
-- @treturn table the policy
function cors.new(given, level)
  level = level or 2
  if given == true then given = { origin = "*" } end
  options.check("sse.server: cors", given, spec, level + 1)
  local problem = problem_of(given)
  if problem then error("sse.server: cors: " .. problem, level) end
  local self = setmetatable({}, cors)
  self.credentials, self.max_age = given.credentials, given.max_age
  if given.headers then self.headers = table.concat(given.headers, ", ") end
  if given.expose then self.expose = table.concat(given.expose, ", ") end
  if given.origin == "*" then self.any = true
  elseif type(given.origin) == "function" then self.decide = given.origin
  else self.set = origins_of(given.origin) end
  return self
end

local function allows(self, origin, req)
  if not origin then return false end
  if self.decide then return self.decide(origin, req) and true or false end
  return self.set[origin] or false
end

-- Appends the fields of a response that the origin may read.
local function add_allowed(self, list, origin)
  local n = #list
  list[n + 1], list[n + 2] = "Access-Control-Allow-Origin", origin
  if self.credentials then
    list[n + 3], list[n + 4] = "Access-Control-Allow-Credentials", "true"
    n = n + 2
  end
  if self.expose then
    list[n + 3], list[n + 4] = "Access-Control-Expose-Headers", self.expose
  end
  return list
end

--- The header fields that every response to a request gets. Calls the function `origin`, if the
-- policy has one.
-- @tparam string|nil origin the request's Origin field
-- @param req the request, for the function `origin`
-- @treturn {string,...} name, value, name, value ...
-- @treturn boolean whether the origin is allowed
function cors:fields(origin, req)
  if self.any then return add_allowed(self, {}, "*"), true end
  local list = { "Vary", "Origin" }
  if not allows(self, origin, req) then return list, false end
  return add_allowed(self, list, origin), true
end

-- The header names that a preflight asks for, joined anew; nil if there are none, or one of them is
-- no name. So nothing but names gets from a request into a response.
local function requested_headers(text)
  local names = {}
  for name in (text or ""):gmatch("[^,%s]+") do
    if not headers.is_token(name) then return nil end
    names[#names + 1] = name
  end
  return names[1] and table.concat(names, ", ")
end

--- The further header fields of the response to a preflight whose origin is allowed.
-- @tparam {string,...} methods those for which the path has a handler
-- @tparam string|nil asked the request's Access-Control-Request-Headers field
-- @treturn {string,...} name, value, name, value ...
function cors:preflight(methods, asked)
  local list = { "Access-Control-Allow-Methods", table.concat(methods, ", ") }
  local function add(name, value)
    if value then list[#list + 1], list[#list + 2] = name, value end
  end
  add("Access-Control-Allow-Headers", self.headers or requested_headers(asked))
  if not self.headers then add("Vary", "Access-Control-Request-Headers") end
  add("Access-Control-Max-Age", self.max_age and ("%.0f"):format(self.max_age // 1000))
  return list
end

return cors
