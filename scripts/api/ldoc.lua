--- Writes what the reference describes as comments of LDoc: a file of Lua for each page.
local types = require "api.types"

local ldoc = {}

local function add(lines, ...)
  lines[#lines + 1] = (...):format(select(2, ...))
end

-- The text of a cell or an item: without links and line ends, which LDoc would take for its own.
local function plain(text)
  return (text:gsub("%[([^%]]*)%]%([^)]*%)", "%1"):gsub("%s+", " "))
end

-- A type as LDoc's tags take it: names joined by "|".
local function kind_of(type_)
  local kinds, seen = {}, {}
  local text = type_:gsub("fun%b().*", "function"):gsub("table%b<>", "table")
  for kind in text:gmatch "[^|]+" do
    kind = kind:find '^%s*"' and "string" or kind:gsub("[%s?*]", "")
    if not seen[kind] then kinds[#kinds + 1] = kind end
    seen[kind] = true
  end
  return table.concat(kinds, "|")
end

local function add_function(lines, entry)
  add(lines, "--- %s", plain(entry.summary))
  for _, item in ipairs { "Fails", "Raises" } do
    if entry[item] then add(lines, "--\n-- %s", plain(entry[item])) end
  end
  add(lines, "-- @function %s", entry.name)
  for _, param in ipairs(entry.params) do
    add(lines, "-- @tparam%s %s %s %s", param.optional and "[opt]" or "", kind_of(param.type),
      param.name, plain(param.text))
  end
  local returned = entry.Returns and plain(entry.Returns):gsub("^Returns ", "")
  if returned then add(lines, "-- @return %s", returned) end
  if entry.example then
    add(lines, "-- @usage")
    for line in entry.example:gmatch "[^\n]+" do lines[#lines + 1] = "-- " .. line end
  end
  lines[#lines + 1] = ""
end

local function add_table(lines, name, about, rows)
  if #rows == 0 then return end
  add(lines, "--- %s\n-- @table %s", about, name)
  for _, row in ipairs(rows) do
    local default = row.default and row.default ~= "" and row.default ~= "none"
      and (" (default: %s)"):format(plain(row.default)) or ""
    add(lines, "-- @field %s `%s` %s%s", row.name, kind_of(row.type), plain(row.text), default)
  end
  lines[#lines + 1] = ""
end

-- The items of a list that the page has.
local function those_of(page, list)
  local found = {}
  for _, item in ipairs(list) do
    if item.path == page.path then found[#found + 1] = item end
  end
  return found
end

-- A file of Lua for a page: its functions, then its classes, then its tables of options.
local function text_of(doc, page)
  local title = page.text:match "^# (.-)\n"
  local lines = { ("--- %s: %s."):format(title, page.about) }
  add(lines, "-- @module %s\n", page.path:match "(%w+)%.md$")
  for _, entry in ipairs(doc.functions) do
    if entry.path == page.path and not entry.class then add_function(lines, entry) end
  end
  for _, class in ipairs(doc.classes) do
    local methods, fields = those_of(page, class.methods), those_of(page, class.fields)
    if #methods + #fields > 0 then
      add(lines, "--- %s\n-- @section %s\n", class.name, class.name:gsub("%.", "_"))
      add_table(lines, class.name, "Its fields.", fields)
      for _, entry in ipairs(methods) do add_function(lines, entry) end
    end
  end
  local names = {}
  for where, options in pairs(doc.options) do
    if #those_of(page, options) > 0 then names[#names + 1] = where end
  end
  table.sort(names)
  if #names > 0 then add(lines, "--- Options\n-- @section options\n") end
  for _, where in ipairs(names) do
    add_table(lines, types.options_class(where), "Options of " .. where .. ".",
      those_of(page, doc.options[where]))
  end
  lines[#lines + 1] = "return {}\n"
  return table.concat(lines, "\n")
end

--- The files, by name.
-- @tparam table doc as of reference.describe
-- @treturn table
function ldoc.files(doc)
  local files = {}
  for _, page in ipairs(doc.pages) do
    if page.about then files[page.path:match "(%w+)%.md$" .. ".lua"] = text_of(doc, page) end
  end
  return files
end

return ldoc
