--- What a master tells systemd, by sd_notify: that it is ready, loads its program anew, or stops;
-- and that it lives. Nothing happens where systemd did not start the process as a service of
-- Type=notify.
-- @module sse.workers.notices
local core = require "sse.core"

local notices = {}

local due, every -- of the watchdog: when, and how often it is to be told

--- The workers listen.
function notices.ready()
  if not core.systemd_notify "READY=1" then return end
  local limit = core.systemd_watchdog()
  every = limit and limit / 2
  if every then notices.serve(due or 0) end
end

--- The workers are replaced.
-- @tparam int now milliseconds of the monotonic clock, which systemd asks for
function notices.reloading(now)
  core.systemd_notify(("RELOADING=1\nMONOTONIC_USEC=%d000"):format(now))
end

--- The workers end.
function notices.stopping() core.systemd_notify "STOPPING=1" end

--- When `serve` has something to do.
-- @treturn number|nil
function notices.due() return due end

--- Tells that the master lives, where that is due.
-- @tparam number now
function notices.serve(now)
  if not every or due and now < due then return end
  core.systemd_notify "WATCHDOG=1"
  due = core.now() + every
end

return notices
