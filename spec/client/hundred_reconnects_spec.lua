-- A server that is killed and started again a hundred times.
local child = require "spec.support.child"
local fixture = require "spec.support.fixture"
local wait = require "spec.support.wait"

describe("a hundred reconnects in a row", function()
  after_each(function()
    fixture.finish()
    child.stop()
  end)

  it("lose no event and repeat none where the server numbers them", function()
    local process = child.start "spec/support/numbering.lua 0"
    local port = process:till "port (%d+)\n"
    local source = fixture.source(("http://127.0.0.1:%d/"):format(port), {
      retryInterval = 2, minRetryInterval = 1, maxRetryInterval = 5,
    })
    local last, wrong, opens = 0, nil, 0
    source.onopen = function() opens = opens + 1 end
    source.onmessage = function(ev)
      local n = tonumber(ev.data)
      if n ~= last + 1 or ev.lastEventId ~= ev.data then wrong = wrong or ev.data end
      last = n
    end
    for round = 1, 100 do
      local seen = last
      wait.till(function() return opens == round and last > seen end, "events of round " .. round)
      process:kill "KILL"
      process:wait()
      process = child.start("spec/support/numbering.lua " .. port)
    end
    wait.till(function() return opens == 101 end, "the last connection")
    assert.is_nil(wrong)
    assert.is_true(last >= 100)
  end)
end)
