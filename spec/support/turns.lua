--- Counts the loop's turns, for specs of work that yields: what takes longer than a slice of a turn
-- must leave what follows to the next turn.
local core = require "sse.core"

local turns = { count = 0 }
local turn = core.turn

--- From now on turns.count goes up with each turn's begin and with its end; for before_each.
function turns.begin()
  turns.count = 0
  function core.turn()
    turns.count = turns.count + 1
    local kept = turn()
    turns.count = turns.count + 1
    return kept
  end
end

--- For after_each.
function turns.finish() core.turn = turn end

--- Takes longer than a slice.
function turns.spin()
  local till = core.now() + 4
  repeat until core.now() > till
end

--- Makes a function that notes the turn of each of its calls in a list, and spins; it returns true.
function turns.noted(list)
  return function()
    list[#list + 1] = turns.count
    turns.spin()
    return true
  end
end

--- Fails unless the list has `count` numbers of turns, and no turn has more than three of them: one
-- in each of its parts, which are deferred calls before timers and after them, and deferred work.
function turns.check(list, count)
  assert(#list == count, ("%d calls, expected %d"):format(#list, count))
  for i = 4, count do
    assert(list[i] > list[i - 3], ("calls %d to %d came in one turn"):format(i - 3, i))
  end
end

return turns
