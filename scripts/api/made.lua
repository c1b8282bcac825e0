--- The files that `make doc` writes from the reference.
local contents = require "api.contents"
local types = require "api.types"

local made = {}

--- Their texts, by path.
-- @tparam table doc as of reference.describe
-- @treturn table
function made.files(doc)
  local files = {
    ["docs/reference.md"] = contents.text(doc), ["types/sse.lua"] = types.text(doc),
  }
  for _, page in ipairs(doc.pages) do
    if page.about then files[page.path] = contents.page_text(page) end
  end
  return files
end

return made
