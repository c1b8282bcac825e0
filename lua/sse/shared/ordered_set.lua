--- Sets that know in which order their members were added. Adding and removing cost the same
-- however many members there are; whoever wants them in their order has them sorted.
--
-- A set is a table whose keys are the members, each with a number that grows: `{}` is an empty one,
-- and `set[member] = nil` removes a member.
-- @module sse.shared.ordered_set
local ordered_set = {}

local last_number = 0

--- Adds a member that is not in the set.
function ordered_set.add(set, member)
  last_number = last_number + 1
  set[member] = last_number
end

--- The members of a set in the order in which they were added.
-- @treturn {any,...} a new list
function ordered_set.members(set)
  local by_number, list = {}, {}
  for member, number in pairs(set) do by_number[number], list[#list + 1] = member, number end
  table.sort(list)
  for i, number in ipairs(list) do list[i] = by_number[number] end
  return list
end

return ordered_set
