--- Cookies (RFC 6265): those of a request, and the fields that set one.
--
-- A value may be any text: what a cookie can't hold is percent-encoded in the field that sets it,
-- and decoded again in `req.cookies`, as Express and browsers' scripts do it.
-- @module sse.server.cookies
local headers = require "sse.shared.headers"
local options = require "sse.shared.options"
local pages = require "sse.shared.pages"
local url = require "sse.server.url"

local cookies = {}

local ARGUMENTS = pages.at "arguments"
local MAX_COOKIE <const> = 4096 -- bytes of a whole cookie, more than which browsers drop

-- The text without blanks around it. The pattern tries no blank twice.
local function trim(text)
  local from, last = text:find "[^ \t]", text:find "[^ \t][ \t]*$"
  return from and text:sub(from, last) or ""
end

--- The cookies of a Cookie field. Of several of a name the first counts: it is the one of the most
-- specific path.
-- @tparam string|nil text
-- @treturn table name to value
function cookies.parse(text)
  local values = {}
  for pair in (text or ""):gmatch "[^;]+" do
    local mark = pair:find("=", 1, true)
    local name = mark and trim(pair:sub(1, mark - 1)) or ""
    if name ~= "" and values[name] == nil then
      local value = trim(pair:sub(mark + 1))
      values[name] = url.decode(value:match '^"(.*)"$' or value)
    end
  end
  return values
end

local function expects(expected, pattern)
  return {
    expected = expected,
    check = function(v) return type(v) == "string" and v:find(pattern) ~= nil end,
  }
end

local spec = options.spec("res:cookie", {
  max_age = options.ms(),
  http_only = "boolean",
  secure = "boolean",
  same_site = options.one_of("Lax", "Strict", "None"),
  path = expects('a path such as "/" (without ";")', "^/[^%c;\128-\255]*$"),
  domain = expects('a domain such as "example.com"', "^%.?%w[%w.-]*$"),
})

-- The beginning of a name for which browsers ask for attributes, in lower case; nil: it has none.
local function prefix_of(name)
  return name:lower():match "^__secure%-" or name:lower():match "^__host%-"
end

-- What is wrong with options each of which is right, or nil. Browsers drop such a cookie.
local function problem_of(name, given, secure)
  if not secure and given.same_site == "None" then return 'same_site = "None" wants secure' end
  local prefix = prefix_of(name)
  if prefix and not secure then return ("a name that begins with '%s' wants secure"):format(
    name:sub(1, #prefix)) end
  if prefix == "__host-" and (given.domain or given.path and given.path ~= "/") then
    return "a name that begins with '__Host-' has no domain, and the path /"
  end
end

local function encode_byte(byte) return ("%%%02X"):format(byte:byte()) end

-- The attributes of a cookie behind its value.
local function attributes(given, secure)
  local list = { "; Path=", given.path or "/" }
  local function add(...) for _, text in ipairs { ... } do list[#list + 1] = text end end
  if given.domain then add("; Domain=", given.domain:lower()) end
  if given.max_age then add("; Max-Age=", ("%.0f"):format(math.ceil(given.max_age / 1000))) end
  if given.http_only ~= false then add "; HttpOnly" end
  if secure then add "; Secure" end
  add("; SameSite=", given.same_site or "Lax")
  return table.concat(list)
end

--- The Set-Cookie field for a cookie. Raises on what would be no cookie, or one that browsers drop.
-- @tparam string name
-- @tparam string|number|nil value nil removes the cookie
-- @tparam table|nil given options, see `res:cookie`
-- @tparam boolean is_secure whether the request came by HTTPS
-- @tparam int level as of `error`, seen from this function
-- @treturn string
function cookies.field(name, value, given, is_secure, level)
  given = options.check("res:cookie", given, spec, level + 1)
  if not headers.is_token(name) then
    error(("cookie: '%s' is not a cookie's name%s"):format(tostring(name), ARGUMENTS), level)
  elseif value ~= nil and type(value) ~= "string" and type(value) ~= "number" then
    error(("cookie: the value must be a string, a number or nil, got %s%s"):format(
      options.show(value), ARGUMENTS), level)
  end
  local secure = given.secure
  if secure == nil then
    secure = is_secure or given.same_site == "None" or prefix_of(name) ~= nil
  end
  local problem = problem_of(name, given, secure)
  if problem then error(("cookie: %s%s"):format(problem, pages.at "options"), level) end
  if value == nil then given = setmetatable({ max_age = 0 }, { __index = given }) end
  local text = tostring(value or ""):gsub("[^%w!#$&'()*+./:<=>?@%[%]^_`{|}~-]", encode_byte)
  local field = name .. "=" .. text .. attributes(given, secure)
  if #field > MAX_COOKIE then
    error(("cookie: '%s' has %d bytes, at most %d: browsers drop it%s"):format(name, #field,
      MAX_COOKIE, ARGUMENTS), level)
  end
  return field
end

--- Whether two Set-Cookie fields are of one cookie, of which a browser keeps the later: name, path
-- and domain are the same. Both were made by `cookies.field`.
-- @tparam string a
-- @tparam string b
-- @treturn boolean
function cookies.is_same(a, b)
  local pattern = "^([^=]*)=[^;]*; Path=([^;]*)(.*)$"
  local name, path, rest = a:match(pattern)
  local other_name, other_path, other_rest = b:match(pattern)
  if not name or not other_name then return false end
  return name == other_name and path == other_path
    and rest:match "^; Domain=[^;]*" == other_rest:match "^; Domain=[^;]*"
end

return cookies
