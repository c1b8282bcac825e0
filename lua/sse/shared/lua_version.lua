--- Refuses a Lua before 5.4. What a user may require requires this first: it and they contain only
-- what Lua 5.1 can compile, and all else is loaded behind it.
-- @module sse.shared.lua_version
local major, minor = _VERSION:match "(%d+)%.(%d+)$"

if major * 100 + minor < 504 then
  local jit = rawget(_G, "jit") -- LuaJIT calls itself Lua 5.1 elsewhere
  error("lua-sse needs Lua 5.4 or later; this is " .. (jit and jit.version or _VERSION), 0)
end
