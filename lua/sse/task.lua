--- Tasks: coroutines that the loop resumes, and waiting that works inside and outside of them.
-- @module sse.task
require "sse.shared.lua_version"

local core = require "sse.core"
local options = require "sse.shared.options"

local task = {}

local tasks = setmetatable({}, { __mode = "k" }) -- coroutine -> its on_error, or true

local IDLE = {}    -- what a coroutine yields whose task is over
local NEXT = {}    -- what it is resumed with for the next one
local MAX_IDLE = 64
local idle = {}

-- One task after the other: making a coroutine costs more than most handlers. Tail calls, so that
-- one which waits for its next task holds nothing of the last. Whoever kept the coroutine of a task
-- that is over, and resumes it, begins nothing.
local await_next
local function run(key, fn, ...)
  if key == NEXT then fn(...) end
  return await_next()
end
function await_next() return run(coroutine.yield(IDLE)) end

local function retire(co)
  if not tasks[co] then return end
  tasks[co] = nil
  if #idle < MAX_IDLE then idle[#idle + 1] = co end
end

-- One that waits for its next task: it may have been closed meanwhile.
local function take()
  local co
  repeat co = table.remove(idle) until not co or coroutine.status(co) == "suspended"
  return co or coroutine.create(run)
end

-- Its __close metamethods run in no task: they can't wait. Should one of them fail, both are told.
local function close(co, err)
  local text = type(err) == "string" and debug.traceback(co, err) or err
  tasks[co] = nil
  local _, last = coroutine.close(co)
  if rawequal(last, err) or type(err) ~= "string" then return text end
  return ("%s\nand while it was closed: %s"):format(text, tostring(last))
end

-- Resumes a task; an error goes to its on_error, or else stops the loop, which raises it.
local function step(co, ...)
  local ok, err = coroutine.resume(co, ...)
  if ok then
    if err == IDLE then retire(co) end
    return
  end
  local on_error = tasks[co]
  err = close(co, err)
  if on_error ~= true then on_error(err) else core.report(err) end
end

--- Runs fn(...) as a task at once, until it first waits.
-- @tparam[opt] function on_error called with the error and its traceback; else `sse.run` raises
-- @tparam function fn
-- @param ... its arguments
function task.start(on_error, fn, ...)
  local co = take()
  tasks[co] = on_error or true
  step(co, NEXT, fn, ...)
end

--- Starts a task at the end of the loop's turn.
-- @tparam function fn
-- @param ... its arguments
function task.spawn(fn, ...)
  if type(fn) ~= "function" then
    error(("sse.spawn: expected a function, got %s"):format(options.show(fn)), 2)
  end
  local args = table.pack(...)
  core.defer(function() task.start(nil, fn, table.unpack(args, 1, args.n)) end)
end

--- The running task, or nil outside of one.
function task.current()
  local co = coroutine.running()
  return tasks[co] and co or nil
end

--- Parks the running task, which whoever knows it (`task.current`) wakes: what `await` does for
-- answers that come often, without an object an answer.
-- @return what it is woken with
function task.park()
  return coroutine.yield()
end

--- Wakes a parked task.
-- @treturn boolean whether it waited
function task.wake(co, ...)
  if coroutine.status(co) ~= "suspended" then return false end
  step(co, ...)
  return true
end

-- Pumps the loop for a wait outside of tasks.
local function pump(wait)
  while not wait.results do
    local ok, kept = pcall(core.turn)
    wait.over = not ok or not kept and not wait.results
    if not ok then error(kept, 0) end
    if wait.over then
      error(("%s: nothing is left that could end this wait"):format(wait.what), options.outside())
    end
  end
end

--- Waits for an answer: calls `begin(resume)` and gives what `resume(...)` is then called with (the
-- first call counts, and gives true; where nobody waits any more it gives false). Inside a task it
-- yields; outside it pumps the loop.
-- @tparam function begin
-- @tparam[opt] string what names the wait in the error when nothing is left that could end it
function task.await(begin, what)
  local co, wait = task.current(), { what = what or "wait" }
  if not co and core.running() then
    error(("%s: a callback can't wait; do this in a task (sse.spawn)"):format(wait.what),
      options.outside())
  end
  begin(function(...)
    if wait.results or wait.over then return false end
    wait.results = table.pack(...)
    return not wait.yielded or task.wake(co)
  end)
  if co then
    wait.yielded = true
    while not wait.results do coroutine.yield() end -- whoever else resumed it
  else
    pump(wait)
  end
  return table.unpack(wait.results, 1, wait.results.n)
end

--- Waits ms milliseconds: a task yields, outside of a task the loop is pumped.
-- @tparam number ms
function task.sleep(ms)
  if type(ms) ~= "number" or not (ms >= 0 and ms < math.huge) then
    error(("sse.sleep: expected milliseconds, a number >= 0, got %s"):format(options.show(ms)), 2)
  end
  task.await(function(resume) core.after(ms, resume) end, "sse.sleep")
end

return task
