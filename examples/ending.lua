--- Ends a server by signal: the first SIGINT or SIGTERM drains it, a second one ends it at once.
-- Then `sse.run` returns.
local sse = require "sse"

--- @tparam server server
-- @tparam number within ms over which open streams are ended
-- @tparam[opt] function first called before
return function(server, within, first)
  local function drain() -- in a task each: called again meanwhile, server:drain ends at once
    if first then first() end
    server:drain { within = within }
    sse.stop()
  end
  for _, name in ipairs { "SIGINT", "SIGTERM" } do
    sse.signal(name, function() sse.spawn(drain) end)
  end
end
