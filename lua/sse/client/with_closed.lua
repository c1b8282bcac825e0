--- A value that is closed behind a call, for modules that Lua 5.1 must be able to compile (see
-- `sse.shared.lua_version`): they cannot contain Lua 5.4's `<close>`.
-- @module sse.client.with_closed

--- Calls a function, and closes the value when it returns or raises.
-- @param value what a variable with `<close>` may hold: nil, false, or a value with `__close`
-- @tparam function fn
-- @param ... its arguments
-- @return what fn returns
return function(value, fn, ...)
  local _value <close> = value
  return fn(...)
end
