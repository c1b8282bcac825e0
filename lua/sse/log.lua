--- The log hook: what a source does, for whoever wants to read along.
-- @module sse.log
require "sse.shared.lua_version"

local eventtarget = require "sse.shared.event_target"

local log = {}

local default

--- Sets the hook of all sources that are given no `log` of their own; nil takes it away. There is
-- none at first.
--
-- A hook is called with a level (`"debug"`, `"info"`, `"warn"`, `"error"`), a message, and details:
-- url (without user and password), attempt, status, failure, delay, where they apply. An error in
-- it is reported as any error in a callback is.
-- @function log
-- @tparam[opt] function fn (level, message, details)
-- @usage sse.log(function(level, message) io.stderr:write(level, ": ", message, "\n") end)
function log.set(fn)
  if fn ~= nil and type(fn) ~= "function" then
    error(("sse.log: expected a function or nil, got %s"):format(type(fn)), 2)
  end
  default = fn
end

--- Tells a hook, or the default one.
-- @treturn boolean whether anybody was told
function log.write(hook, level, message, details)
  local fn = hook or default
  if not fn then return false end
  eventtarget.call(fn, level, message, details)
  return true
end

return log
