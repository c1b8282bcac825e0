--- Asks the library's modules for the names of its interface. Nothing here is a list of names:
--
-- * functions are the fields of the module `sse`;
-- * methods and fields of a class are the names from which an object of it picks its hint when an
--   unknown field is read or written, those that its `__pairs` shows, and those in which its
--   `__index` looks;
-- * options are the rules that options.check goes by (sse.shared.options.specs), and the fields of
--   an event those from which the core picks its hint about an unknown one.
local groups = require "api.groups"
local sorted = require("lint.graph").sorted
local objects = require "api.objects"

local interface = {}

-- Calls f with `...`, which raises about an unknown name; returns the names that exist instead.
local function ask(f, ...)
  local hints = require "sse.shared.hints"
  local find, found = hints.find, {}
  function hints.find(_, _, known) found = known end
  pcall(f, ...)
  hints.find = find
  return found
end

local UNKNOWN = "?"
local function read(object) return object[UNKNOWN] end
local function write(object) object[UNKNOWN] = nil end

-- The names that the object's pairs() shows. Those of a table that keeps more than its public
-- fields are not looked at, unless a __pairs picks them.
local function shown(object, metatable)
  local names = {}
  local is_plain = not metatable or not metatable.__index or type(metatable.__index) == "table"
  if type(object) ~= "table" or not (is_plain or metatable.__pairs) then return names end
  for name in pairs(object) do names[name] = true end
  return names
end

-- The tables in which the __index of a metatable looks names up. Where it is a function, these are
-- its upvalues `methods` and `lazy`: a request has fields of the program's, so that it can't be
-- asked for an unknown one.
local function inherited(metatable)
  local index = metatable and metatable.__index
  if type(index) == "table" then return { index } end
  local tables, i = {}, 1
  local name, value = debug.getupvalue(index or print, i)
  while name do
    if name == "methods" or name == "lazy" then tables[#tables + 1] = value end
    i = i + 1
    name, value = debug.getupvalue(index, i)
  end
  return tables
end

-- The methods and the fields of an object: two sorted lists.
local function names_of(object)
  local metatable, all = debug.getmetatable(object), {}
  local sources = inherited(metatable)
  table.move({ ask(read, object), ask(write, object), shown(object, metatable) }, 1, 3,
    #sources + 1, sources)
  for _, names in ipairs(sources) do
    for name in pairs(names) do
      if type(name) == "string" and not name:find "^__" then all[name] = true end
    end
  end
  local methods, fields = {}, {}
  for name in pairs(all) do
    local ok, value = pcall(function() return object[name] end)
    local is_method = ok and type(value) == "function" and not name:find "^on_" -- a callback is set
    if is_method then methods[name] = true else fields[name] = true end
  end
  return sorted(methods), sorted(fields)
end

-- The names of a table of numbers, and of the tables in it: "closed", "closed.client".
local function add_names(names, prefix, t)
  for name, value in pairs(t) do
    if type(name) == "string" then
      names[prefix .. name] = true
      if type(value) == "table" then add_names(names, prefix .. name .. ".", value) end
    end
  end
  return names
end

local function stats_of(object, methods)
  for _, name in ipairs(methods) do
    if name == "stats" then return sorted(add_names({}, "", object:stats())) end
  end
end

-- Options and their fields: "tls", "tls.ca".
local function add_rules(names, prefix, spec)
  for name, rule in pairs(spec) do
    names[prefix .. name] = true
    if type(rule) == "table" and rule.fields then
      add_rules(names, prefix .. name .. ".", rule.fields)
    end
  end
  return names
end

-- By the name of a function, the names of its options.
local function options_of(sse, made)
  local lists = {}
  for where, spec in pairs(require("sse.shared.options").specs) do
    lists[where] = sorted(add_rules({}, "", spec))
  end
  local wrong = { [UNKNOWN] = 1 }
  lists["sse.encode"] = sorted(ask(sse.encode, wrong))
  lists["stream:send"] = sorted(ask(made.stream.send, made.stream, wrong))
  lists["channel:publish"] = sorted(ask(made.channel.publish, made.channel, wrong))
  return lists
end

-- The function or class to which a name of options.specs belongs: "sse.fetch", "stream".
local function owner_of(where)
  return where:match "^(sse%.%w+)" or where:match "^([%w_]+)[:.]" or "source"
end

local function add_class(group, class, object, options)
  local name = class[1]
  local methods, fields = names_of(object)
  local entry = {
    class = name, variables = { table.unpack(class, 2) }, methods = methods, fields = fields,
    is_table = rawequal(object, rawget(require "sse", name))
      and not (debug.getmetatable(object) or {}).__call,
    stats = stats_of(object, methods), options = {},
  }
  for where, names in pairs(options) do
    if owner_of(where) == name then entry.options[where] = names end
  end
  table.insert(group.classes, entry)
end

-- Adds the functions of `sse` that the group has to it, and takes them out of `left`.
local function add_functions(group, names, left, options)
  for _, name in ipairs(names) do
    if not left[name] then error(("sse.%s is in a group and does not exist"):format(name), 0) end
    left[name] = nil
    table.insert(group.functions, name)
    for where, list in pairs(options) do
      if owner_of(where) == "sse." .. name then group.options[where] = list end
    end
  end
end

local function read_groups(sse, made)
  local left, list = {}, {}
  for name in pairs(sse) do left[name] = true end
  local options = options_of(sse, made)
  for _, given in ipairs(groups) do
    local group = {
      name = given.name, functions = {}, options = {}, classes = {},
    }
    add_functions(group, given.functions, left, options)
    for _, class in ipairs(given.classes) do add_class(group, class, made[class[1]], options) end
    list[#list + 1] = group
  end
  local forgotten = table.concat(sorted(left), ", sse.")
  if forgotten ~= "" then error(("in no group: sse.%s"):format(forgotten), 0) end
  return list
end

--- The interface.
-- @treturn table a list of groups: `name`; `functions`, names; `options` by function, names;
-- `classes`, a list of: `class`; `is_table`, whether it is a field of `sse` that can't be called;
-- `variables`, `methods`, `fields`, `options`, `stats` (nil without any)
function interface.read()
  local sse = require "sse"
  local made = objects.make(sse)
  local ok, result = pcall(read_groups, sse, made)
  objects.close(made)
  if not ok then error(result, 0) end
  return result
end

return interface
