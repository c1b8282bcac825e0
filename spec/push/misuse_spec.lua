-- Misuse of an event stream raises an error that blames the caller's line.
local misuse = require "spec.support.misuse"
local serving = require "spec.support.serving"
local sse = require "sse"

local blames, handle = misuse.blames, misuse.handle

describe("misuse of an event stream", function()
  after_each(serving.stop)

  it("of its options and of follow is told in its words", function()
    handle(function(_, res)
      local fields = {}
      for i = 1, 93 do fields["X-" .. i] = i end
      for message, given in pairs {
        ["the headers can't have a Content-Type"] = {
          headers = { A = 1, ["content-type"] = "a/b" },
        },
        ["too many headers: 93, at most 92"] = { headers = fields },
        ["option 'retry' must be a number from 0 to"] = { retry = 1e16 },
        ["option 'heartbeat' must be a number from 1 to"] = { heartbeat = 1e16 },
        ["option 'max_pending' must be a whole number from 1 to"] = { max_pending = 1e16 },
      } do
        blames(message, function() res:event_stream(given) end)
      end
      local most = 2 ^ 50
      local stream = res:event_stream { retry = 5, heartbeat = most, max_pending = most }
      blames("stream:follow: argument 1 must be a channel, got userdata",
        function() stream:follow(stream) end)
      blames("stream:unfollow: expected a channel, got userdata",
        function() stream:unfollow(stream) end)
      blames('stream:unfollow: expected a channel, got string "x"',
        function() stream:unfollow "x" end)
      local channel = sse.channel("followed twice")
      stream:follow(channel)
      blames("stream:follow: it follows channel 'followed twice' already",
        function() stream:follow(channel) end)
      channel:close()
      stream:close()
    end)
  end)
end)
