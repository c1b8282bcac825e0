--- Writes the interface that scripts/api/interface.lua found as a sheet: a paragraph a group.
local sheet = {}

local WIDTH = 130

-- A line of words behind a label, wrapped, with its further lines indented.
local function add(lines, label, words, indent)
  local line = label
  for _, word in ipairs(words) do
    if #line + 1 + #word > WIDTH then
      lines[#lines + 1] = line
      line = (" "):rep(indent)
    end
    line = line .. (line:find "%S$" and " " or "") .. word
  end
  lines[#lines + 1] = line
end

-- The names under their first parts: "tls", "tls.ca", "tls.key" are "tls{ ca key }".
local function nested(names)
  local words, i = {}, 1
  while i <= #names do
    local inner, name = {}, names[i]
    while names[i + 1] and names[i + 1]:sub(1, #name + 1) == name .. "." do
      i = i + 1
      inner[#inner + 1] = names[i]:sub(#name + 2)
    end
    if #inner > 0 then name = ("%s{ %s }"):format(name, table.concat(nested(inner), " ")) end
    words[#words + 1], i = name, i + 1
  end
  return words
end

local function add_options(lines, options)
  local functions = {}
  for where in pairs(options) do functions[#functions + 1] = where end
  table.sort(functions)
  for _, where in ipairs(functions) do
    add(lines, ("          %s{ }: "):format(where), nested(options[where]), 12)
  end
end

local function add_class(lines, class)
  local words = {}
  for _, name in ipairs(class.methods) do words[#words + 1] = name .. "()" end
  for _, name in ipairs(class.fields) do words[#words + 1] = name end
  add(lines, ("  %s: "):format(class.class), words, 12)
  if class.stats then add(lines, "          stats(): ", nested(class.stats), 12) end
  add_options(lines, class.options)
end

--- The sheet.
-- @tparam table groups as of interface.read
-- @treturn string
function sheet.text(groups)
  local lines = {}
  for _, group in ipairs(groups) do
    add(lines, ("%-9s "):format(group.name), group.functions, 10)
    add_options(lines, group.options)
    for _, class in ipairs(group.classes) do add_class(lines, class) end
  end
  return table.concat(lines, "\n")
end

return sheet
