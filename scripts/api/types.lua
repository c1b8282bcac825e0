--- Writes types/sse.lua: the interface as annotations of LuaLS, from what the reference describes.
local types = {}

local WIDTH = 98

local function capitalized(text)
  return (text:gsub("^%l", string.upper))
end

--- The class of a function's options: of "sse.server: tls.names" it is "sse.ServerTlsNamesOptions".
-- @tparam string where the function, as in `doc.options`; with the fields of an option, if it is of
-- their table: "sse.fetch.tls"
-- @treturn string
function types.options_class(where)
  local name = where:gsub("^sse[.:]%s*", ""):gsub("%w+", capitalized):gsub("[^%w]", "")
  return ("sse.%sOptions"):format(name)
end

-- The options of a function as a list of those without a dot, and the lists of the fields of each.
local function nested(options)
  local outer, inner = {}, {}
  for _, option in ipairs(options) do
    local name, field = option.name:match "^([^.]+)%.(.*)$"
    if name then
      inner[name] = inner[name] or {}
      table.insert(inner[name], {
        name = field, type = option.type, default = option.default, text = option.text,
      })
    else
      outer[#outer + 1] = option
    end
  end
  return outer, inner
end

local function sorted_keys(t)
  local list = {}
  for key in pairs(t) do list[#list + 1] = key end
  table.sort(list)
  return list
end

-- The text of a table's cell or a list's item, without its links.
local function plain(text)
  return (text:gsub("%[([^%]]*)%]%([^)]*%)", "%1"))
end

-- Adds prose, wrapped, as a comment.
local function add_prose(lines, text)
  local line = "---"
  for word in plain(text):gmatch "%S+" do
    if #line + 1 + #word > WIDTH then
      lines[#lines + 1] = line
      line = "---"
    end
    line = line .. (line == "---" and "" or " ") .. word
  end
  if line ~= "---" then lines[#lines + 1] = line end
end

local function add(lines, ...)
  lines[#lines + 1] = (...):format(select(2, ...)):gsub("%s+$", "")
end

-- Adds a class of options, and those of its options that are tables themselves.
local function add_options_class(doc, lines, where, options)
  local outer, inner = nested(options)
  for _, name in ipairs(sorted_keys(inner)) do
    add_options_class(doc, lines, where .. "." .. name, inner[name])
  end
  add(lines, "---@class %s", types.options_class(where))
  for _, option in ipairs(outer) do
    local kind = option.type
    local of_table = inner[option.name] and where .. "." .. option.name
      or doc.options[where .. ": " .. option.name] and where .. ": " .. option.name
      or doc.options[where .. "." .. option.name] and where .. "." .. option.name
    if of_table then kind = kind:gsub("%f[%w]table%f[^%w<]", types.options_class(of_table)) end
    local default = option.default ~= "" and option.default ~= "none" and option.default
    add(lines, "---@field %s? %s %s%s%s", option.name, kind,
      option.past_it and "past it: " or "", plain(option.text),
      default and (" (default: %s)"):format(plain(default)) or "")
  end
  add(lines, "")
end

-- The types that an entry returns: what its first piece of code names, and after "nil" the others.
local function returns_of(doc, entry)
  local text = entry.Returns or ""
  local other = doc.by_name[text:match "^Returns as `([^`]+)`" or ""]
  if other then return returns_of(doc, other) end
  local list = {}
  for kind in ((text:match "^Returns `([^`]+)`" or "") .. ", "):gmatch "(.-), " do
    if kind ~= "" then list[#list + 1] = kind end
  end
  local failing = text:match "`nil, ([^`]*)`"
  if not failing then return list end
  for i, kind in ipairs(list) do
    if not kind:find "%?$" and kind ~= "any" then
      list[i] = kind:find "[|:]" and ("(%s)?"):format(kind) or kind .. "?"
    end
  end
  if #list == 1 then
    for name in failing:gmatch "%a+" do
      list[#list + 1] = (name == "failure" and "sse.Failure?" or "string?") .. " " .. name
    end
  end
  return list
end

local function split_returns(text)
  if text:find "^fun%(" then return { text } end
  return nil
end

local function add_function(doc, lines, entry, name)
  add_prose(lines, entry.summary)
  for _, item in ipairs { "Fails", "Raises" } do
    if entry[item] then
      lines[#lines + 1] = "---"
      add_prose(lines, entry[item])
    end
  end
  local parameters = {}
  for _, param in ipairs(entry.params) do
    parameters[#parameters + 1] = param.name
    add(lines, "---@param %s%s %s %s", param.name, param.optional and "?" or "", param.type,
      plain(param.text))
  end
  local kind = (entry.Returns or ""):match "^Returns `([^`]+)`"
  for _, returned in ipairs(kind and split_returns(kind) or returns_of(doc, entry)) do
    add(lines, "---@return %s", returned)
  end
  add(lines, "function %s(%s) end", name or entry.name, table.concat(parameters, ", "))
  add(lines, "")
end

-- The name of the variable that has a class's methods: "timer" of sse.Timer.
local function variable_of(class)
  local entry = class.methods[1]
  return entry and entry.name:match "^([%w_]+):"
end

-- The field of `sse` that a class describes, if it is a table of functions, as `sse.json` is.
local function table_of(doc, class)
  for _, name in ipairs(class.of) do
    for _, entry in ipairs(doc.functions) do
      if entry.name:find("^sse%." .. name .. "%.") then return "sse." .. name end
    end
  end
end

-- The overload by which a table can be called, as `sse.EventSource` can. A function's type stands
-- in parentheses: the comma after its result would else be taken for one between its results.
local function add_overload(doc, lines, entry)
  local parameters = {}
  for _, param in ipairs(entry.params) do
    local mark = param.optional and "?" or ""
    local kind = param.type:gsub("fun%b(): [%w_.?]+", "(%0)")
    parameters[#parameters + 1] = ("%s%s: %s"):format(param.name, mark, kind)
  end
  add(lines, "---@overload fun(%s): %s", table.concat(parameters, ", "), returns_of(doc, entry)[1])
end

local function add_class(doc, lines, class)
  local home = class.home
  add(lines, "---@class %s%s", class.name, class.parent and ": " .. class.parent or "")
  for _, field in ipairs(class.fields) do
    local kind = field.type:match "^fun%b()(.*)$" ~= "" and field.type:match "^(.*)%?$"
    if field.type:find "^fun%b()%?$" then kind = field.type:sub(1, -2) end
    add(lines, "---@field %s%s %s %s", field.name, kind and "?" or "", kind or field.type,
      plain(field.text))
  end
  if home then
    local entry = doc.by_name[home]
    if entry then add_overload(doc, lines, entry) end
    add(lines, "%s = {}", home)
  elseif #class.methods > 0 then
    add(lines, "local %s = {}", variable_of(class))
  end
  add(lines, "")
  for _, entry in ipairs(class.methods) do add_function(doc, lines, entry) end
end

local function find_homes(doc)
  for _, class in ipairs(doc.classes) do class.home = table_of(doc, class) end
end

--- The names of all classes: a set.
function types.names(doc)
  local names = {}
  for _, class in ipairs(doc.classes) do names[class.name] = true end
  for where, options in pairs(doc.options) do
    names[types.options_class(where)] = true
    local _, inner = nested(options)
    for name in pairs(inner) do names[types.options_class(where .. "." .. name)] = true end
  end
  return names
end

--- The text of types/sse.lua.
-- @tparam table doc as of reference.describe
-- @treturn string
function types.text(doc)
  local lines = {
    "---@meta sse",
    "-- Written by `make doc` from docs/reference: change those pages, and not this file.",
    "",
    "---@class sse",
  }
  for _, name in ipairs(sorted_keys(doc.fields)) do add(lines, "---@field %s string", name) end
  add(lines, "local sse = {}")
  add(lines, "")
  find_homes(doc)
  for _, where in ipairs(sorted_keys(doc.options)) do
    add_options_class(doc, lines, where, doc.options[where])
  end
  for _, class in ipairs(doc.classes) do add_class(doc, lines, class) end
  local homes = {}
  for _, class in ipairs(doc.classes) do homes[class.home or 0] = true end
  for _, entry in ipairs(doc.functions) do
    if not entry.class and not homes[entry.name] then add_function(doc, lines, entry) end
  end
  add(lines, "return sse")
  return table.concat(lines, "\n") .. "\n"
end

return types
