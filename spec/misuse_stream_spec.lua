-- Misuse of an event stream raises in the name of the line that made it.
local serving = require "spec.support.serving"

-- fn raises the message, at a line of this file.
local function blames(message, fn)
  local ok, err = pcall(fn)
  assert.is_false(ok)
  local told = tostring(err):match("^[^\n]*misuse_stream_spec%.lua:%d+: (.*)$")
  assert.truthy(told, tostring(err))
  assert.truthy(told:find(message, 1, true), told)
end

-- Runs fn(req, res) as a handler that answers, and raises what it raised.
local function handle(fn)
  serving.start(function(server) server:get("/", fn) end)
  local answer = serving.request("GET /")
  if serving.errors[1] then error(serving.errors[1].message, 0) end
  return answer
end

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
        ["option 'keep_alive' must be a number from 1 to"] = { keep_alive = 1e16 },
        ["option 'max_pending' must be a whole number from 1 to"] = { max_pending = 1e16 },
      } do
        blames(message, function() res:event_stream(given) end)
      end
      local most = 2 ^ 50
      local stream = res:event_stream { retry = 5, keep_alive = most, max_pending = most }
      blames("stream:follow: argument 1 must be a channel, got userdata",
        function() stream:follow(stream) end)
      blames("stream:unfollow: expected a channel, got userdata",
        function() stream:unfollow(stream) end)
      blames('stream:unfollow: expected a channel, got string "x"',
        function() stream:unfollow "x" end)
      stream:close()
    end)
  end)
end)
