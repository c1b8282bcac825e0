--- Checks what programs pass to the library: tables of options against rules, `self`, callbacks and
-- paths. Misuse raises at the line of the program that is at fault, whatever lies between.
-- @module sse.shared.options
local core = require "sse.core"
local hints = require "sse.shared.hints"
local pages = require "sse.shared.pages"
local rules = require "sse.shared.rules"

-- The rules that several functions' options have are here, too: `options.ms()`.
local options = setmetatable({}, { __index = rules })

--- A value as error messages show it: `string "x"`, `number 1`, `table`.
function options.show(value)
  if type(value) == "string" then return ("string %q"):format(value) end
  if type(value) == "number" or type(value) == "boolean" then
    return ("%s %s"):format(type(value), value)
  end
  return type(value)
end

local show = options.show
local ARGUMENTS, OPTIONS = pages.at "arguments", pages.at "options"

--- A value as text, whatever its `__tostring` does: an error of the program's may be any object.
function options.text_of(value)
  local ok, text = pcall(tostring, value)
  return ok and text or "an object whose __tostring raises"
end

-- Raises if a list of arguments holds anything but nil; `level` is as of `error`, seen from the
-- caller.
local function check_none(level, call, ...)
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    if value ~= nil then
      error(call .. ": one argument too many, a " .. type(value) .. ARGUMENTS, level + 1)
    end
  end
end

--- Raises if a function was called with further arguments. nil counts as no argument.
-- @tparam string call the function with its parameters, for messages: "sse.sleep(ms)"
-- @param ... what the function was given behind its parameters
function options.check_count(call, ...)
  if select("#", ...) > 0 then check_none(3, call, ...) end
end

--- Raises if a function of the module was called with ":": its first argument is then the module.
-- @tparam string call the function's name: "sse.fetch"
-- @param first what the function was given first
function options.check_dot(call, first)
  if type(first) == "table" and first == package.loaded.sse then
    error(("call it with '.' (%s)%s"):format(call, pages.at "colon"), 3)
  end
end

--- Raises if a method was called with "." and not ":", or with further arguments.
-- @tparam int level as of `error`, seen from this function
-- @tparam boolean is_self whether the method's `self` is what it has to be
-- @tparam string call as of `check_count`: "res:reply(status, body)"
-- @param ... as of `check_count`
function options.check_call(level, is_self, call, ...)
  if not is_self then
    error(("call it with ':' (%s)%s"):format(call:match "^[^(]*", pages.at "colon"), level)
  end
  check_none(level, call, ...)
end

--- As `check_call`, at the line of the method's caller. Called for every request, so it looks at no
-- more than two further arguments.
-- @param self
-- @tparam table metatable that of the class's objects
-- @tparam string call as of `check_call`
-- @param[opt] first what the method was given behind its parameters
-- @param[opt] second
function options.check_self(self, metatable, call, first, second)
  if getmetatable(self) ~= metatable or first ~= nil or second ~= nil then
    options.check_call(4, getmetatable(self) == metatable, call, first, second)
  end
end

--- As `check_self`, for an object of the core, whose class is known by its name.
-- @param self
-- @tparam string class "sse.channel"
-- @tparam string call as of `check_call`
-- @param ... as of `check_call`
function options.check_core_self(self, class, call, ...)
  options.check_call(4, core.class_of(self) == class, call, ...)
end

--- Returns what a function of the core returned, or raises its error at the line of the caller's
-- caller. Used as a tail call: `return options.unwrap(pcall(f, ...))`.
function options.unwrap(ok, ...)
  if ok then return ... end
  error((...), 2)
end

local home = debug.getinfo(1, "S").source:match "^(@.*[/\\])shared[/\\]" -- the library's folder

--- The level for `error` in the caller that blames the nearest function outside of the library, at
-- whatever depth. If the library was not loaded from files, that of the caller's caller.
-- @treturn int
function options.caller_level()
  local level = 3
  local info = home and debug.getinfo(level, "S")
  while info and (info.what == "C" or info.source:sub(1, #home) == home) do
    level = level + 1
    info = debug.getinfo(level, "S")
  end
  return info and level - 1 or 2
end

--- Raises since a program assigned to a field that is not to be written. For `__newindex`.
-- @tparam string of a key of sse.shared.foreign_names
-- @tparam string what the object in messages, "a server"
-- @param name of the field
-- @tparam table fields those that may be written, by name
function options.raise_unknown_field(of, what, name, fields)
  local hint = hints.suffix(of, name, fields)
  local message = "field '%s' of %s is not to be written%s%s"
  error(message:format(tostring(name), what, hint, pages.at "names"), 3)
end

--- Makes assignments to fields that a table does not have raise. A field that the table has can be
-- replaced.
-- @tparam table t
-- @tparam string of a key of sse.shared.foreign_names
-- @tparam string what as of `raise_unknown_field`
-- @treturn table t
function options.close_writes(t, of, what)
  local metatable = getmetatable(t) or {}
  metatable.__newindex = function(_, name) options.raise_unknown_field(of, what, name, t) end
  return setmetatable(t, metatable)
end

--- Checks a callback that a program assigned to a field: a function or nil. For `__newindex`.
-- @tparam string name of the field
-- @param value
function options.check_callback(name, value)
  if value ~= nil and type(value) ~= "function" then
    error(("%s must be a function or nil, got %s%s"):format(name, show(value), OPTIONS), 3)
  end
end

--- Raises if a user is given to a list of streams and is nil: nobody's streams would be those of
-- all.
-- @tparam string name the method for messages, "server:streams"
-- @param ... the arguments
function options.check_user(name, ...)
  if select("#", ...) > 0 and (...) == nil then
    local message = "%s: the user is nil (without the argument it is all streams)%s"
    error(message:format(name, ARGUMENTS), 3)
  end
end

--- Checks a path: a string that is not empty and has no NUL. Raises otherwise.
-- @tparam string where the function's name for messages, "sse.file"
-- @tparam string what the path is called in messages, "a path"
-- @param value
-- @tparam int level as of `error`, seen from this function
function options.check_path(where, what, value, level)
  local is_text = type(value) == "string" and value ~= ""
  if is_text and options.text.check(value) then return end
  local expected = is_text and what .. " without NUL" or what
  error(("%s: expected %s, got %s%s"):format(where, expected, show(value), ARGUMENTS), level)
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

local function index(t, key) return t[key] end

local check_fields

local function check_field(where, prefix, name, value, spec, level)
  local rule, full = spec[name], prefix .. tostring(name)
  if rule == nil then
    local of = prefix == "" and where or where .. " " .. prefix:sub(1, -2)
    local hint = hints.suffix(of, name, spec)
    if type(name) ~= "string" then hint = " (options have names: { name = value })" end
    error(("%s: unknown option '%s'%s%s"):format(where, full, hint, OPTIONS), level)
  end
  if type(rule) == "string" then
    rule = { type = rule, expected = rule:gsub("|", " or ") }
  end
  if not fits(value, rule) then
    local message, shown = "%s: option '%s' must be %s, got %s%s", (rule.show or show)(value)
    error(message:format(where, full, rule.expected, shown, OPTIONS), level)
  end
  if rule.fields and type(value) == "table" then
    check_fields(where, full .. ".", value, rule.fields, level + 1)
  end
end

-- Checks each option of a table, also those that come from the __index of its metatable, which
-- pairs() does not show.
function check_fields(where, prefix, given, spec, level)
  for name, value in pairs(given) do
    check_field(where, prefix, name, value, spec, level + 1)
  end
  if not getmetatable(given) then return end
  for name in pairs(spec) do
    local ok, value = pcall(index, given, name)
    if not ok then
      local why = tostring(value):gsub("^[^\n]-:%d+: ", "")
      error(("%s: expected a table of options: %s%s"):format(where, why, OPTIONS), level)
    end
    if value ~= nil then check_field(where, prefix, name, value, spec, level + 1) end
  end
end

--- The rules of all options, by the name of the function that takes them, as its errors say it:
-- `options.specs["sse.fetch"].method`. A module of the library that has not been loaded has none.
options.specs = {}

--- Keeps the rules of a function's options in `options.specs`.
-- @tparam string where as of `check`
-- @tparam table spec as of `check`
-- @treturn table spec
function options.spec(where, spec)
  options.specs[where] = spec
  return spec
end

--- Checks a table of options and raises on the first that is unknown or wrong.
--
-- A rule is a string of Lua types joined by "|" ("integer" is one, too), or a table: `check`, a
-- function(value) that returns whether the value is right; `expected`, a text for the message;
-- optionally `show`, a function(value) that returns the value's text for the message, and `fields`,
-- a spec for the fields of the value.
-- @tparam string where the function's name for messages, "sse.server"
-- @tparam table|nil given
-- @tparam table spec name -> rule; one that `options.spec` keeps
-- @tparam[opt=3] int level as of `error`, seen from this function
-- @treturn table `given`, or an empty table for nil
function options.check(where, given, spec, level)
  level = level or 3
  if given == nil then return {} end
  if type(given) ~= "table" then
    local hint = hints.foreign(where, type(given))
    hint = (hint and (" (%s)"):format(hint) or "") .. OPTIONS
    error(("%s: expected a table of options, got %s%s"):format(where, show(given), hint), level)
  end
  check_fields(where, "", given, spec, level + 1)
  return given
end

return options
