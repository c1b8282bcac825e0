--- What callbacks put in and a loop takes out; taking waits. Whoever fills it is told to stop while
-- it holds anything.
-- @module sse.client.queue
local task = require "sse.task"

local queue = {}
queue.__index = queue

--- Makes one.
-- @tparam function pause called when something had to be kept
-- @tparam function resume called when a taker finds nothing, first and after a pause
-- @tparam string what names the wait
function queue.new(pause, resume, what)
  return setmetatable({
    pause = pause, resume = resume, what = what, paused = true,
    first = 1, last = 0, waiters = {}, -- tasks, and outside of them functions
  }, queue)
end

-- False where it waits no more.
local function wake(waiter, item)
  if type(waiter) == "thread" then return task.wake(waiter, item) end
  return waiter(item)
end

--- Puts an item in, or hands it to who waits.
function queue:put(item)
  local waiters = self.waiters
  while waiters[1] do
    if wake(table.remove(waiters, 1), item) then return end
  end
  self.last = self.last + 1
  self[self.last] = item
  self.paused = true
  self.pause()
end

--- No more items will come: takers get what is left, then nil.
function queue:finish()
  self.finished = true
  local waiters = self.waiters
  self.waiters = {}
  for _, waiter in ipairs(waiters) do wake(waiter, nil) end
end

-- Whether it was called.
local function resume(self)
  if not self.paused then return false end
  self.paused = false
  self.resume()
  return true
end

local function is_in(list, value)
  for i = 1, #list do
    if list[i] == value then return true end
  end
end

-- Whoever wakes a waiter has taken it off the list: else a stranger resumed it, and it waits on.
local function park(self, co)
  local waiters = self.waiters
  waiters[#waiters + 1] = co
  local item = task.park()
  while waiters[1] and waiters == self.waiters and is_in(waiters, co) do item = task.park() end
  return item
end

--- The next item, or nil at the end. Waits.
function queue:take()
  local item = self[self.first]
  if item ~= nil then
    self[self.first] = nil
    self.first = self.first + 1
    return item
  end
  if self.finished then return nil end
  self.first, self.last = 1, 0
  local co = task.current()
  if co then
    if resume(self) and (self:held() or self.finished) then return self:take() end
    return park(self, co)
  end
  return task.await(function(wake_up)
    table.insert(self.waiters, wake_up)
    resume(self)
  end, self.what)
end

--- Whether something is held.
function queue:held()
  return self[self.first] ~= nil
end

--- Drops what is held.
function queue:clear()
  for i = self.first, self.last do self[i] = nil end
  self.first, self.last = 1, 0
end

return queue
