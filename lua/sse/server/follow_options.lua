--- The options of what follows a channel, `stream:follow`, `sse.follow` and `channel:events`: the
-- rules by which sse.shared.options checks them, by the name of each.
-- @module sse.server.follow_options
local options = require "sse.shared.options"

local from_and_where = {
  from = {
    expected = "\"newest\", \"oldest\" or a whole number of at least 0",
    check = function(v)
      return v == "newest" or v == "oldest" or math.type(v) == "integer" and v >= 0
    end,
  },
  where = "function",
}

return {
  ["sse.follow"] = options.spec("sse.follow", from_and_where),
  ["channel:events"] = options.spec("channel:events", from_and_where),
  ["stream:follow"] = options.spec("stream:follow", {
    after = options.event_id, from = from_and_where.from, where = from_and_where.where,
  }),
}
