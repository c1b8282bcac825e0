--- The log hook: a function of the program that EventSource and fetchEventSource call with what
-- they do.
-- @module sse.log
require "sse.shared.lua_version"

local event_target = require "sse.shared.event_target"
local options = require "sse.shared.options"

local log = {}

local default

--- Sets the log hook of all sources and fetchEventSources that have no option `log`; nil removes
-- it. There is none at first.
--
-- A hook is called with a level (`"debug"`, `"info"`, `"warn"`, `"error"`), a message and a table
-- of details: `url` (without user and password) and `attempt`, and where they apply `status`,
-- `failure` and `delay` (milliseconds until the next attempt). `sse.run` raises an error in it, as
-- of any callback.
-- @function log
-- @tparam[opt] function fn (level, message, details)
-- @usage sse.set_log(function(level, message) io.stderr:write(level, ": ", message, "\n") end)
function log.set(fn, ...)
  options.check_count("sse.set_log(fn)", ...)
  if fn ~= nil and type(fn) ~= "function" then
    error(("sse.set_log: expected a function or nil, got %s"):format(type(fn)), 2)
  end
  default = fn
end

--- Calls a log hook, or else the one that `log.set` set.
-- @tparam function|nil hook
-- @treturn boolean whether there is a hook
function log.write(hook, level, message, details)
  local fn = hook or default
  if not fn then return false end
  event_target.call(fn, level, message, details)
  return true
end

return log
