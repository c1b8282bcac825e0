--- The object that a program has of one of the library's stores: `open`, `close`, `stats`, the
-- field `on_state`. What stands behind it is the store's own, and ends with it.
-- @module sse.store.object
local hints = require "sse.shared.hints"
local options = require "sse.shared.options"

local fields = { on_state = true }

--- Makes the metatable of a store's objects.
-- @tparam string name "sse.sqlite"
-- @tparam table methods which a program may call
-- @tparam table states object -> what stands behind it, which has a method `finish`
-- @treturn table
return function(name, methods, states)
  local class = { __name = name }

  function class.__index(_, key)
    local method = methods[key]
    if method or fields[key] then return method end
    hints.raise_missing("store", "a store", key, methods, fields)
  end

  function class.__newindex(self, key, value)
    if key ~= "on_state" then options.raise_unknown_field("store", "a store", key, fields) end
    options.check_callback("on_state", value)
    rawset(self, key, value)
  end

  function class.__gc(self)
    local state = states[self]
    if state then state:finish() end
  end

  function class.__close(self) self:close() end

  return class
end
