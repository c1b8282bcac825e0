--- Reads a page of documentation: its sections with the code in them.
local reference = {}

-- The code of a text without fenced blocks: what is between backticks.
local function add_spans(pieces, text)
  for code in text:gmatch "`([^`]+)`" do pieces[#pieces + 1] = code end
end

-- The cells of a row of a table.
local function cells(line)
  local list = {}
  for cell in line:gmatch "|%s*([^|]*[^|%s])%s*%f[|]" do list[#list + 1] = cell end
  return list
end

-- Adds the code of a section: `pieces`, and `options`, the code in the first column of tables of
-- options. A table that shows wrong code is left out.
local function add_code(section, lines)
  local prose, table_head = {}, nil
  for i, line in ipairs(lines) do
    if not line:find "^|" then
      table_head = nil
    elseif not table_head then
      table_head = cells(line)[1] or ""
    elseif table_head:find "^Option" and not line:find "^|%-" then
      add_spans(section.options, cells(line)[1] or "")
    end
    if table_head ~= "You write" then prose[#prose + 1] = lines[i] end
  end
  add_spans(section.pieces, table.concat(prose, "\n"))
end

local function new_section(list, parents, level, title)
  while #parents > 0 and parents[#parents].level >= level do table.remove(parents) end
  local titles = { [title] = true }
  for _, parent in ipairs(parents) do titles[parent.title] = true end
  local section = { title = title, level = level, titles = titles, pieces = {}, options = {} }
  parents[#parents + 1], list[#list + 1] = section, section
  return section
end

--- Reads a page.
-- @tparam string text Markdown
-- @treturn {table,...} its sections: `title`; `titles`, the set of its own and those above it;
-- `pieces`, its code; `options`, the code in the first column of its tables of options
function reference.read(text)
  local list, parents, lines, block = {}, {}, {}, nil
  local section = new_section(list, parents, 0, "")
  for line in (text .. "\n"):gmatch "(.-)\n" do
    local marks, title = line:match "^(#+) (.*)$"
    if line:find "^```" then
      if block then table.insert(section.pieces, table.concat(block, "\n")) end
      block = not block and {} or nil
    elseif block then
      block[#block + 1] = line
    elseif marks then
      add_code(section, lines)
      section, lines = new_section(list, parents, #marks, title), {}
    else
      lines[#lines + 1] = line
    end
  end
  add_code(section, lines)
  return list
end

return reference
