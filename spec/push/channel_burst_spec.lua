-- A program publishes more in each turn than a follower is sent in one, and the client reads
-- everything it is sent: its stream must not count as slow.
local core = require "sse.core"
local following = require "spec.support.following"

-- Under stress each event costs a collection: fewer and larger events.
local SCALE = os.getenv "SSE_STRESS_GC" and 20 or 1
local EVENTS = 500 // SCALE -- in a turn

describe("a channel whose program publishes a megabyte a turn", function()
  after_each(following.stop)

  for _, slow in ipairs { "close", "skip" } do
    it(("brings all of it to a client that reads, policy %s"):format(slow), function()
      local news, streams = following.serve { history = 100000, slow = slow }
      local client = following.open()
      following.followers(news, 1)
      local data = ("x"):rep(2000 * SCALE)
      local _tick <close> = core.every(1, function() end)
      for _ = 1, 40 do
        for _ = 1, EVENTS do news:publish(data) end
        core.turn()
        client:take()
      end
      news:publish "end"
      client:till_data "end"
      assert.equal(40 * EVENTS + 1, #client.events)
      assert.equal(0, news:stats().gaps.slow)
      assert.same({}, { slow = streams.slow })
    end)
  end
end)
