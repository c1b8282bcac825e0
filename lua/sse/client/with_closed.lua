--- Closes a value after a call, for modules that must compile on Lua 5.1 (see
-- `sse.shared.lua_version`) and so cannot have variables with `<close>`.
-- @module sse.client.with_closed

--- Calls a function, and closes a value when the function returns or raises.
-- @param value what a variable with `<close>` may hold: nil, false, or a value with `__close`
-- @tparam function fn
-- @param ... its arguments
-- @return what fn returns
return function(value, fn, ...)
  local _value <close> = value
  return fn(...)
end
