--- Finds the names of the interface that a page uses, and complains about those that do not exist:
-- `sse.name`, `variable:name`, `variable.name`, the options in calls, those in tables of options,
-- and those that the prose calls so ("the option `name`").
local mentions = {}

local function add_all(set, ...)
  for _, names in ipairs { ... } do
    for _, name in ipairs(names) do set[name] = true end
  end
  return set
end

-- Adds the options of functions; of "tls.ca" to `any` also "ca".
local function add_options(all, options)
  for where, names in pairs(options) do
    all.options[where] = add_all({}, names)
    for _, name in ipairs(names) do all.any[name], all.any[name:match "[^.]+$"] = true, true end
  end
end

-- The names of the interface, for look-ups: `functions`; `variables`, by name the set of what the
-- classes have whose objects the pages call so; `classes`, by name; `options` by function, and
-- `any` of them.
local function index(groups)
  local all = { functions = {}, variables = {}, classes = {}, options = {}, any = {} }
  for _, group in ipairs(groups) do
    add_all(all.functions, group.functions)
    add_options(all, group.options)
    for _, class in ipairs(group.classes) do
      all.classes[class.class] = add_all({}, class.methods, class.fields)
      add_options(all, class.options)
      for _, variable in ipairs(class.variables) do
        all.variables[variable] = add_all(all.variables[variable] or {}, class.methods,
          class.fields)
      end
    end
  end
  return all
end

local function check_functions(report, all, piece, types)
  for name, rest in piece:gmatch "%f[%w_.:/-]sse%.([%a_][%w_]*)([%w_.:]*)" do
    if not all.functions[name] and not types["sse." .. name] and name ~= "lua" then
      report.add(("'sse.%s' does not exist"):format(name))
    end
    local inner, class = rest:match "^[.]([%a_][%w_]*)", all.classes[name]
    if inner and class and not class[inner] then
      report.add(("'sse.%s.%s' does not exist"):format(name, inner))
    end
  end
end

-- What the pages' programs add to an object, by variable.
local own = { req = { user = true } }

local function check_variables(report, all, piece, skipped)
  for variable, mark, name in piece:gmatch "%f[%w_.:/]([%a_][%w_]*)([.:])([%a_][%w_]*)" do
    local known = not skipped[variable] and name ~= "lua" and all.variables[variable]
    local is_own = own[variable] and own[variable][name]
    if known and not known[name] and not is_own then
      report.add(("'%s%s%s' does not exist"):format(variable, mark, name))
    end
  end
end

-- The keys of the table in a call's arguments: { a = 1, b = { c = 2 } } has a and b.
local function keys_of(arguments)
  local keys = {}
  local inner = arguments:match "^{(.*)}$" or arguments:match "(%b{})%s*%)$"
  if not inner then return keys end
  inner = inner:gsub("^{", ""):gsub("}$", ""):gsub("%f[%w]function%f[%W].-%f[%w]end%f[%W]", "")
  inner = inner:gsub("%b{}", ""):gsub("%b()", "")
  for key in inner:gmatch "([%a_][%w_]*)%s*=%f[^=]" do keys[#keys + 1] = key end
  return keys
end

-- Functions whose first argument is a value, and not options.
local TAKES_VALUE = { ["sse.json.encode"] = true }

local function check_calls(report, all, piece)
  for name, at in piece:gmatch "([%a_][%w_]*[.:][%a_][%w_.]*)%s*()%f[{(]" do
    local known = all.options[name]
    if TAKES_VALUE[name] and piece:sub(at, at) == "{" then known = nil end
    local arguments = known and piece:match("^%b{}", at) or known and piece:match("^%b()", at)
    for _, key in ipairs(arguments and keys_of(arguments) or {}) do
      if not known[key] then
        report.add(("'%s' is no option of %s"):format(key, name))
      end
    end
  end
end

-- Options that a page says exist: each is one of some function, or a field of one.
local function check_options(report, all, list)
  for _, option in ipairs(list) do
    if not all.any[option.name] then
      report.add(("no function has the option '%s' (line %d)"):format(option.name, option.line))
    end
  end
end

--- Adds to the report which functions, methods and options a page mentions and the library has not.
-- @tparam table report of api.report
-- @tparam table groups as of interface.read
-- @tparam table found as of page.read
-- @tparam table types the set of names of classes, "sse.Timer"
-- @tparam table skipped variables that stand for something else on the page
function mentions.check(report, groups, found, types, skipped)
  local all = index(groups)
  for _, piece in ipairs(found.pieces) do
    check_functions(report, all, piece, types)
    check_variables(report, all, piece, skipped)
    check_calls(report, all, piece)
  end
  check_options(report, all, found.rows)
  check_options(report, all, found.named)
end

return mentions
