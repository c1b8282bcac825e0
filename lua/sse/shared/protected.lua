--- Calls of the program's functions.
-- @module sse.shared.protected
local protected = {}

--- A message handler for xpcall: adds a traceback to an error that is a text.
-- @param err
-- @return the text with its traceback, or what was raised
function protected.traceback(err)
  return type(err) == "string" and debug.traceback(err, 2) or err
end

--- Calls a function of the program's.
-- @tparam function fn
-- @param ... its arguments
-- @treturn boolean false if it raised
-- @return what it returned, or what it raised: a text has its traceback
function protected.call(fn, ...)
  return xpcall(fn, protected.traceback, ...)
end

return protected
