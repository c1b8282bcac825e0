--- The pages that make the book, and what their blocks show.
local lfs = require "lfs"
local of_pages = require "spec.cases.book_blocks"
local others = require "spec.cases.code_blocks"

local used = {}

local book = { TUTORIAL = "docs/tutorial.md" }

--- The paths of README and all pages of docs, in an order that stays. With `but`, a pattern, those
-- whose path does not match it.
function book.pages(but)
  local list = { "README.md" }
  local function add(folder)
    for name in lfs.dir(folder) do
      local path = folder .. "/" .. name
      if name:find "%.md$" then
        list[#list + 1] = path
      elseif not name:find "%." and name ~= "Dockerfile" then
        add(path)
      end
    end
  end
  add "docs"
  table.sort(list)
  for i = #list, 1, -1 do
    if but and list[i]:find(but) then table.remove(list, i) end
  end
  return list
end

local function longest_in(shows, code)
  local found, longest
  for piece, show in pairs(shows) do
    if code:find(piece, 1, true) and (not longest or #piece > #longest) then
      found, longest = show, piece
    end
  end
  return found, longest
end

--- What a block of Lua shows: see spec/cases/book_blocks.lua and code_blocks.lua.
-- @tparam table block with `path` and `code`
-- @treturn table|boolean
-- @treturn string the piece of its code by which it was found
function book.show_of(block)
  local of_page = of_pages[block.path]
  local show, piece = longest_in(of_page or others, block.code)
  if not piece then error("what this block shows is not in spec/cases", 0) end
  used[show or piece] = true
  return show, piece
end

--- The pieces of code that no block has had so far.
function book.unused()
  local list = {}
  local function look(shows)
    for piece, show in pairs(shows) do
      if not used[show or piece] then list[#list + 1] = piece end
    end
  end
  look(others)
  for _, shows in pairs(of_pages) do look(shows) end
  return list
end

return book
