--- What object files define and need, as `nm` tells it.
local symbols = {}

local function quoted(paths)
  local words = {}
  for index, path in ipairs(paths) do words[index] = "'" .. path:gsub("'", "'\\''") .. "'" end
  return table.concat(words, " ")
end

-- On macOS each C name has an underscore before it in the object file.
local function strip_underscores(tables)
  for _, object in pairs(tables) do
    for name in pairs(object.defines) do
      if name:sub(1, 1) ~= "_" then return end
    end
  end
  for _, object in pairs(tables) do
    for kind, names in pairs(object) do
      local plain = {}
      for name in pairs(names) do plain[name:gsub("^_", "")] = true end
      object[kind] = plain
    end
  end
end

--- Global symbols of object files: path -> { defines = set of names, needs = set of names }.
-- Names that begin with two underscores belong to the compiler and are left out.
function symbols.of(paths)
  local tables = {}
  for _, path in ipairs(paths) do tables[path] = { defines = {}, needs = {} } end
  if #paths == 0 then return tables end
  local pipe = assert(io.popen("nm -A -g -P " .. quoted(paths)))
  for line in pipe:lines() do
    local path, name, kind = line:match("^(.*%.o): (%S+) (%a)")
    local object = tables[path]
    if object then
      local needed = kind == "U" or kind == "w" or kind == "v"
      object[needed and "needs" or "defines"][name] = true
    end
  end
  assert(pipe:close(), "nm failed")
  strip_underscores(tables)
  for _, object in pairs(tables) do
    for _, names in pairs(object) do
      for name in pairs(names) do
        if name:find("^__") then names[name] = nil end
      end
    end
  end
  return tables
end

return symbols
