--- The methods of a store on several servers that add up what the store of each server says.
-- @module sse.redis.totals

local function sum(stores, method)
  local count = 0
  for _, one in ipairs(stores) do count = count + one[method](one) end
  return count
end

--- Adds the methods to a class.
-- @tparam table class
-- @tparam function list_of list_of(self) gives the list of the stores
return function(class, list_of)
  --- How many appends have no result.
  function class:waits() return sum(list_of(self), "waits") end

  --- How many appends were not taken since the last call.
  function class:take_refused() return sum(list_of(self), "take_refused") end
end
