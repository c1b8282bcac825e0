--- Tasks: coroutines that the loop resumes. Waiting (`task.await` and all that is built on it)
-- yields in a task, and outside of one pumps the loop.
-- @module sse.task
require "sse.shared.lua_version"

local core = require "sse.core"
local options = require "sse.shared.options"

local task = {}

-- Coroutine of a running task -> its on_error, or true without one.
local tasks = setmetatable({}, { __mode = "k" })

local IDLE = {} -- yielded by a coroutine whose task is over
local NEXT = {} -- passed to an idle coroutine with its next task
local MAX_IDLE = 64
local idle = {} -- coroutines without a task

-- The body of a coroutine that runs one task after the other, since making a coroutine costs more
-- than most handlers do. The tail calls leave nothing of a task that is over on the stack. A
-- program that kept the coroutine and resumes it itself cannot start anything: it does not know
-- NEXT.
local await_next
local function run(key, fn, ...)
  if key == NEXT then fn(...) end
  return await_next()
end
function await_next() return run(coroutine.yield(IDLE)) end

local function add_idle(co)
  if not tasks[co] then return end
  tasks[co] = nil
  if #idle < MAX_IDLE then idle[#idle + 1] = co end
end

-- An idle coroutine, unless the program closed it, or else a new one.
local function take_idle()
  local co
  repeat co = table.remove(idle) until not co or coroutine.status(co) == "suspended"
  return co or coroutine.create(run)
end

-- Closes the coroutine of a task that failed. Its to-be-closed variables are closed outside of any
-- task, so they cannot wait. Returns the error with its traceback, and with the error of a __close
-- metamethod if one failed, too.
local function close(co, err)
  local text = type(err) == "string" and debug.traceback(co, err) or err
  tasks[co] = nil
  local _, last = coroutine.close(co)
  if rawequal(last, err) or type(err) ~= "string" then return text end
  return ("%s\nand while it was closed: %s"):format(text, tostring(last))
end

-- Resumes the coroutine of a task. An error is passed to the task's on_error; without one `sse.run`
-- raises it.
local function resume_task(co, ...)
  local ok, err = coroutine.resume(co, ...)
  if ok then
    if err == IDLE then add_idle(co) end
    return
  end
  local on_error = tasks[co]
  err = close(co, err)
  if on_error ~= true then on_error(err) else core.report(err) end
end

--- Runs fn(...) as a task, at once and until its first wait.
-- @tparam[opt] function on_error called with an error of fn, as text with its traceback; without it
-- `sse.run` raises the error
-- @tparam function fn
-- @param ... its arguments
function task.start(on_error, fn, ...)
  local co = take_idle()
  tasks[co] = on_error or true
  resume_task(co, NEXT, fn, ...)
end

--- Runs fn(...) as a task at the end of the loop's turn. `sse.run` raises an error in it.
-- @tparam function fn
-- @param ... its arguments
function task.spawn(fn, ...)
  if type(fn) ~= "function" then
    error(("sse.spawn: expected a function, got %s"):format(options.show(fn)), 2)
  end
  local args = table.pack(...)
  core.defer(function() task.start(nil, fn, table.unpack(args, 1, args.n)) end)
end

core.set_spawn(task.spawn) -- for `sse.run`

--- The running task.
-- @treturn thread|nil its coroutine; nil outside of tasks
function task.current()
  local co = coroutine.running()
  return tasks[co] and co or nil
end

--- Lets the running task wait until `task.wake` is called with its coroutine. Unlike `await` this
-- makes no object for each wait. It also returns if the program itself resumes the coroutine.
-- @return what it is resumed with
function task.park()
  return coroutine.yield()
end

--- Resumes a task that waits in `task.park`.
-- @tparam thread co its coroutine
-- @param ... what `park` returns
-- @treturn boolean false if the coroutine does not wait
function task.wake(co, ...)
  if coroutine.status(co) ~= "suspended" then return false end
  resume_task(co, ...)
  return true
end

-- Pumps the loop until a wait outside of tasks has its results. Raises if nothing is left in the
-- loop that could bring them.
local function pump(wait)
  while not wait.results do
    local ok, kept = pcall(core.turn)
    wait.over = not ok or not kept and not wait.results
    if not ok then error(kept, 0) end
    if wait.over then
      local message = ("%s: nothing is left that could end this wait"):format(wait.what)
      error(message, options.caller_level())
    end
  end
end

--- Waits for a callback: in a task by yielding, outside of one by pumping the loop. Raises in a
-- callback that runs in no task, since the loop cannot be pumped there.
-- @tparam function begin called with a function `resume`, whose first call ends the wait and
-- returns true. Further calls, and calls after an error ended the wait, return false and do
-- nothing.
-- @tparam[opt] string what names the wait in error messages, "stream:drain"
-- @return the arguments of `resume`
function task.await(begin, what)
  local co, wait = task.current(), { what = what or "wait" }
  if not co and core.running() then
    error(("%s: a callback can't wait; do this in a task (sse.spawn)"):format(wait.what),
      options.caller_level())
  end
  begin(function(...)
    if wait.results or wait.over then return false end
    wait.results = table.pack(...)
    return not wait.yielded or task.wake(co)
  end)
  if co then
    wait.yielded = true
    -- Yields again if the program resumed the coroutine itself.
    while not wait.results do coroutine.yield() end
  else
    pump(wait)
  end
  return table.unpack(wait.results, 1, wait.results.n)
end

--- Waits for a time: in a task by yielding, outside of one by pumping the loop.
-- @tparam number ms milliseconds, at least 0
function task.sleep(ms, ...)
  options.check_count("sse.sleep(ms)", ...)
  if type(ms) ~= "number" or not (ms >= 0 and ms < math.huge) then
    error(("sse.sleep: expected milliseconds, a number >= 0, got %s"):format(options.show(ms)), 2)
  end
  task.await(function(resume) core.after(ms, resume) end, "sse.sleep")
end

return task
