--- Reads a page of documentation: the code in it, which scripts/api/mentions.lua looks through.
local markdown = require "api.markdown"

local page = {}

local function add_spans(pieces, text)
  for code in text:gmatch "`([^`]+)`" do pieces[#pieces + 1] = code end
end

-- The options that a line of prose names: "the options `a`, `b` and `c`".
local function add_named_options(found, line, number)
  for rest in line:gmatch "%f[%a][Oo]ptions? (`.*)" do
    repeat
      local name, after = rest:match "^`([%a_][%w_.]*)`,? ?(.*)$"
      if name then table.insert(found.named, { name = name, line = number }) end
      rest = name and (after:match "^a?n?d?o?r? ?(`.*)$" or "") or ""
    until rest == ""
  end
end

-- The options that a line shows with a value: "`timeout = 5000`".
local function add_given_options(found, line, number)
  for name in line:gmatch "`([%a_][%w_]*) = [^`]*`" do
    table.insert(found.named, { name = name, line = number })
  end
end

-- A row of a table. Its first column is left out where it has other libraries' words: the second is
-- "Here", or the table follows a comment `<!-- foreign -->`. A table of wrong code ("You write")
-- has no code of ours.
local function add_row(found, state, line, number)
  local cells = markdown.cells(line)
  if not state.head then
    state.head, state.is_foreign = cells[1] or "", state.foreign or cells[2] == "Here"
    state.foreign = nil
  elseif not line:find "^|%-" and state.head ~= "You write" then
    if state.head:find "^Option" then
      local name = cells[1]:match "^`([%a_][%w_.]*)`"
      if name then table.insert(found.rows, { name = name, line = number }) end
    end
    local text = table.concat(cells, " ", state.is_foreign and 2 or 1)
    add_spans(found.pieces, text)
    add_given_options(found, text, number)
  end
end

--- Reads a page.
-- @tparam string text Markdown
-- @treturn table `pieces`, the blocks of Lua and what is between backticks; `rows`, the options in
-- the first column of its tables of options, and `named`, those that it calls options or shows with
-- a value: lists of `name` and `line`
function page.read(text)
  local found, prose, block, state = { pieces = {}, rows = {}, named = {} }, {}, nil, {}
  markdown.each_line(text, function(line, number, in_code)
    if in_code and line == "```lua" then
      block = {}
    elseif in_code and block and line == "```" then
      table.insert(found.pieces, table.concat(block, "\n"))
      block = nil
    elseif in_code then
      if block then block[#block + 1] = line end
    elseif line:find "^|" then
      add_row(found, state, line, number)
    else
      state.head = nil
      if line == "" then
        if state.foreign == "begun" then state.foreign = nil end
      elseif line:find "^<!%-%- foreign" then
        state.foreign = "announced"
      elseif state.foreign then
        state.foreign, line = "begun", ""
      end
      add_named_options(found, line, number)
      add_given_options(found, line, number)
      prose[#prose + 1] = line
    end
  end)
  add_spans(found.pieces, table.concat(prose, "\n"))
  return found
end

return page
