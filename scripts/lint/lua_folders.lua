--- make lint: which folder of lua/sse a module may lie in, and what it may require from there.
--
-- lua/sse holds what users require. lua/sse/client and lua/sse/server hold what only the client and
-- only the server use, lua/sse/shared what both use. lua/sse/store, where channels keep their logs,
-- lua/sse/sqlite and lua/sse/redis, two of the stores, and lua/sse/workers, which runs servers in
-- several processes, are the server's.
local lua_folders = {}

-- The modules of lua/sse by whose they are, beside sse itself, which requires them all.
local sides = {
  client = "eventsource fetch fetcheventsource abort",
  server = "server channel stream sqlite redis workers",
  shared = "event parser encode decode json url log task descriptor version jwt crypto",
}

local public = {} -- module -> side
for side, names in pairs(sides) do
  for name in names:gmatch("%S+") do public["sse." .. name] = side end
end

-- The side of a module; nil for sse itself and for what lies in no right place.
local function side_of(module)
  local folder = module:match("^sse%.(%w+)%.")
  if ("store sqlite redis workers"):find(folder or "none", 1, true) then return "server" end
  if folder then return sides[folder] and folder end
  return public[module]
end

-- By side, one module that a module reaches by its requires and by theirs.
local function reached(edges, module, seen, found)
  for target in pairs(edges[module] or {}) do
    if not seen[target] then
      seen[target] = true
      found[side_of(target) or ""] = target
      reached(edges, target, seen, found)
    end
  end
  return found
end

local function check_module(edges, module, complain)
  local side, found = side_of(module), reached(edges, module, {}, {})
  if not side then
    complain(module, "not in lua/sse/{client,server,shared}, nor public by lua_folders.lua")
  elseif side ~= "server" and found.server then
    complain(module, ("%s, but requires %s of the server"):format(side, found.server))
  elseif side ~= "client" and found.client then
    complain(module, ("%s, but requires %s of the client"):format(side, found.client))
  end
end

--- Checks that every module lies in the right folder, that the client's require nothing of the
-- server nor the other way round, and that shared ones require nothing of either.
-- @tparam table edges module -> set of the modules that it requires
-- @tparam function complain called with a module and what is wrong with it
function lua_folders.check(edges, complain)
  local modules = {}
  for module in pairs(edges) do modules[#modules + 1] = module end
  table.sort(modules)
  for _, module in ipairs(modules) do
    if module ~= "sse" then check_module(edges, module, complain) end
  end
end

return lua_folders
