--- The options of what follows a channel, `stream:follow` and `channel:events`: the rules by which
-- sse.shared.options checks them.
-- @module sse.server.follow_options
return {
  from = {
    expected = "\"newest\", \"oldest\" or a whole number of at least 0",
    check = function(v)
      return v == "newest" or v == "oldest" or math.type(v) == "integer" and v >= 0
    end,
  },
  where = "function",
}
