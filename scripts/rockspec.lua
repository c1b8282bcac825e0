--- Writes the lists of files into the rockspec, from the tree (make rockspec); with --check it only
-- compares them (make lint).
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

local function modules()
  return ([[
    ["sse.core"] = {
      sources = {
%s      },
      libraries = { "event_core", "curl", "ssl", "crypto", "nghttp2", "m" },
      incdirs = { "$(EVENT_INCDIR)", "$(OPENSSL_INCDIR)", "$(NGHTTP2_INCDIR)" },
      libdirs = {
        "$(EVENT_LIBDIR)", "$(CURL_LIBDIR)", "$(OPENSSL_LIBDIR)", "$(NGHTTP2_LIBDIR)",
      },
    },
%s]]):format(list_sources(), list_modules())
end

local text = source.read(ROCKSPEC)
local _, from = text:find(BEGIN, 1, true)
local to = text:find(FINISH, 1, true)
assert(from and to and from < to, ROCKSPEC .. ": the marks around the modules are gone")
local current = text:sub(1, from) .. modules() .. text:sub(to)

if arg[1] ~= "--check" then
  local file <close> = assert(io.open(ROCKSPEC, "wb"))
  file:write(current)
elseif current ~= text then
  io.stderr:write(ROCKSPEC, ": the lists of files are not those of the tree; run `make rockspec`\n")
  os.exit(1)
else
  print("rockspec: lists every file")
end
