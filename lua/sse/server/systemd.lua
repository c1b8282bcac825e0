--- What systemd passes to a server that it starts, and what it is told: sockets (LISTEN_FDS), and
-- by sd_notify's datagrams READY, STOPPING and the watchdog's sign of life. Nothing happens in a
-- process that systemd did not start as a service of Type=notify.
-- @module sse.server.systemd
local core = require "sse.core"
local worker = require "sse.server.worker"

local systemd = {}

-- The servers of the process that have told of themselves and not ended yet; how many of them serve
-- still; and the timer of the watchdog.
local servers, serving, timer = {}, 0, nil

-- Sends the watchdog's sign of life now and then, since the loop turns.
local function watch(ms)
  core.systemd_notify "WATCHDOG=1"
  timer = core.timer(ms, function() watch(ms) end)
  timer:unref()
end

--- The sockets that were passed to the process.
-- @tparam true|string which all of them; or those whose FileDescriptorName= it is
-- @treturn {int,...}|nil descriptors
-- @treturn ?string message
-- @treturn ?string code
function systemd.sockets(which)
  local fds, names = {}, {}
  for _, socket in ipairs(core.systemd_sockets()) do
    names[#names + 1] = ("'%s'"):format(socket.name or "")
    if which == true or socket.name == which then fds[#fds + 1] = socket.fd end
  end
  if fds[1] then return fds end
  if not names[1] then
    return nil, "systemd has passed no socket to this process (LISTEN_FDS)", "ENOTFOUND"
  end
  local message = "systemd has passed no socket of the name '%s'; there is %s"
  return nil, message:format(which, table.concat(names, ", ")), "ENOTFOUND"
end

--- A server listens: tells that the service is ready.
-- @tparam table state of sse.server.server_object
function systemd.ready(state)
  if servers[state] or worker.current then return end -- it is the master that tells
  if not core.systemd_notify "READY=1" then return end
  servers[state] = "serves"
  serving = serving + 1
  local limit = core.systemd_watchdog()
  if limit and not timer then watch(limit / 2) end
end

--- A server begins to end: tells that the service stops, unless another server goes on.
-- @tparam table state
function systemd.stopping(state)
  if servers[state] ~= "serves" then return end
  servers[state] = "stops"
  serving = serving - 1
  if serving == 0 then core.systemd_notify "STOPPING=1" end
end

--- A server has ended.
-- @tparam table state
function systemd.ended(state)
  systemd.stopping(state)
  servers[state] = nil
  if timer and not next(servers) then
    timer:stop()
    timer = nil
  end
end

return systemd
