--- The median of what rounds have measured.

--- @tparam table rounds of each round a table of numbers
-- @param field which of them
-- @return the median; of an even number of rounds the lower one of the two in the middle
return function(rounds, field)
  local values = {}
  for i, numbers in ipairs(rounds) do values[i] = numbers[field] end
  table.sort(values)
  return values[(#values + 1) // 2]
end
