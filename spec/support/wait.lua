--- Waits in specs: until something is so, with a limit; never for a fixed time.
local core = require "sse.core"
local lfs = require "lfs"

local wait = {}

-- Slow builds (sanitizers, valgrind) set SSE_TEST_PATIENCE=5. A longer limit only delays failures.
local patience = tonumber(os.getenv("SSE_TEST_PATIENCE") or "") or 1
local LIMIT = 10000 -- ms
local TICK = 20 -- ms between looks at what the loop does not see: a child's exit, a file

--- Pumps the loop until fn() is true and returns its value; raises an error past the limit. Must be
-- called outside of tasks and callbacks, where the loop isn't running.
-- @tparam function fn
-- @tparam[opt=10000] number limit_ms
-- @tparam[opt] string what for the message: what is waited for
function wait.until_true(fn, limit_ms, what)
  local late = false
  limit_ms = (limit_ms or LIMIT) * patience
  local _limit <close> = core.after(limit_ms, function() late = true end)
  local _tick <close> = core.every(TICK, function() end)
  while true do
    local value = fn()
    if value then return value end
    if late then error(("waited %d ms for %s"):format(limit_ms, what or "a condition"), 2) end
    core.turn()
  end
end

--- Pumps the loop while fn() is true, for at most limit_ms; returns whether it still is. For what
-- must not happen. The test always takes limit_ms, so keep it short.
function wait.stays_true(fn, limit_ms)
  local over = false
  local _limit <close> = core.after(limit_ms, function() over = true end)
  while fn() do
    if over then return true end
    core.turn()
  end
  return false
end

--- `until_true` with the usual limit.
function wait.till(fn, what)
  return wait.until_true(fn, nil, what)
end

--- Pumps the loop until a timer of `ms` that is set now has fired, to show that nothing happens
-- meanwhile.
function wait.past(ms)
  wait.stays_true(function() return true end, ms)
end

--- Pumps the loop until nothing keeps it running.
function wait.idle()
  core.forget_connections() -- a server here would wait for them
  local late, limit_ms = false, LIMIT * patience
  local limit <close> = core.after(limit_ms, function() late = true end)
  limit:unref()
  while core.turn() do
    if late then error(("the loop was still kept running after %d ms"):format(limit_ms), 2) end
  end
end

--- Pumps the loop until the number that fn() returns has not changed for a while; returns it.
function wait.unchanged(fn)
  local seen, since = nil, nil
  wait.till(function()
    local now = fn()
    if now ~= seen then seen, since = now, core.now() end
    return core.now() - since >= 40 * patience
  end, "a number that stays")
  return seen
end

-- Whether a descriptor is of SQLite, which keeps files open that other connections of the process
-- use, too.
local function is_database(path)
  local target = lfs.symlinkattributes(path, "target")
  return target and target:find "%.db" ~= nil
end

--- The number of descriptors that this process has open, without those of databases.
function wait.fds()
  core.forget_connections() -- kept for later requests, so they are not left behind
  local count = 0
  local folder = lfs.attributes("/proc/self/fd") and "/proc/self/fd" or "/dev/fd"
  for name in lfs.dir(folder) do
    local path = folder .. "/" .. name
    if name:match("^%d+$") and not is_database(path) then count = count + 1 end
  end
  return count - 1 -- without the descriptor that reads the folder
end

wait.descriptors = wait.fds

--- Two full collections: the second frees what the finalizers of the first one released.
function wait.collect()
  collectgarbage()
  collectgarbage()
end

return wait
