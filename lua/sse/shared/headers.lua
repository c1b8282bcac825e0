--- Header fields. Those to be sent are a list: name, value, name, value ...; those of a response to
-- the client are a table by lower-case name, which is looked up in any case.
-- @module sse.shared.headers
local headers = {}

local find = string.find

-- Fields that the framing of a message depends on: the core sets them.
local reserved = { ["content-length"] = true, ["transfer-encoding"] = true, ["connection"] = true }

-- Request fields in which no program keeps a secret.
local without_secret = {
  ["accept"] = true, ["accept-language"] = true, ["cache-control"] = true, ["content-type"] = true,
  ["content-language"] = true, ["last-event-id"] = true, ["user-agent"] = true, ["pragma"] = true,
  ["accept-encoding"] = true,
}

--- Whether a field's value can be this text: it holds no control character but the tab.
-- @tparam string text
function headers.sendable(text)
  return not find(text, "[\0-\8\10-\31\127]")
end

local sendable = headers.sendable

--- Whether a value is a token, as field names and methods are (RFC 9110 5.6.2).
function headers.is_token(value)
  return type(value) == "string" and value:find("^[%w!#$%%&'*+.^_`|~-]+$") ~= nil
end

--- A header name as it is usually written, from one with "_": "Content-Type" of "content_type".
function headers.with_hyphens(name)
  return (name:gsub("_", "-"):gsub("%f[%a]%a", string.upper))
end

-- What is wrong with the name of a field that a program gave, or nil.
local function problem_of_name(name)
  if type(name) == "number" then
    return "headers: expected a table such as { Name = \"value\" }, got a list "
      .. "[docs/errors.md#headers]"
  elseif not headers.is_token(name) then
    return ("headers: '%s' is not a header name [docs/errors.md#headers]"):format(tostring(name))
  elseif name:find("_", 1, true) then
    local told = "headers: '%s' has a '_' (did you mean '%s'?) [docs/errors.md#headers]"
    return told:format(name, headers.with_hyphens(name))
  elseif reserved[name:lower()] then
    return ("headers: '%s' is set by the library [docs/errors.md#headers]"):format(name)
  end
end

-- What is wrong with a value, or nil.
local function problem_of_value(name, value)
  if type(value) ~= "string" and type(value) ~= "number" then
    local message = "headers: '%s' must be a string, a number or a list of them, got %s "
      .. "[docs/errors.md#headers]"
    return message:format(name, type(value))
  elseif not headers.sendable(tostring(value)) then
    local message = "headers: the value of '%s' holds a control character [docs/errors.md#headers]"
    return message:format(name)
  end
end

-- Names that have been found right, since programs use few: `right_count` of them.
local MAX_RIGHT <const> = 200
local right, right_count = {}, 0

local function check_name(name)
  local problem = problem_of_name(name)
  if problem then return problem end
  if right_count == MAX_RIGHT then right, right_count = {}, 0 end
  right[name], right_count = true, right_count + 1
end

-- Appends the fields of a name, or returns what is wrong with one.
local function append_all(list, name, values)
  if type(values) ~= "table" then values = { values } end
  for _, value in ipairs(values) do
    local problem = problem_of_value(name, value)
    if problem then return problem end
    list[#list + 1] = name
    list[#list + 1] = tostring(value)
  end
end

--- Checks a table of fields that a program gave, and makes a list of it, sorted by name.
-- @tparam table given name to value or list of values; a value is a string or a number
-- @treturn {string,...} name, value, name, value ...; or nil and a message
function headers.list(given)
  if type(given) ~= "table" then
    local message = "headers: expected a table, got %s [docs/errors.md#headers]"
    return nil, message:format(type(given))
  end
  local names, list = { nil, nil, nil, nil }, { nil, nil, nil, nil, nil, nil, nil, nil } -- room
  for name in pairs(given) do
    local problem = not right[name] and check_name(name)
    if problem then return nil, problem end
    names[#names + 1] = name
  end
  if names[2] then table.sort(names) end
  for i = 1, #names do
    local name, count = names[i], #list
    local value = given[name]
    if type(value) == "string" and sendable(value) then -- most are
      list[count + 1], list[count + 2] = name, value
    else
      local problem = append_all(list, name, value)
      if problem then return nil, problem end
    end
  end
  return list
end

local function position(list, name)
  name = name:lower()
  for i = 1, #list, 2 do
    local other = list[i]
    if other == name or #other == #name and other:lower() == name then return i end
  end
end

--- Whether a list has a field of that name, in any case.
function headers.has(list, name)
  return position(list, name) ~= nil
end

--- The first value that a list has for a name, in any case; nil if there is none.
function headers.get(list, name)
  local i = position(list, name)
  return i and list[i + 1]
end

--- Adds a field to a list that has none of that name.
function headers.set_default(list, name, value)
  if position(list, name) then return end
  list[#list + 1] = name
  list[#list + 1] = value
end

--- Adds a field to a list and removes the others of its name.
function headers.set(list, name, value)
  headers.remove(list, name)
  list[#list + 1] = name
  list[#list + 1] = value
end

--- Removes the fields of a name from a list.
function headers.remove(list, name)
  local i = position(list, name)
  while i do
    table.remove(list, i)
    table.remove(list, i)
    i = position(list, name)
  end
end

--- The fields of a list that another origin may get after a redirect: those in which no program
-- keeps a secret.
-- @treturn {string,...} a new list
function headers.without_secrets(list)
  local kept = {}
  for i = 1, #list, 2 do
    if without_secret[list[i]:lower()] then
      kept[#kept + 1] = list[i]
      kept[#kept + 1] = list[i + 1]
    end
  end
  return kept
end

-- Where a quoted string ends that begins at `at`.
local function end_of_quoted(text, at)
  repeat
    at = text:find('["\\]', at + 1) or #text + 1
    local escapes = text:sub(at, at) == "\\"
    if escapes then at = at + 1 end
  until not escapes
  return at
end

-- The value of a list that begins at `at`, and where the next one begins. Values are separated by
-- commas outside of quoted strings.
local function next_value(text, at)
  local stop = text:find('[",]', at)
  while stop and text:sub(stop, stop) == '"' do
    stop = text:find('[",]', end_of_quoted(text, stop) + 1)
  end
  return text:sub(at, (stop or 0) - 1), stop and stop + 1
end

-- The type and subtype of a MIME type, in lower case; nil if it is none, or "*/*".
local function essence_of(value)
  local at, slash = value:find("[^ \t\r\n]"), value:find("/", 1, true)
  if not slash then return nil end
  local kind = value:sub(at, slash - 1)
  local subtype, behind = value:match("^([^; \t\r\n]*)[ \t\r\n]*(.?)", slash + 1)
  if not headers.is_token(kind) or not headers.is_token(subtype) then return nil end
  if behind ~= "" and behind ~= ";" then return nil end
  local essence = (kind .. "/" .. subtype):lower()
  return essence ~= "*/*" and essence or nil
end

--- The MIME essence of a Content-Type, "text/html" of "Text/HTML; charset=utf-8". Of several values
-- the last one counts that is a valid type (Fetch 2.2.2, to extract a MIME type).
-- @tparam string|nil field the field's value, or the values of several fields, joined by commas
-- @treturn string|nil in lower case; nil if no value is a valid type
function headers.mime_essence(field)
  local essence, at = nil, 1
  while field and at do
    local value
    value, at = next_value(field, at)
    essence = essence_of(value) or essence
  end
  return essence
end

--- The names of usual fields written with "_", in lower case and as "Content_Type". No peer sends
-- them so: a program that looks one up means the field with "-".
headers.misspelled = {}
for name in ([[content_type content_length content_encoding user_agent last_event_id set_cookie
  accept_encoding accept_language cache_control retry_after if_none_match if_modified_since
  last_modified x_forwarded_for x_forwarded_proto x_real_ip]]):gmatch "%S+" do
  headers.misspelled[name] = true
  headers.misspelled[headers.with_hyphens(name):gsub("-", "_")] = true
end

-- Methods that other libraries' tables of fields have.
local foreign_methods = { get = true, has = true, getAll = true, set = true, append = true }

--- Whether a name that no field has is that of a field with "_" in place of "-".
-- @tparam string name
-- @tparam function get called with `fields` and a name in lower case; returns the field's value
-- @param fields
function headers.is_misspelled(name, get, fields)
  return name:find("_", 1, true) and get(fields, (name:lower():gsub("_", "-"))) ~= nil
end

--- Raises since a program looked up a misspelled name, and there is no such field.
-- @tparam string name
-- @tparam int level as of `error`, seen from the caller
function headers.raise_misspelled(name, level)
  local message = "there is no header '%s' (did you mean '%s'?) [docs/errors.md#headers]"
  error(message:format(name, headers.with_hyphens(name)), level + 1)
end

--- The metatable of a table of fields by lower-case name, which looks names up in any case.
headers.metatable = {
  __name = "sse.headers",
  __index = function(self, name)
    if type(name) ~= "string" then return nil end
    local value = rawget(self, name:lower())
    if value ~= nil then return value end
    if headers.misspelled[name] or headers.is_misspelled(name, rawget, self) then
      headers.raise_misspelled(name, 2)
    elseif foreign_methods[name] then
      local message = "headers have no method '%s': look them up by headers[name] "
        .. "[docs/errors.md#headers]"
      error(message:format(name), 2)
    end
  end,
}

--- Makes a table of a response's fields, by lower-case name and looked up in any case. The values
-- of a name that comes several times are joined by ", ", those of Set-Cookie by a line feed.
-- @tparam {string,...} list name, value, name, value ...
-- @treturn table
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
  return setmetatable(self, headers.metatable)
end

return headers
