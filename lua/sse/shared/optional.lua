--- Fields of the table `sse` that are rocks of their own: loaded when they are first read.
-- @module sse.shared.optional
local pages = require "sse.shared.pages"

local optional = {}

-- Such a rock has a module in Lua and a core in C.
local function is_installed(module)
  return package.loaded[module] or package.preload[module]
    or package.searchpath(module, package.path)
    and package.searchpath(module .. ".core", package.cpath)
end

-- Raises at the line of the program if the rock is not installed.
local function load(name, rock)
  local module = "sse." .. name
  if not is_installed(module) then
    local message = "sse.%s is not installed: it is the rock %s (luarocks install %s)%s"
    error(message:format(name, rock, rock, pages.at "rocks"), 3)
  end
  return require(module)
end

--- Adds fields that are loaded when they are first read. `pairs` shows those that are installed.
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
  metatable.__pairs = function(self)
    for name in pairs(rocks) do
      if is_installed("sse." .. name) then local _ = self[name] end
    end
    return next, self, nil
  end
end

return optional
