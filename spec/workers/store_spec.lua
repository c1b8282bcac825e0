-- sse.workers over a store: what `make chaos-workers` does for a minute, in short.
local net = require "spec.support.net"
local newsroom = require "spec.support.newsroom"

describe("workers on one file", function()
  after_each(newsroom.stop)

  it("have one order, and lose nothing when one is killed or all are replaced", function()
    local got = newsroom.run {
      seconds = 3, rate = net.stress and 50 or 400, steady = 4, restless = 4, kills = 2,
      reloads = 2,
    }
    assert.same({}, got.faults)
    assert.is_true(got.resumes > 0)
  end)
end)
