--- The rules that options of several functions have, in the form that `options.check` of
-- sse.shared.options takes. Modules find them there, too.
-- @module sse.shared.rules
local rules = {}

--- The rule for a string that becomes a C string: it has no NUL.
rules.text = {
  expected = "a string without NUL",
  check = function(v) return type(v) == "string" and not v:find("\0", 1, true) end,
}

--- A rule for a number, whole or not.
-- @tparam[opt] number min the least
-- @tparam[opt] number max the greatest
-- @tparam[opt] string unit for messages, "milliseconds"
function rules.number(min, max, unit)
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

--- A rule for a duration in milliseconds.
-- @tparam[opt=0] number min
function rules.ms(min)
  return rules.number(min or 0, nil, "milliseconds")
end

--- A rule for a whole number: an integer, or a float of integral value.
-- @tparam[opt] number min
-- @tparam[opt] number max
function rules.integer(min, max)
  local rule = rules.number(min, max)
  local number = rule.check
  rule.expected = rule.expected:gsub("^a number", "a whole number")
  rule.check = function(v) return number(v) and math.tointeger(v) ~= nil end
  return rule
end

--- A rule for one of several strings.
-- @tparam string ...
function rules.one_of(...)
  local set, names = {}, { ... }
  for i, name in ipairs(names) do set[name], names[i] = true, ('"%s"'):format(name) end
  return {
    expected = table.concat(names, ", "):gsub(", ([^,]*)$", " or %1"),
    check = function(v) return set[v] or false end,
  }
end

local function is_list_of_strings(v)
  local count = 0
  for key, item in pairs(type(v) == "table" and v or { 0 }) do
    if math.type(key) ~= "integer" or type(item) ~= "string" then return false end
    count = count + 1
  end
  return count == #v
end

--- A rule for a list of strings, which are `what` in messages.
function rules.strings(what)
  return { expected = "a list of " .. what, check = is_list_of_strings }
end

--- The rule for an event id that a server could have sent (HTML 9.2.6).
rules.event_id = {
  expected = "a string without NUL, CR and LF",
  check = function(v) return type(v) == "string" and not v:find("[\0\r\n]") end,
}

return rules
