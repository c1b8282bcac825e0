--- A queue between callbacks, which put items in, and a loop, which takes them out and waits where
-- there is none. It has backpressure: the producer is paused while the queue holds an item.
-- @module sse.client.queue
local task = require "sse.task"

local queue = {}
queue.__index = queue

-- Those who wait for an item, in the order in which they came, between the places `first` and
-- `last`; each is also a key. They are tasks; for a wait outside of tasks, the function that ends
-- it.
local function new_waiters()
  return { first = 1, last = 0 }
end

local function add_waiter(waiters, waiter)
  waiters.last = waiters.last + 1
  waiters[waiters.last], waiters[waiter] = waiter, true
end

-- Takes the one that came first off; returns nil if nobody waits.
local function take_waiter(waiters)
  local first = waiters.first
  local waiter = waiters[first]
  if waiter == nil then return nil end
  waiters[first], waiters[waiter], waiters.first = nil, nil, first + 1
  return waiter
end

--- Makes a queue. It begins paused: the producer is resumed by the first take.
-- @tparam function pause called after each put of an item that no take waits for
-- @tparam function resume called by a take that finds nothing, if the producer is paused
-- @tparam string what names the wait in error messages
function queue.new(pause, resume, what)
  return setmetatable({
    pause = pause, resume = resume, what = what, paused = true,
    first = 1, last = 0,
    types = nil, -- of the events to put in, as a set; nil: all. For sse.client.event_delivery
    waiters = new_waiters(),
  }, queue)
end

-- Hands an item, or nil at the end, to a waiter. Returns false if the waiter waits no more.
local function wake(waiter, item)
  if type(waiter) == "thread" then return task.wake(waiter, item) end
  return waiter(item)
end

--- Hands an item to the waiter that came first; holds it and pauses the producer if none waits.
function queue:put(item)
  local waiter = take_waiter(self.waiters)
  while waiter do
    if wake(waiter, item) then return end
    waiter = take_waiter(self.waiters)
  end
  self.last = self.last + 1
  self[self.last] = item
  self.paused = true
  self.pause()
end

--- Says that no more items will come. Takes get the items that are held, then nil.
function queue:finish()
  self.finished = true
  local waiter = take_waiter(self.waiters)
  while waiter do
    wake(waiter, nil)
    waiter = take_waiter(self.waiters)
  end
end

-- Resumes the producer. Returns false if it was not paused.
local function resume_producer(self)
  if not self.paused then return false end
  self.paused = false
  self.resume()
  return true
end

-- Waits in a task. `put` and `finish` take a waiter off before they wake it: a task that is still
-- among the waiters was resumed by the program itself, and waits on.
local function wait_in_task(self, co)
  add_waiter(self.waiters, co)
  local item = task.park()
  while self.waiters[co] do item = task.park() end
  return item
end

--- Takes the next item. Waits if there is none: in a task by yielding, outside of one by pumping
-- the loop.
-- @return the item; nil at the end
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
    -- The producer may put an item, or finish, while it is resumed.
    if resume_producer(self) and (self:has_items() or self.finished) then return self:take() end
    return wait_in_task(self, co)
  end
  return task.await(function(wake_up)
    add_waiter(self.waiters, wake_up)
    resume_producer(self)
  end, self.what)
end

--- Whether the queue holds an item.
function queue:has_items()
  return self[self.first] ~= nil
end

--- Drops the items that are held.
function queue:clear()
  for i = self.first, self.last do self[i] = nil end
  self.first, self.last = 1, 0
end

return queue
