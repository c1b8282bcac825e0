--- Writes tables of contents: in docs/reference.md that of all pages, with their functions and
-- sections, and in each page that of its sections.
local markdown = require "api.markdown"

local contents = {}

local BEGIN, END = "<!-- toc -->\n", "<!-- /toc -->\n"

-- The first sentence of a description.
local function first_sentence(text)
  return (text:match "^(.-[.!])%f[%s\0]" or text:gsub(":$", "."))
end

-- Links in a page of docs/reference, as seen from docs.
local function from_above(text, file)
  text = text:gsub("%]%(%.%./", "](\0"):gsub("%]%((%l[%w_/]*%.md)", "](reference/%1")
  return (text:gsub("%z", ""):gsub("%]%(#", "](" .. file .. "#"))
end

-- Links to a page's sections that are no functions.
local function sections_of(page, file, pattern)
  local list = {}
  markdown.each_line(page.text, function(line, _, in_code)
    local title = not in_code and line:match(pattern)
    if title and not title:find "%(.*%)$" then
      list[#list + 1] = ("[%s](%s#%s)"):format(title, file, markdown.anchor(title))
    end
  end)
  return list
end

local function add_page(lines, doc, page)
  local file = page.path:match "^docs/(.*)$"
  local title = page.text:match "^# (.-)\n"
  lines[#lines + 1] = ("## [%s](%s)\n"):format(title, file)
  lines[#lines + 1] = ("%s.\n"):format(page.about:gsub("^%l", string.upper))
  local rows = {}
  for _, entry in ipairs(doc.functions) do
    if entry.path == page.path then
      rows[#rows + 1] = ("| [`%s`](%s#%s) | %s |"):format(entry.title, file, entry.anchor,
        from_above(first_sentence(entry.summary), file):gsub("|", "\\|"))
    end
  end
  if #rows > 0 then
    lines[#lines + 1] = ("| Function | |\n|---|---|\n%s\n"):format(table.concat(rows, "\n"))
  end
  local sections = sections_of(page, file, "^##+ (.*)$")
  if #sections > 0 then lines[#lines + 1] = table.concat(sections, " · ") .. "\n" end
end

-- The text of a page with a table of contents between its two comments.
local function fill(page, lines)
  local before, after = page.text:match("^(.-" .. BEGIN:gsub("%-", "%%-") .. ").-("
    .. END:gsub("[%-/]", "%%%0") .. ".*)$")
  return before and ("%s\n%s\n%s"):format(before, table.concat(lines, "\n"), after)
end

--- The first page with its table of contents.
-- @tparam table doc as of reference.describe
-- @treturn string
function contents.text(doc)
  local lines = {}
  for _, page in ipairs(doc.pages) do
    if page.about then add_page(lines, doc, page) end
  end
  return assert(fill(doc.pages[1], lines), "docs/reference.md has no place for its contents")
end

--- Another page with a line of links to its sections, if it has a place for it.
-- @treturn string|nil
function contents.page_text(page)
  local list = sections_of(page, "", "^## (.*)$")
  return fill(page, { "On this page: " .. table.concat(list, " · ") .. "\n" })
end

return contents
