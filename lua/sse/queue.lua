--- What callbacks put in and a loop takes out; taking waits. Whoever fills it is told to stop while
-- it holds anything.
-- @module sse.queue
local task = require "sse.task"

local queue = {}
queue.__index = queue

--- Makes one.
-- @tparam function pause called when something had to be kept
-- @tparam function resume called when a taker finds nothing
-- @tparam string what names the wait
function queue.new(pause, resume, what)
  return setmetatable({
    pause = pause, resume = resume, what = what, first = 1, last = 0, waiters = {},
  }, queue)
end

--- Puts an item in, or hands it to who waits.
function queue:put(item)
  while #self.waiters > 0 do
    if table.remove(self.waiters, 1)(item) then return end -- false: it waits no more
  end
  self.last = self.last + 1
  self[self.last] = item
  self.pause()
end

--- No more items will come: takers get what is left, then nil.
function queue:finish()
  self.finished = true
  local waiters = self.waiters
  self.waiters = {}
  for _, waiter in ipairs(waiters) do waiter(nil) end
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
  return task.await(function(resume)
    self.waiters[#self.waiters + 1] = resume
    self.resume()
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
