--- The #include lines of a C file.
local source = require "source"
local includes = {}

-- a/b/../c -> a/c
local function normal(path)
  local parts = {}
  for part in path:gmatch("[^/]+") do
    if part == ".." and #parts > 0 then parts[#parts] = nil
    elseif part ~= "." then parts[#parts + 1] = part end
  end
  return table.concat(parts, "/")
end

--- Includes of the file at `path`, in its order: list of { line, path, library }. A header that is
-- found beside the file, by the path written in quotes, has a `path`; any other is a `library`.
function includes.of(path)
  local found, line = {}, 0
  -- Comments go, strings stay: the names of own headers are strings.
  local text = source.read(path):gsub("/%*.-%*/", function(c) return (c:gsub("[^\n]", "")) end)
  for content in text:gmatch("([^\n]*)\n?") do
    line = line + 1
    local mark, name = content:match('^%s*#%s*include%s*([<"])([^>"]+)')
    if mark then
      local target = mark == '"' and normal(path:match("^.*/") .. name)
      local file = target and io.open(target)
      if file then file:close() end
      found[#found + 1] = { line = line, path = file and target, library = not file and name }
    end
  end
  return found
end

return includes
