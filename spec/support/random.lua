--- A small random number generator, whose only state is how often it was used, so that a seed
-- repeats a run.
local random = {}

--- Returns a function that returns whole numbers from 1 to n.
-- @tparam integer seed
function random.new(seed)
  return function(n)
    seed = (seed * 1103515245 + 12345) % 2147483648
    return seed // 65536 % n + 1
  end
end

return random
