--- Waiting in specs: always for something, always with a limit that fails.
local core = require "sse.core"

local wait = {}

local LIMIT = tonumber(os.getenv("SSE_WAIT_LIMIT")) or 10000

--- Pumps the loop until condition() gives something true, which is returned.
function wait.till(condition, what)
  local late = false
  local alarm = core.after(LIMIT, function() late = true end)
  local got = condition()
  while not got and not late do
    core.turn()
    got = condition()
  end
  alarm:stop()
  if not got then error(("%s did not happen within %d ms"):format(what or "it", LIMIT), 2) end
  return got
end

--- Pumps the loop until a timer set now has fired: for showing that something does not happen meanwhile.
function wait.past(ms)
  local over = false
  core.after(ms, function() over = true end)
  wait.till(function() return over end, "the timer")
end

--- Pumps the loop until nothing keeps it running.
function wait.idle()
  local late = false
  local alarm = core.after(LIMIT, function() late = true end)
  alarm:unref()
  while core.turn() do
    if late then error(("the loop was still kept running after %d ms"):format(LIMIT), 2) end
  end
  alarm:stop()
end

--- The number of this process's open descriptors (one pipe more than without the asking).
function wait.descriptors()
  local pipe = assert(io.popen("if [ -d /proc/$PPID/fd ]; then ls /proc/$PPID/fd; else lsof -p $PPID; fi | wc -l"))
  local count = pipe:read("n")
  pipe:close()
  return count
end

return wait
