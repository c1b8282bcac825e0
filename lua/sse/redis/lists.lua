--- What a table has, as a list: for loops whose body may change the table.
-- @module sse.redis.lists
local lists = {}

--- @tparam table set
-- @treturn table its keys, in no order
function lists.keys(set)
  local list = {}
  for key in pairs(set) do list[#list + 1] = key end
  return list
end

--- @tparam table by_key
-- @treturn table its values, in no order
function lists.values(by_key)
  local list = {}
  for _, value in pairs(by_key) do list[#list + 1] = value end
  return list
end

return lists
