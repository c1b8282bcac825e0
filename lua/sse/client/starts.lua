--- Spreads the starts of many requests over turns of the loop, so that thousands at once (all
-- sources come back after a restart of the server) leave time for everything else. The first in a
-- turn start at once; what is beyond the turn's share waits, in order, for a later turn.
-- @module sse.client.starts
local core = require "sse.core"
local task = require "sse.task"

local starts = {}

local waiting, first, last = {}, 1, 0 -- { function, its arguments }, from `first` to `last`

local function call_first()
  local call = waiting[first]
  waiting[first] = nil
  first = first + 1
  call[1](call[2], call[3], call[4])
end

local run_some
local scheduled = false

local function schedule()
  if not scheduled then core.defer(run_some) end
  scheduled = true
end

-- Closed when run_some is left, also by an error of what it called.
local go_on = setmetatable({}, { __close = function()
  if first <= last then schedule() end
end })

-- At least one a turn, whatever else the turn has done.
function run_some()
  scheduled = false
  local _guard <close> = go_on
  repeat
    call_first()
  until first > last or not core.may_start()
end

local function put(...)
  last = last + 1
  waiting[last] = { ... }
  schedule()
end

--- Calls fn(a, b, c), now or in a later turn.
-- @tparam function fn
-- @param[opt] a
-- @param[opt] b
-- @param[opt] c
function starts.run(fn, a, b, c)
  if first > last and core.may_start() then return fn(a, b, c) end
  put(fn, a, b, c)
end

--- Lets the caller wait until a request may start: in a task by yielding, outside of one by pumping
-- the loop.
-- @tparam string what names the wait in an error's message
-- @treturn boolean false in a process that was forked meanwhile: the request is its parent's
function starts.wait(what)
  if first > last and core.may_start() then return true end
  local forks = core.forks()
  task.await(function(resume)
    local over = false
    put(function() if not over then resume() end end)
    return function() over = true end
  end, what)
  return core.forks() == forks
end

return starts
