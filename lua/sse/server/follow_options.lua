--- The options of what follows a channel, `stream:follow`, `sse.follow` and `channel:events`: the
-- rules by which sse.shared.options checks them.
-- @module sse.server.follow_options
local options = require "sse.shared.options"

local spec = {
  from = {
    expected = "\"newest\", \"oldest\" or a whole number of at least 0",
    check = function(v)
      return v == "newest" or v == "oldest" or math.type(v) == "integer" and v >= 0
    end,
  },
  where = "function",
}

for _, where in ipairs { "stream:follow", "sse.follow", "channel:events" } do
  options.spec(where, spec)
end

return spec
