--- Finalizers that act at a chosen collection, within any call that makes an object.
local collector = require "spec.support.collector"
local core = require "sse.core"

local trap = {}

-- Runs fn with a whole collection at each new object, and calls `act` in the nth. Returns the
-- number of collections, and the error that `act` raised. `make stress` collects at each call that
-- may make an object.
local function run(fn, n, act)
  local count, over, failure = 0, false, nil
  local metatable = {}
  function metatable.__gc(object)
    if over then return end
    count = count + 1
    setmetatable(object, metatable) -- so that the finalizer runs again at the next collection
    if count == n then
      local ok, message = pcall(act)
      failure = not ok and message or nil
    end
  end
  local every = core.stress and core.stress(1)
  local restore = collector.make_eager()
  setmetatable({}, metatable)
  collectgarbage("restart")
  local ok, message = pcall(fn)
  over = true
  restore()
  if every then core.stress(every) end
  if not ok then error(message, 0) end
  return count, failure
end

--- Tries every collection that may happen while something runs: calls start(), which prepares it
-- and returns `fn` and `act`, again and again until fn() has fewer collections than there were
-- tries. In the nth try `act` is called by a finalizer in the nth collection within fn().
-- @tparam function start returns fn, act and, optionally, a function that is called afterwards
-- with the error that `act` raised or nil
-- @treturn int the number of collections, each of which was tried
function trap.each(start)
  local n = 0
  repeat
    n = n + 1
    local fn, act, check = start(n)
    local count, failure = run(fn, n, act)
    if check then check(count >= n, failure) end
  until count < n
  return n - 1
end

return trap
