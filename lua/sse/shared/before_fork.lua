--- What must not be open when a process forks its workers: each of them would have a copy, and all
-- would take the same thing for their own. A module that has such things adds a check of them here.
-- @module sse.shared.before_fork
local core = require "sse.core"

local before_fork = {}

local checks, ends = {}, {}

--- Adds a check.
-- @tparam function check returns what is open as a text, "the channel 'news'", and where it belongs
-- instead; or nil
function before_fork.add(check) checks[#checks + 1] = check end

--- Adds a function that is called when a worker ends, whatever it ends by: it closes what must not
-- be left to the end of the process.
-- @tparam function close
function before_fork.at_end(close) ends[#ends + 1] = close end

--- What is open, of all that checks know, and of what the loop has.
-- @treturn string|nil
function before_fork.open()
  for _, check in ipairs(checks) do
    local what = check()
    if what then return what end
  end
  if core.kept() then
    return "something is open that the loop would run: a server that listens, an EventSource, a "
      .. "timer or a task"
  end
  return core.watches_signals() and "a signal is watched" or nil
end

--- Calls what `at_end` added.
-- @treturn {string,...} the errors of those that failed
function before_fork.close_all()
  local errors = {}
  for _, close in ipairs(ends) do
    local ok, err = pcall(close)
    if not ok then errors[#errors + 1] = tostring(err) end
  end
  return errors
end

return before_fork
