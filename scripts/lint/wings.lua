--- The wings of the house, and which library's headers belong where (docs/architecture.md).
local wings = {}

--- Folders, the lowest floor first. Those in one row are siblings: none includes or calls another.
wings.floors = {
  { "csrc/wire" },
  { "csrc/base" },
  { "csrc/tls", "csrc/crypto" },
  { "csrc/http" },
  { "csrc/http1", "csrc/http2", "csrc/push" },
  { "csrc/server", "csrc/client" },
  { "csrc/bind", "csrc/sqlite", "csrc/redis" },
  { "bench/load" },
  { "bench/attack" },
}

local bindings = { "csrc/bind", "csrc/sqlite", "csrc/redis" } -- each a Lua module

-- Headers of libraries that csrc includes in some wings only, or from one wing upwards.
local libraries = {
  { "^lua%.h$", only = bindings }, { "^lauxlib%.h$", only = bindings },
  { "^lualib%.h$", only = bindings }, { "^luaconf%.h$", only = bindings },
  { "^event2/", from = "csrc/base" }, { "^event%.h$", from = "csrc/base" },
  { "^openssl/", only = { "csrc/tls", "csrc/crypto", "csrc/redis" } },
  { "^nghttp2/", only = { "csrc/http2" } },
  { "^curl/", only = { "csrc/client" } }, { "^idn2%.h$", only = { "csrc/client" } },
  { "^zlib%.h$", only = { "csrc/wire" } }, { "^brotli/", only = { "csrc/wire" } },
  { "^sqlite3%.h$", only = { "csrc/sqlite" } }, { "^hiredis/", only = { "csrc/redis" } },
  -- Sockets: none in wire.
  { "^sys/socket%.h$", from = "csrc/base" }, { "^sys/epoll%.h$", from = "csrc/base" },
  { "^sys/event%.h$", from = "csrc/base" }, { "^sys/un%.h$", from = "csrc/base" },
  { "^netinet/", from = "csrc/base" }, { "^arpa/", from = "csrc/base" },
  { "^netdb%.h$", from = "csrc/base" }, { "^poll%.h$", from = "csrc/base" },
}

local heights = {}
for height, row in ipairs(wings.floors) do
  for _, folder in ipairs(row) do heights[folder] = height end
end

--- Folders that hold C: each wing's, and below them what should be one.
wings.roots = { "csrc", "bench/load", "bench/attack" }

--- The wing in whose folder a file lies: its folder, or nil and the folder that is no wing.
function wings.of(path)
  local folder = path:match("^(.*)/")
  if heights[folder] then return folder end
  return nil, folder
end

--- Why a file of one wing may not include or call one of another: "up", "to a sibling", or nil.
function wings.wrong_way(from, to)
  if from == to or heights[to] < heights[from] then return nil end
  return heights[to] > heights[from] and "up" or "to a sibling"
end

local function contains(list, value)
  for _, one in ipairs(list) do
    if one == value then return true end
  end
  return false
end

--- Where a library's header belongs, as text, if the wing may not include it; else nil.
function wings.misplaced(wing, header)
  if not wing:find("^csrc/") then return nil end
  for _, rule in ipairs(libraries) do
    if header:find(rule[1]) then
      if rule.only and not contains(rule.only, wing) then
        return "only in " .. table.concat(rule.only, ", ")
      end
      local below = rule.from and heights[wing] < heights[rule.from]
      if below then return "from " .. rule.from .. " up" end
    end
  end
end

--- The object file of a C file, in the Makefile's build folder.
function wings.object_of(path, build)
  return build .. "/" .. path:gsub("^csrc/", "obj/"):gsub("%.c$", ".o")
end

return wings
