--- Pieces of Markdown: rows of tables, anchors of headings.
local markdown = {}

--- The cells of a row of a table, without the blanks around them. `\|` within a cell is a `|`.
-- @tparam string line
-- @treturn {string,...}
function markdown.cells(line)
  local list = {}
  local text = line:gsub("\\|", "\0"):match "^|(.*)|%s*$"
  for cell in (text and text .. "|" or ""):gmatch "(.-)|" do
    list[#list + 1] = cell:match "^%s*(.-)%s*$":gsub("%z", "|")
  end
  return list
end

--- The name by which GitHub lets a link lead to a heading.
-- @tparam string title
-- @treturn string
function markdown.anchor(title)
  local text = title:gsub("%[(.-)%]%(.-%)", "%1"):lower()
  return (text:gsub("[^%w%s_\128-\255-]", ""):gsub(" ", "-"))
end

--- Calls fn(line, number, in_code) for each line of a page. Lines of fenced blocks, and the fences,
-- are code.
-- @tparam string text
-- @tparam function fn
function markdown.each_line(text, fn)
  local number, fence = 0, nil
  for line in (text:gsub("\n?$", "\n")):gmatch "(.-)\n" do
    number = number + 1
    local mark = line:match "^%s*(```+)"
    local in_code = fence ~= nil or mark ~= nil
    if fence and mark == fence then fence = nil elseif mark and not fence then fence = mark end
    fn(line, number, in_code)
  end
end

return markdown
