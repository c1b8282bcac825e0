--- Ends a server by signals: the first SIGINT or SIGTERM drains it, a second one closes it at once.
-- Then `sse.run` returns.
local sse = require "sse"

--- @tparam server server
-- @tparam number within milliseconds over which the ends of open streams are spread
-- @tparam[opt] function before_drain called first
return function(server, within, before_drain)
  local function drain() -- a task for each signal: a second drain closes the server
    if before_drain then before_drain() end
    server:shutdown { within = within }
    sse.stop()
  end
  for _, name in ipairs { "SIGINT", "SIGTERM" } do
    sse.signal(name, drain)
  end
end
