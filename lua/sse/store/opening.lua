--- What `store:open` of the library's stores takes.
-- @module sse.store.opening
local options = require "sse.shared.options"
local pages = require "sse.shared.pages"

local HISTORY, HISTORY_BYTES = 1000, 8 * 1024 * 1024 -- as of sse.channel

local spec = options.spec("store:open", {
  history = options.integer(0),
  history_bytes = options.integer(1),
  max_age = options.ms(1),
})

--- Checks what the store's method was called with. Raises at the line of its caller.
-- @param name
-- @param bounds
-- @treturn table `history`, `history_bytes`, `max_age`: integers, the last one perhaps nil
return function(name, bounds)
  if type(name) ~= "string" or name == "" or name:find "%z" then
    local message = "store:open: the name must be a string, not empty and without NUL, got %s%s"
    error(message:format(options.show(name), pages.at "arguments"), 3)
  end
  bounds = options.check("store:open", bounds, spec, 4)
  return {
    history = math.tointeger(bounds.history or HISTORY),
    history_bytes = math.tointeger(bounds.history_bytes or HISTORY_BYTES),
    max_age = bounds.max_age and math.ceil(bounds.max_age),
  }
end
