--- Fields of the table `sse` that are rocks of their own: loaded when they are first read.
-- @module sse.shared.optional
local optional = {}

local function load(name, rock)
  local module = "sse." .. name
  if not package.loaded[module] and not package.searchpath(module, package.path) then
    error(("sse.%s is not installed: it is the rock %s (luarocks install %s)"):format(name, rock,
      rock), 3)
  end
  return require(module)
end

--- Adds fields that are loaded when they are first read.
-- @tparam table t whose metatable has an __index
-- @tparam table rocks name of a field -> its rock
function optional.add(t, rocks)
  local metatable = getmetatable(t)
  local index = metatable.__index
  metatable.__index = function(self, name)
    if not rocks[name] then return index(self, name) end
    local value = load(name, rocks[name])
    rawset(self, name, value)
    return value
  end
end

return optional
