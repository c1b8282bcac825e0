--- The files that `make doc` writes from the reference.
local contents = require "api.contents"
local types = require "api.types"

local made = {}

--- Their texts, by path.
-- @tparam table doc as of reference.describe
-- @treturn table
function made.files(doc)
  return { ["docs/reference.md"] = contents.text(doc), ["types/sse.lua"] = types.text(doc) }
end

return made
