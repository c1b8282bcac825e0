--- What an error about an unknown name adds: the name that was probably meant. It is the name that
-- stands for another library's (sse.shared.foreign_names), or else the known name that is most like
-- it. Requiring this module lets the classes of the core hint, too.
-- @module sse.shared.hints
local core = require "sse.core"
local pages = require "sse.shared.pages"

local hints = {}

local foreign_names -- the table of sse.shared.foreign_names: 75 KiB, loaded when first looked at

-- Names of the core's classes that only the library uses.
local private = { abort = true, deliver = true, memory = true }

local NAMES = pages.at "names"

local private_of = { ["sse.parser"] = { events = true, on_comment = true } } -- by class

-- The number of edits that make one text of another: a letter more, a letter less, another letter,
-- or two neighbours swapped.
local function distance(a, b)
  local before, last
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    before, last, row = last, row, { [0] = i }
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      row[j] = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        row[j] = math.min(row[j], before[j - 2] + 1)
      end
    end
  end
  return row[#b]
end

-- The known name with which the name begins, or that begins with the name; of several the nearest
-- in length.
local function nearest_prefix(name, known_names)
  local best, least
  for known in pairs(known_names) do
    local n = math.min(#name, #known)
    local difference = math.max(#name, #known) - n
    local is_prefix = n > 1 and name:sub(1, n):lower() == known:sub(1, n):lower()
    if is_prefix and (not best or difference < least or difference == least and known < best) then
      best, least = known, difference
    end
  end
  return best
end

-- The known name that is within two edits of the name, within one of a name of up to four letters,
-- or of which one is the beginning of the other; nil if there is none.
local function nearest(name, known_names)
  local best, least = nil, #name > 4 and 3 or 2
  for known in pairs(known_names) do
    local d = distance(name:lower(), known:lower())
    if d < least or (d == least and best and known < best) then best, least = known, d end
  end
  return best or nearest_prefix(name, known_names)
end

local function did_you_mean(name) return name and ("did you mean '%s'?"):format(name) end

--- What is known of a foreign name.
-- @tparam string of a key of sse.shared.foreign_names
-- @param name
-- @treturn string|nil "did you mean 'close'?"
function hints.foreign(of, name)
  foreign_names = foreign_names or require "sse.shared.foreign_names"
  local entry = foreign_names[of] and foreign_names[of][name]
  if type(entry) == "table" then return did_you_mean(entry[1]) end
  return entry
end

--- The hint for an unknown name.
-- @tparam string of a key of sse.shared.foreign_names
-- @param name
-- @tparam table known the known names, as keys
-- @treturn string|nil
function hints.find(of, name, known)
  if type(name) ~= "string" then return nil end
  return hints.foreign(of, name) or did_you_mean(nearest(name, known))
end

--- As `find`, in parentheses and with a space before it; "" if there is no hint.
-- @treturn string
function hints.suffix(of, name, known)
  local hint = hints.find(of, name, known)
  return hint and (" (%s)"):format(hint) or ""
end

local objects = { ["sse.channel"] = "sse.channel object", ["sse.parser"] = "sse.parser object" }
local is_event = { event = true, publication = true }

-- The hint for an unknown name of a class or an event of the core.
local function of_core(of, name, known, more)
  if type(name) ~= "string" then return nil end
  local all, hidden = {}, private_of[of] or {}
  for _, names in ipairs { known, more } do
    for key in pairs(names) do
      if not private[key] and not hidden[key] then all[key] = true end
    end
  end
  local hint = hints.find(objects[of] or of, name, all)
  if hint or not is_event[of] then return hint end
  return ("what the event says goes into 'data': data = { %s = ... }"):format(name)
end

core.set_hint(of_core)

--- Raises since a program read a field that does not exist. For `__index`, which must not call this
-- function in tail position: the error blames the caller's caller.
-- @tparam string of a key of sse.shared.foreign_names
-- @tparam string what the object in messages, "a server"
-- @param name of the field; nothing is raised if it is no string
-- @tparam table ... tables of the fields that exist, by name
function hints.raise_missing(of, what, name, ...)
  if type(name) ~= "string" then return end
  local known = {}
  for _, fields in ipairs { ... } do
    for key in pairs(fields) do known[key] = true end
  end
  local hint = hints.suffix(of, name, known) .. NAMES
  error(("field '%s' of %s does not exist%s"):format(name, what, hint), 3)
end

--- As `raise_missing`, for an object that may have fields of the program's: raises only for a name
-- that another library has for something that exists here.
function hints.raise_foreign(of, what, name)
  local hint = hints.foreign(of, name)
  if not hint then return end
  error(("field '%s' of %s does not exist (%s)%s"):format(name, what, hint, NAMES), 3)
end

--- The metatable of tables that a program is given and whose fields may all be nil: reading one
-- that is not among them raises.
-- @tparam string of a key of sse.shared.foreign_names
-- @tparam string what as of `raise_missing`
-- @tparam table fields the fields, by name
-- @treturn table
function hints.record(of, what, fields)
  return {
    __index = function(_, name)
      if not fields[name] then hints.raise_missing(of, what, name, fields) end
      return nil
    end,
  }
end

--- Makes the reading of fields that a table does not have raise.
-- @tparam table t
-- @tparam string of a key of sse.shared.foreign_names
-- @tparam string what as of `raise_missing`
-- @tparam[opt] table absent fields that the table may have and lacks now, by name
-- @treturn table t
function hints.close_fields(t, of, what, absent)
  local metatable = getmetatable(t) or {}
  metatable.__index = function(_, name)
    if absent and absent[name] then return nil end
    hints.raise_missing(of, what, name, t)
  end
  return setmetatable(t, metatable)
end

return hints
