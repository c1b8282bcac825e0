--- A small generator of its own, for runs that a seed repeats: the order of its use is the only
-- state.
local random = {}

--- Gives a function that gives whole numbers from 1 to n.
-- @tparam integer seed
function random.new(seed)
  return function(n)
    seed = (seed * 1103515245 + 12345) % 2147483648
    return seed // 65536 % n + 1
  end
end

return random
