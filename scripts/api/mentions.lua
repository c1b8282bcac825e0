--- Finds the names of the interface that the reference's code uses, and complains about those that
-- do not exist: `sse.name`, `variable:name`, `variable.name`, `:name(`, the options in calls, and
-- those in tables of options.
local mentions = {}

local function add_all(set, ...)
  for _, names in ipairs { ... } do
    for _, name in ipairs(names) do set[name] = true end
  end
  return set
end

-- The names of the interface, for look-ups: `functions`; `variables`, by name the set of what the
-- classes have whose objects the reference calls so; `classes`, by name; `options` by function.
local function index(groups)
  local all = { functions = {}, variables = {}, classes = {}, options = {} }
  for _, group in ipairs(groups) do
    add_all(all.functions, group.functions)
    for where, names in pairs(group.options) do all.options[where] = add_all({}, names) end
    for _, class in ipairs(group.classes) do
      all.classes[class.class] = add_all({}, class.methods, class.fields)
      for where, names in pairs(class.options) do all.options[where] = add_all({}, names) end
      for _, variable in ipairs(class.variables) do
        all.variables[variable] = add_all(all.variables[variable] or {}, class.methods,
          class.fields)
      end
    end
  end
  return all
end

local function check_functions(report, all, piece)
  for name, rest in piece:gmatch "%f[%w_.:/]sse%.([%a_][%w_]*)([%w_.:]*)" do
    if not all.functions[name] then report.add(("'sse.%s' does not exist"):format(name)) end
    local inner, class = rest:match "^[.]([%a_][%w_]*)", all.classes[name]
    if inner and class and not class[inner] then
      report.add(("'sse.%s.%s' does not exist"):format(name, inner))
    end
  end
end

-- `skipped`: variables that stand for something else on the page.
local function check_variables(report, all, piece, skipped)
  for variable, mark, name in piece:gmatch "%f[%w_.:/]([%a_][%w_]*)([.:])([%a_][%w_]*)" do
    local known = not skipped[variable] and name ~= "lua" and all.variables[variable]
    if known and not known[name] then
      report.add(("'%s%s%s' does not exist"):format(variable, mark, name))
    end
  end
end

-- `:name(` at the beginning of a piece: a method of a class that has its place in this section.
local function check_method(report, groups, section, piece)
  local name = piece:match "^:([%a_][%w_]*)%("
  if not name then return end
  for _, group in ipairs(groups) do
    for _, class in ipairs(group.classes) do
      local is_here = false
      for _, heading in ipairs(class.headings) do is_here = is_here or section.titles[heading] end
      for _, method in ipairs(is_here and class.methods or {}) do
        if method == name then return end
      end
    end
  end
  report.add(("':%s' under \"%s\" does not exist"):format(name, section.title))
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

local function check_calls(report, all, piece)
  for name, at in piece:gmatch "([%a_][%w_]*[.:][%a_][%w_.]*)%s*()%f[{(]" do
    local known = all.options[name]
    local arguments = known and piece:match("^%b{}", at) or known and piece:match("^%b()", at)
    for _, key in ipairs(arguments and keys_of(arguments) or {}) do
      if not known[key] then
        report.add(("'%s' is no option of %s"):format(key, name))
      end
    end
  end
end

local function add_options(known, options)
  for _, names in pairs(options) do add_all(known, names) end
end

-- The options in the first column of the section's tables: those of a function or class that has
-- its place in this section.
local function check_tables(report, groups, section)
  local known = {}
  for _, group in ipairs(groups) do
    local is_here = false
    for _, heading in ipairs(group.headings) do is_here = is_here or section.titles[heading] end
    if is_here then
      add_options(known, group.options)
      for _, class in ipairs(group.classes) do add_options(known, class.options) end
    end
  end
  for _, piece in ipairs(section.options) do
    local name = piece:match "^[%a_][%w_]*"
    if name and not known[name] then
      report.add(("no function of \"%s\" has the option '%s'"):format(section.title, name))
    end
  end
end

--- Adds to the report what the sections mention and the groups don't have.
function mentions.check(report, groups, sections)
  local all = index(groups)
  for _, section in ipairs(sections) do
    for _, piece in ipairs(section.pieces) do
      check_functions(report, all, piece)
      check_variables(report, all, piece, {})
      check_method(report, groups, section, piece)
      check_calls(report, all, piece)
    end
    check_tables(report, groups, section)
  end
end

--- Adds to the report which functions, methods and options the sections of another page mention and
-- the groups don't have. An event there is a failure as often as not, and `response.completed` an
-- event of OpenAI's.
function mentions.check_page(report, groups, sections)
  local all, skipped = index(groups), { ev = true, event = true, response = true }
  for _, section in ipairs(sections) do
    for _, piece in ipairs(section.pieces) do
      check_functions(report, all, piece)
      check_variables(report, all, piece, skipped)
      check_calls(report, all, piece)
    end
  end
end

return mentions
