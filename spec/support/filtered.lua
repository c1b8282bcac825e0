local following = require "spec.support.following"

--- Serves a channel whose followers have a where function, which is called with (event, state).
-- Returns the channel and the state: `calls` of the function, `channel`, the `stream` and the
-- `reason` of its end.
return function(where, options)
  local channel, stream
  channel = following.channel(options)
  local state = { calls = 0, channel = channel }
  following.handle(function(_, res)
    stream = res:event_stream()
    state.stream = stream
    stream.on_close = function(reason) state.reason = reason end
    stream:follow(channel, { from = "oldest", where = function(event)
      state.calls = state.calls + 1
      return where(event, state)
    end })
  end)
  return channel, state
end

