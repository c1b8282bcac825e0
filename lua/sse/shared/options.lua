--- Options tables: every name and type is checked, and a wrong one is named.
-- @module sse.shared.options
local core = require "sse.core"

local options = {}

-- The nearest known name within two edits, for "did you mean".
local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      diagonal, row[j] = row[j], math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
    end
  end
  return row[#b]
end

-- The known name nearest in length that the name begins with, or that begins with it.
local function kin(name, spec)
  local best, least
  for known in pairs(spec) do
    local n = math.min(#name, #known)
    local apart = math.max(#name, #known) - n
    local akin = n > 1 and name:sub(1, n):lower() == known:sub(1, n):lower()
    if akin and (not best or apart < least or apart == least and known < best) then
      best, least = known, apart
    end
  end
  return best
end

--- " (did you mean 'data'?)" where a known name is that near, else "".
-- @param name
-- @tparam table spec by name
-- @treturn string
function options.suggestion(name, spec)
  if type(name) ~= "string" then return "" end
  local best, least = nil, 3
  for known in pairs(spec) do
    local d = distance(name:lower(), known:lower())
    if d < least or (d == least and best and known < best) then best, least = known, d end
  end
  best = best or kin(name, spec)
  return best and (" (did you mean '%s'?)"):format(best) or ""
end

--- A value as messages show it: `string "x"`, `number 1`, `table`.
function options.show(value)
  if type(value) == "string" then return ("string %q"):format(value) end
  if type(value) == "number" or type(value) == "boolean" then
    return ("%s %s"):format(type(value), value)
  end
  return type(value)
end

local show = options.show

--- Raises in the name of a method's caller where it was called with "." instead of ":".
-- @param self
-- @tparam table metatable that of the method's objects
-- @tparam string name "res:reply"
-- @tparam[opt=3] int level whom the error blames
function options.method(self, metatable, name, level)
  if getmetatable(self) ~= metatable then
    error(("call it with ':' (%s)"):format(name), level or 3)
  end
end

--- The same for an object of the core, which has no metatable to compare.
-- @param self
-- @tparam string class "sse.channel"
-- @tparam string name "channel:publish"
function options.object(self, class, name)
  if core.class_of(self) ~= class then error(("call it with ':' (%s)"):format(name), 3) end
end

--- Gives what a call into the core gave; what it raised is the fault of whoever called the function
-- that ends by this. `return options.told(pcall(f, ...))`.
function options.told(ok, ...)
  if ok then return ... end
  error((...), 2)
end

local home = debug.getinfo(1, "S").source:match "^(@.*[/\\])shared[/\\]" -- the library's folder

--- The level of the nearest function outside of the library, for an error that the function which
-- calls this raises, at whatever depth. Where the library has no folder, its caller's.
function options.outside()
  local level = 3
  local info = home and debug.getinfo(level, "S")
  while info and (info.what == "C" or info.source:sub(1, #home) == home) do
    level = level + 1
    info = debug.getinfo(level, "S")
  end
  return info and level - 1 or 2
end

--- Raises in the name of whoever wrote a field that is not to be written.
-- @tparam string of "a server"
-- @param name
-- @tparam table fields those that may be, by name
function options.unknown_field(of, name, fields)
  local hint = options.suggestion(name, fields)
  error(("field '%s' of %s is not to be written%s"):format(tostring(name), of, hint), 3)
end

--- Raises in the name of whoever wrote to a field where it is no callback.
function options.callback(name, value)
  if value ~= nil and type(value) ~= "function" then
    error(("%s must be a function or nil, got %s"):format(name, show(value)), 3)
  end
end

--- A rule for a string that C takes, which would end at a NUL.
options.text = {
  expected = "a string without NUL",
  check = function(v) return type(v) == "string" and not v:find("\0", 1, true) end,
}

--- Raises where a value is no path.
-- @tparam string where the function's name for messages, "sse.file"
-- @tparam string what "a path"
-- @param value
-- @tparam int level whom the error blames
function options.path(where, what, value, level)
  local is_text = type(value) == "string" and value ~= ""
  if is_text and options.text.check(value) then return end
  local expected = is_text and what .. " without NUL" or what
  error(("%s: expected %s, got %s"):format(where, expected, show(value)), level)
end

local function fits(value, rule)
  if rule.check then
    return rule.check(value)
  end
  for kind in rule.type:gmatch("[^|]+") do
    if type(value) == kind then return true end
    if kind == "integer" and math.type(value) == "integer" then return true end
  end
  return false
end

local check_fields

local function check_field(where, prefix, name, value, spec, level)
  local rule, full = spec[name], prefix .. tostring(name)
  if rule == nil then
    local hint = options.suggestion(name, spec)
    error(("%s: unknown option '%s'%s"):format(where, full, hint), level)
  end
  if type(rule) == "string" then
    rule = { type = rule, expected = rule:gsub("|", " or ") }
  end
  if not fits(value, rule) then
    local message = "%s: option '%s' must be %s, got %s"
    error(message:format(where, full, rule.expected, (rule.show or show)(value)), level)
  end
  if rule.fields then check_fields(where, full .. ".", value, rule.fields, level + 1) end
end

-- Options may also come from a metatable's __index, which pairs() does not show.
function check_fields(where, prefix, given, spec, level)
  for name, value in pairs(given) do
    check_field(where, prefix, name, value, spec, level + 1)
  end
  if not getmetatable(given) then return end
  for name in pairs(spec) do
    local value = given[name]
    if value ~= nil then check_field(where, prefix, name, value, spec, level + 1) end
  end
end

--- Checks a table of options against a spec and raises on the first that is wrong.
-- A rule is a string of Lua types joined by "|" ("integer" too), or a table
-- { check = function(value) -> boolean, expected = text, show = function(value) -> text or nil,
-- fields = a spec for what is in it, or nil }.
-- @tparam string where the function's name for messages, "sse.server"
-- @tparam table|nil given
-- @tparam table spec name -> rule
-- @tparam[opt=3] int level whom the error blames
-- @treturn table given, or an empty table
function options.check(where, given, spec, level)
  level = level or 3
  if given == nil then return {} end
  if type(given) ~= "table" then
    error(("%s: expected a table of options, got %s"):format(where, show(given)), level)
  end
  check_fields(where, "", given, spec, level + 1)
  return given
end

--- A rule for whole or fractional numbers within bounds.
function options.number(min, max, unit)
  local expected = "a number"
  if max then expected = ("a number from %s to %s"):format(min, max)
  elseif min then expected = ("a number of at least %s"):format(min) end
  return {
    expected = unit and expected .. " (" .. unit .. ")" or expected,
    check = function(v)
      return type(v) == "number" and v == v and v >= (min or -math.huge) and v <= (max or math.huge)
        and (max ~= nil or v < math.huge)
    end,
  }
end

--- A rule for durations in milliseconds.
function options.ms(min)
  return options.number(min or 0, nil, "milliseconds")
end

--- A rule for whole numbers within bounds, floats of whole value included.
function options.integer(min, max)
  local rule = options.number(min, max)
  local number = rule.check
  rule.expected = rule.expected:gsub("^a number", "a whole number")
  rule.check = function(v) return number(v) and math.tointeger(v) ~= nil end
  return rule
end

--- A rule for one of the named strings.
function options.one_of(...)
  local set, names = {}, { ... }
  for i, name in ipairs(names) do set[name], names[i] = true, ('"%s"'):format(name) end
  return {
    expected = table.concat(names, ", "):gsub(", ([^,]*)$", " or %1"),
    check = function(v) return set[v] or false end,
  }
end

--- The rule for an id that a server could have sent.
options.event_id = {
  expected = "a string without NUL, CR and LF",
  check = function(v) return type(v) == "string" and not v:find("[\0\r\n]") end,
}

return options
