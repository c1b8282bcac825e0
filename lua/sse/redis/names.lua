--- Names that nobody else has, drawn at random: of processes that write, and of logs that begin.
-- @module sse.redis.names
local core = require "sse.core"

local MOST = 0xffffff -- names of logs that begin alike

local names = {}

--- @tparam integer bytes of the random number that the name is
-- @treturn string in hexadecimal
function names.new(bytes)
  return (core.random(bytes):gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

--- Makes a function that returns another name of a log, its epoch, at each call.
function names.of_logs()
  local base, count = names.new(5), 0
  return function()
    count = count + 1
    if count > MOST then base, count = names.new(5), 0 end
    return ("%s%x"):format(base, count)
  end
end

return names
