-- What is called in a turn of the loop ends after a slice, and goes on in the next turn.
require "sse.task" -- core.after and core.every run tasks
local core = require "sse.core"
local turns = require "spec.support.turns"
local wait = require "spec.support.wait"

describe("a turn", function()
  before_each(turns.begin)
  after_each(turns.finish)

  local function pump(list, count)
    wait.till(function() return #list == count end, count .. " calls")
  end

  it("leaves deferred calls to the next one, in their order", function()
    local order, seen = {}, {}
    for i = 1, 4 do
      local call = turns.noted(seen)
      core.defer(function()
        call()
        order[#order + 1] = i
        if i == 1 then core.defer(function() order[#order + 1] = "last" end) end
      end)
    end
    pump(order, 5)
    turns.check(seen, 4)
    assert.same({ 1, 2, 3, 4, "last" }, order)
  end)

  it("calls a timer between deferred calls", function()
    local seen, fired = {}, nil
    for _ = 1, 6 do core.defer(turns.noted(seen)) end
    core.after(1, function() fired = #seen end)
    pump(seen, 6)
    assert.truthy(fired and fired < 6, "the timer waited for all deferred calls")
  end)

  it("leaves timers that are due at one time to the next one, in their order", function()
    local seen, order = {}, {}
    for i = 1, 4 do
      local call = turns.noted(seen)
      core.after(5, function()
        call()
        order[#order + 1] = i
      end)
    end
    turns.spin()
    turns.spin()
    pump(order, 4)
    turns.check(seen, 4)
    table.sort(order)
    assert.same({ 1, 2, 3, 4 }, order)
  end)

  it("serves deferred calls between timers", function()
    local seen, deferred = {}, nil
    for i = 1, 4 do
      local call = turns.noted(seen)
      core.after(5, function()
        call()
        if i == 1 then core.defer(function() deferred = #seen end) end
      end)
    end
    turns.spin()
    turns.spin()
    pump(seen, 4)
    wait.till(function() return deferred end)
    assert.truthy(deferred < 4, "the deferred call waited for all timers")
  end)

  it("stops where a call stops the loop, and goes on with the next call", function()
    local order = {}
    core.defer(function()
      order[#order + 1] = 1
      turns.spin()
      core.stop()
    end)
    core.defer(function() order[#order + 1] = 2 end)
    core.run()
    assert.same({ 1 }, order)
    core.run()
    assert.same({ 1, 2 }, order)
  end)
end)
