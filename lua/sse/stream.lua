--- What an event stream can do beside the core's part: `stream:drain()`.
-- @module sse.stream
local core = require "sse.core"
local task = require "sse.task"

local methods = core.methods["sse.stream"]

local waiting = setmetatable({}, { __mode = "k" }) -- stream -> those who wait

-- Those who waited meanwhile may wait again: the list is taken first.
local function wake(stream)
  local list = waiting[stream] or {}
  waiting[stream] = nil
  for _, resume in ipairs(list) do resume() end
end

--- Waits until nothing is pending: a task yields, outside of one the loop is pumped.
-- @function stream:drain
-- @return true; or nil, "closed", "ECLOSED"
function methods:drain()
  while not self.closed and self.pending > 0 do
    task.await(function(resume)
      if not waiting[self] then
        waiting[self] = {}
        self.onwake = function() wake(self) end
      end
      table.insert(waiting[self], resume)
    end, "stream:drain")
  end
  if self.closed then return nil, "closed", "ECLOSED" end
  return true
end

return methods
