--- Raises an error on a Lua older than 5.4. The modules that programs may require require this one
-- first. It and they must compile on Lua 5.1, so that this error comes before any other; the
-- modules in client, server and shared need not.
-- @module sse.shared.lua_version
local major, minor = _VERSION:match "(%d+)%.(%d+)$"

if major * 100 + minor < 504 then
  local jit = rawget(_G, "jit") -- LuaJIT calls itself Lua 5.1 elsewhere
  error("lua-sse needs Lua 5.4 or later; this is " .. (jit and jit.version or _VERSION), 0)
end
