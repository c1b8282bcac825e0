--- Whether a header declares what its own .c defines, and nothing else; and a .c nothing of others.
local source = require "source"
local headers = require "headers"

local declarations = {}

-- Programs and modules are entered by these: no file of C calls them.
local function is_entry(name)
  return name == "main" or name:find("^luaopen_") ~= nil
end

local function mentions(path, name)
  local file = io.open(path)
  if not file then return false end
  local text = source.blank_c(file:read("a"))
  file:close()
  return text:find("%f[%w_]" .. name .. "%f[^%w_]") ~= nil
end

local function check_header(path, defined_by, tell)
  local own, seen = path:gsub("%.h$", ".c"), {}
  for _, one in ipairs(headers.declared(source.read(path))) do
    local definer = defined_by(path, one.name)
    seen[one.name] = one.line
    if definer and definer ~= own then
      tell(path, one.line, "%s is declared here, but %s defines it", one.name, definer)
    elseif not definer and not mentions(own, one.name) then
      -- What only some builds define counts as its own .c's if that names it.
      tell(path, one.line, "%s is declared here, but nothing defines it", one.name)
    end
  end
  return seen
end

-- A .c that declares another file's function would hide that it depends on that file.
local function check_source(path, defined_by, tell)
  for _, one in ipairs(headers.declared(source.read(path))) do
    local definer = defined_by(path, one.name)
    if definer and definer ~= path then
      tell(path, one.line, "%s is declared here, but %s defines it", one.name, definer)
    end
  end
end

-- name -> headers of one wing that declare it
local function index(headers_seen)
  local declared = {}
  for path, names in pairs(headers_seen) do
    local folder = path:match("^(.*)/")
    for name in pairs(names) do
      local key = folder .. " " .. name
      declared[key] = declared[key] or {}
      table.insert(declared[key], path)
    end
  end
  for _, list in pairs(declared) do table.sort(list) end
  return declared
end

--- Checks headers against what is defined. files: paths; objects: path of a .c -> its symbols;
-- defined_by(path, name): the .c file that defines the name for a header at path, or nil;
-- tell(path, line, message, ...) hears what is wrong.
function declarations.check(files, objects, defined_by, tell)
  local seen = {}
  for _, path in ipairs(files) do
    if path:find("%.h$") then seen[path] = check_header(path, defined_by, tell)
    else check_source(path, defined_by, tell) end
  end
  local declared = index(seen)
  for _, path in ipairs(files) do
    local names = {}
    for name in pairs(objects[path] and objects[path].defines or {}) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
      local where = declared[path:match("^(.*)/") .. " " .. name]
      if where and #where > 1 then
        tell(where[2], seen[where[2]][name], "%s is declared here and in %s", name, where[1])
      elseif not where and not is_entry(name) then
        tell(path, 1, "%s is global, but no header declares it", name)
      end
    end
  end
end

return declarations
