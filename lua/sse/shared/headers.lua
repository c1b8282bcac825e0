--- Header fields: those of a request checked and put in order, those of a response looked up in any
-- case.
-- @module sse.shared.headers
local headers = {}

-- They would break the framing that libcurl does.
local refused = { ["content-length"] = true, ["transfer-encoding"] = true, ["connection"] = true }

-- What may follow to another origin: nothing a caller could keep a secret in.
local harmless = {
  ["accept"] = true, ["accept-language"] = true, ["cache-control"] = true, ["content-type"] = true,
  ["content-language"] = true, ["last-event-id"] = true, ["user-agent"] = true, ["pragma"] = true,
  ["accept-encoding"] = true,
}

--- Whether a header can carry the text.
function headers.sendable(text)
  return not text:find("[\0-\8\10-\31\127]")
end

--- Whether a value is a token, as header names and methods are (RFC 9110 5.6.2).
function headers.is_token(value)
  return type(value) == "string" and value:find("^[%w!#$%%&'*+.^_`|~-]+$") ~= nil
end

local function check(name, value)
  if type(name) == "number" then
    return "headers: expected a table such as { Name = \"value\" }, got a list"
  end
  if not headers.is_token(name) then
    return ("headers: '%s' is not a header name"):format(tostring(name))
  elseif refused[name:lower()] then
    return ("headers: '%s' is set by the library"):format(name)
  elseif type(value) ~= "string" and type(value) ~= "number" then
    local message = "headers: '%s' must be a string, a number or a list of them, got %s"
    return message:format(name, type(value))
  elseif not headers.sendable(tostring(value)) then
    return ("headers: the value of '%s' holds a control character"):format(name)
  end
end

--- Checks a table of request headers, name to value or list of values.
-- @treturn {string,...} name, value, name, value ...; or nil and a message
function headers.list(given)
  local names, list = {}, {}
  if type(given) ~= "table" then
    return nil, ("headers: expected a table, got %s"):format(type(given))
  end
  for name in pairs(given) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for _, name in ipairs(names) do
    local values = given[name]
    if type(values) ~= "table" then values = { values } end
    for _, value in ipairs(values) do
      local problem = check(name, value)
      if problem then return nil, problem end
      list[#list + 1] = name
      list[#list + 1] = tostring(value)
    end
  end
  return list
end

local function position(list, name)
  for i = 1, #list, 2 do
    if list[i]:lower() == name:lower() then return i end
  end
end

--- Whether the list has a field of that name.
function headers.has(list, name)
  return position(list, name) ~= nil
end

--- Adds a field where the list has none of that name.
function headers.default(list, name, value)
  if not position(list, name) then headers.set(list, name, value) end
end

--- Sets a field; the ones of that name before it are gone.
function headers.set(list, name, value)
  headers.remove(list, name)
  list[#list + 1] = name
  list[#list + 1] = value
end

--- Removes the fields of that name.
function headers.remove(list, name)
  local i = position(list, name)
  while i do
    table.remove(list, i)
    table.remove(list, i)
    i = position(list, name)
  end
end

--- The fields that may follow a redirect to another origin.
function headers.harmless(list)
  local left = {}
  for i = 1, #list, 2 do
    if harmless[list[i]:lower()] then
      left[#left + 1] = list[i]
      left[#left + 1] = list[i + 1]
    end
  end
  return left
end

--- Whether a content type, or nil, is that of an event stream: its MIME essence decides.
function headers.is_event_stream(kind)
  local essence, behind = (kind or ""):match("^[ \t\r\n]*([^; \t\r\n]*)[ \t\r\n]*(.?)")
  return essence:lower() == "text/event-stream" and (behind == "" or behind == ";")
end

local metatable = {
  __name = "sse.headers",
  __index = function(self, name)
    return type(name) == "string" and rawget(self, name:lower()) or nil
  end,
}

--- A response's fields as a table by lower-case name, looked up in any case; values of one name are
-- joined by ", ", those of Set-Cookie by a line feed.
function headers.response(list)
  local self, repeated = {}, {}
  for i = 1, #list, 2 do
    local name, value = list[i]:lower(), list[i + 1]
    if repeated[name] then
      table.insert(repeated[name], value)
    elseif self[name] then
      repeated[name] = { self[name], value }
    else
      self[name] = value
    end
  end
  for name, values in pairs(repeated) do
    self[name] = table.concat(values, name == "set-cookie" and "\n" or ", ")
  end
  return setmetatable(self, metatable)
end

return headers
