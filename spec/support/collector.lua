--- The collector at its most eager: each new object causes a whole collection.
local collector = {}

-- Lua 5.4 sets the parameters with the mode; the size of a step is a power of two.
local WHOLE = 100 -- a step that is a whole cycle: no heap holds 2^100 bytes
local DEFAULT = 13

local function eager_5_4()
  local mode = collectgarbage "incremental"
  local pause, step = collectgarbage "setpause", collectgarbage "setstepmul"
  collectgarbage("incremental", 1, 100, WHOLE)
  return function()
    collectgarbage("incremental", pause, step, DEFAULT)
    collectgarbage(mode)
  end
end

-- Lua 5.5 sets each parameter by its name; a step with the multiplier 0 is a whole cycle.
local function eager_5_5()
  local mode = collectgarbage "incremental"
  local pause, step = collectgarbage("param", "pause", 0), collectgarbage("param", "stepmul", 0)
  return function()
    collectgarbage("param", "pause", pause)
    collectgarbage("param", "stepmul", step)
    collectgarbage(mode)
  end
end

local prepare = _VERSION == "Lua 5.4" and eager_5_4 or eager_5_5

--- Collects, and makes the collector eager from the next `collectgarbage "restart"` on.
-- @treturn function restores the collector's mode and parameters
function collector.make_eager()
  collectgarbage "stop"
  local restore = prepare()
  collectgarbage() -- else Lua 5.5 would finish a cycle that began in the other mode
  return restore
end

return collector
