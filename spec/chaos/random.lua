--- A random number generator (xorshift) that only its owner uses, so that a seed repeats a run.
local random = {}
random.__index = random

--- A generator for a seed.
function random.new(seed)
  return setmetatable({ state = seed * 2654435769 + 88172645463325252 }, random)
end

--- Returns a whole number from 1 to n.
function random:upto(n)
  local state = self.state
  state = state ~ (state << 13)
  state = state ~ (state >> 7)
  state = state ~ (state << 17)
  self.state = state
  return (state >> 1) % n + 1
end

--- Returns an element of a list.
function random:pick(list) return list[self:upto(#list)] end

--- Returns true once in n times, on average.
function random:one_in(n) return self:upto(n) == 1 end

--- Returns n random bytes.
function random:bytes(n)
  local list = {}
  for i = 1, n do list[i] = string.char(self:upto(256) - 1) end
  return table.concat(list)
end

return random
