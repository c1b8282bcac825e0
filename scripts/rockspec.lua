--- Writes the modules into the rockspec: files from the tree, libraries from the rockspec's own
-- external dependencies (make rockspec); with --check it only compares them (make lint).
package.path = "scripts/lint/?.lua;" .. package.path
local source = require "source"

local ROCKSPEC = "lua-sse-scm-1.rockspec"
local BEGIN, FINISH = "    -- modules: made by `make rockspec`\n", "    -- end of modules\n"

local function list_sources()
  local lines = {}
  for _, path in ipairs(source.find({ "csrc" }, ".c")) do
    lines[#lines + 1] = ('        "%s",\n'):format(path)
  end
  return table.concat(lines)
end

local function list_modules()
  local lines = {}
  for _, path in ipairs(source.find({ "lua/sse" }, ".lua")) do
    local name = path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")
    lines[#lines + 1] = ('    ["%s"] = "%s",\n'):format(name, path)
  end
  return table.concat(lines)
end

-- What the core is linked with: what the rockspec asks for, and what comes along with it.
local function list_libraries(text)
  local rockspec, names, found = {}, {}, { libraries = {}, incdirs = {}, libdirs = {} }
  assert(load(text, ROCKSPEC, "t", rockspec))()
  for name in pairs(rockspec.external_dependencies) do names[#names + 1] = name end
  table.sort(names)
  local function add(list, format, value) table.insert(found[list], format:format(value)) end
  for _, name in ipairs(names) do
    local dependency = rockspec.external_dependencies[name]
    add("libraries", '"%s"', dependency.library)
    if dependency.header then add("incdirs", '        "$(%s_INCDIR)",\n', name) end
    add("libdirs", '        "$(%s_LIBDIR)",\n', name)
  end
  return table.concat(found.libraries, ", "), table.concat(found.incdirs),
    table.concat(found.libdirs)
end

local function modules(text)
  return ([[
    ["sse.core"] = {
      sources = {
%s      },
      libraries = { %s, "crypto", "m" },
      incdirs = {
%s      },
      libdirs = {
%s      },
    },
]]):format(list_sources(), list_libraries(text)) .. list_modules()
end

local text = source.read(ROCKSPEC)
local _, from = text:find(BEGIN, 1, true)
local to = text:find(FINISH, 1, true)
assert(from and to and from < to, ROCKSPEC .. ": the marks around the modules are gone")
local current = text:sub(1, from) .. modules(text) .. text:sub(to)

if arg[1] ~= "--check" then
  local file <close> = assert(io.open(ROCKSPEC, "wb"))
  file:write(current)
elseif current ~= text then
  io.stderr:write(ROCKSPEC, ": files or libraries are not those of the tree; run `make rockspec`\n")
  os.exit(1)
else
  print("rockspec: lists every file")
end
