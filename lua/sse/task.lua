--- Tasks: coroutines that the loop resumes. Waiting (`task.await` and all that is built on it)
-- yields in a task, and outside of one pumps the loop. The coroutines themselves are the core's
-- (csrc/bind/task.c).
-- @module sse.task
require "sse.shared.lua_version"

local core = require "sse.core"
local options = require "sse.shared.options"
local ordered_set = require "sse.shared.ordered_set"

local task = {}

local current = core.current_task
local methods = core.methods["sse.task"]

-- Coroutine of a task that has an object -> its present wait, as `await` makes it.
local waits = setmetatable({}, { __mode = "k" })

-- --- the end of a task ---------------------------------------------------------------------------

-- Resumes those who wait for a task's end, an ordered set, at the end of the loop's turn, so that a
-- long row of tasks, each waiting for the next, ends one after the other and not one within the
-- other.
local function wake_waiters(waiters)
  for _, resume in ipairs(ordered_set.members(waiters)) do
    core.defer(resume)
    waiters[resume] = nil
  end
end

-- Gives the error of a task that has an object to those who wait for its end. Without any `sse.run`
-- raises the error.
local function fail(object, err)
  local waiters = core.task_waiters(object)
  core.fail_task(object, err)
  if next(waiters) == nil then return core.report(err) end
  wake_waiters(waiters)
end

-- The text of an error with a traceback, and with `last`, the error of a __close metamethod that
-- failed, too. An error that is no string stays as it is.
local function complete(err, text, closed, last)
  if closed or rawequal(last, err) or type(err) ~= "string" then return text end
  return ("%s\nand while it was closed: %s"):format(text, options.text_of(last))
end

-- The function of a task raised. Its coroutine is closed; the to-be-closed variables are closed
-- outside of any task, so they cannot wait. `owner` is the task's object, the on_error of
-- `task.start`, or something else.
local function on_failed(co, owner, err)
  local text = type(err) == "string" and debug.traceback(co, err) or err
  err = complete(err, text, coroutine.close(co))
  if type(owner) == "function" then return owner(err) end
  if type(owner) == "table" then return getmetatable(owner).__failed(owner, err) end
  if core.class_of(owner) == "sse.task" then return fail(owner, err) end
  core.report(err)
end

-- Releases what was begun for a wait that will have no results.
local function release(wait)
  wait.over = true
  local undo = wait.undo
  if type(undo) == "function" then undo() elseif undo then undo:stop() end
end

-- Ends a task at its wait.
local function cancel(object)
  local co = core.cancel_task(object)
  local ok, err = true, nil
  if co then
    local wait = waits[co]
    if wait then ok, err = pcall(release, wait) end
    local closed, last = coroutine.close(co)
    if not closed then ok, err = false, last end
  end
  if not ok then return fail(object, err) end
  if core.task_over(object) then wake_waiters(core.task_waiters(object)) end
end

core.set_task_events(on_failed, wake_waiters, cancel)

-- --- starting ------------------------------------------------------------------------------------

--- Runs fn(...) as a task, at once and until its first wait.
-- @function start
-- @tparam function|table|nil on_error called with an error of fn, as text with its traceback; of a
-- table its metamethod `__failed` is called, with the table and the error; without it `sse.run`
-- raises the error
-- @tparam function fn
-- @param ... its arguments
task.start = core.start_task

--- Runs fn(...) as a task at the end of the loop's turn. An error in it is given to those who wait
-- for the task's end; if nobody does, `sse.run` raises it.
-- @function spawn
-- @tparam function fn
-- @param ... its arguments
-- @return a task: `task:wait()`, `task:cancel()`
task.spawn = core.spawn

--- The running task.
-- @function current
-- @treturn thread|nil its coroutine; nil outside of tasks; false if it can't wait, since C called
-- the running function: a parser's callback, a finalizer
task.current = current

-- --- waiting -------------------------------------------------------------------------------------

--- Lets the running task wait until `task.wake` is called with its coroutine. Unlike `await` this
-- makes no object for each wait. It also returns if the program itself resumes the coroutine.
-- @return what it is resumed with
function task.park()
  return coroutine.yield()
end

--- Resumes a task that waits in `task.park`.
-- @function wake
-- @tparam thread co its coroutine
-- @param ... what `park` returns
-- @treturn boolean false if the coroutine does not wait
task.wake = core.wake_task

--- Raises if the caller can wait neither as a task nor by pumping the loop.
-- @tparam string what names the wait in the message
-- @tparam int level as of `error`, seen from the caller
-- @return as of `task.current`
function task.check_can_wait(what, level)
  local co, object = current()
  if co then return co, object end
  local running, foreign = core.running()
  if not running and co == nil then return nil end
  local why = foreign and "a coroutine of your own can't wait while the loop runs; make it a task"
    or "a callback can't wait; do this in a task"
  error(("%s: %s (sse.spawn) [docs/errors.md#waiting]"):format(what, why), level + 1)
end

-- Pumps the loop until a wait outside of tasks has its results. Raises if nothing is left in the
-- loop that could bring them.
local function pump(wait)
  while not wait.results do
    local ok, kept = pcall(core.turn)
    if not ok then
      release(wait)
      error(kept, 0)
    elseif not kept and not wait.results then
      release(wait)
      local message = "%s: nothing is left that could end this wait [docs/errors.md#waiting]"
      error(message:format(wait.what), options.caller_level())
    end
  end
end

--- Waits for a callback: in a task by yielding, outside of one by pumping the loop. Raises in a
-- callback that runs in no task, since the loop cannot be pumped there.
-- @tparam function begin called with a function `resume`, whose first call ends the wait and
-- returns true. Further calls, and calls after an error ended the wait, return false and do
-- nothing. `begin` may return what releases what it has begun: a function, or an object with a
-- method `stop`. It is used where the wait ends without `resume`: the task is cancelled, or nothing
-- is left in the loop.
-- @tparam[opt] string what names the wait in error messages, "stream:drain"
-- @return the arguments of `resume`
function task.await(begin, what)
  local co, object = current()
  local wait = { what = what or "wait" }
  if co == false or not co and core.running() then
    task.check_can_wait(wait.what, options.caller_level())
  end
  wait.undo = begin(function(...)
    if wait.results or wait.over then return false end
    wait.results = table.pack(...)
    return not wait.yielded or task.wake(co)
  end)
  if co then
    if object then waits[co] = wait end
    wait.yielded = true
    -- Yields again if the program resumed the coroutine itself.
    while not wait.results do coroutine.yield() end
    if object then waits[co] = nil end
  else
    pump(wait)
  end
  return table.unpack(wait.results, 1, wait.results.n)
end

--- Raises at the line of the caller's caller if a wait's time is no number of milliseconds.
-- @tparam string name the function that waits
-- @param ms
function task.check_milliseconds(name, ms)
  if type(ms) == "number" and ms >= 0 and ms < math.huge then return end
  local message = "%s: expected milliseconds, a number >= 0, got %s [docs/errors.md#arguments]"
  error(message:format(name, options.show(ms)), 3)
end

--- Waits for a time: in a task by yielding, outside of one by pumping the loop.
-- @tparam number ms milliseconds, at least 0
function task.sleep(ms, ...)
  options.check_count("sse.sleep(ms)", ...)
  task.check_milliseconds("sse.sleep", ms)
  task.await(function(resume) return core.timer(ms, resume, true) end, "sse.sleep")
end

--- Waits for a callback of another library's: calls begin(resume) and waits until `resume` is
-- called: in a task by yielding, outside of one by pumping the loop. Raises in a callback, and in a
-- coroutine of the program's own while the loop runs.
-- @tparam function begin called with a function `resume`. Its first call, now or later and from
-- anywhere, ends the wait, and returns true; further calls do nothing, and return false. If `begin`
-- returns a function, that is called where the wait ends without `resume`: the task is cancelled,
-- or nothing is left in the loop.
-- @return the arguments of `resume`
function task.await_callback(begin, ...)
  options.check_count("sse.await(begin)", ...)
  if type(begin) ~= "function" then
    local hint = core.class_of(begin) == "sse.task" and " (a task has 'wait')" or ""
    error(("sse.await: expected a function, got %s%s"):format(options.show(begin), hint), 2)
  end
  return task.await(function(resume)
    local undo = begin(resume)
    return type(undo) == "function" and undo or nil
  end, "sse.await")
end

-- --- the object ----------------------------------------------------------------------------------

--- Waits until the task is over: in a task by yielding, outside of one by pumping the loop. May be
-- called by several, and again. Raises if a task waits for itself.
-- @function task:wait
-- @return what the task's function returned; or nil, message, "ECALLBACK" if it raised: the text
-- with its traceback, or the value itself if it was no string; or nil, "cancelled", "EABORTED"
function methods:wait(...)
  options.check_core_self(self, "sse.task", "task:wait()", ...)
  if not core.task_over(self) then
    local _, object = current()
    if object == self then error("task:wait: a task can't wait for its own end", 2) end
    task.await(function(resume)
      local waiters = core.task_waiters(self)
      ordered_set.add(waiters, resume)
      return function() waiters[resume] = nil end
    end, "task:wait")
  end
  return core.task_results(self)
end

--- Ends the task at its wait: to-be-closed variables are closed, and what it waits for is released
-- (a timer is stopped, a request aborted). A task that runs at the moment, as one that cancels
-- itself does, ends at its next wait. Harmless when it is over.
-- @function task:cancel
function methods:cancel(...)
  options.check_core_self(self, "sse.task", "task:cancel()", ...)
  cancel(self)
end

return task
