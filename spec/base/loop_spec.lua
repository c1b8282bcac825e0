require "sse.task" -- core.after and core.every run tasks
local core = require "sse.core"
local wait = require "spec.support.wait"

describe("the loop", function()
  it("calls a timer once, and a repeating one until it is stopped", function()
    local once, often, timer = 0, 0, nil
    core.after(1, function() once = once + 1 end)
    timer = core.every(1, function()
      often = often + 1
      if often == 3 then timer:stop() end
    end)
    core.run()
    assert.are.equal(1, once)
    assert.are.equal(3, often)
    assert.is_false(timer.active)
  end)

  it("runs until nothing keeps it", function()
    assert.has_no.errors(core.run)
    assert.is_false(core.turn())
  end)

  it("raises what a callback raised, and can be run again", function()
    core.after(0, function() error("out of a timer") end)
    local ok, message = pcall(core.run)
    assert.is_false(ok)
    assert.matches("out of a timer", message)
    assert.matches("stack traceback", message)
    local ran = false
    core.after(0, function() ran = true end)
    core.run()
    assert.is_true(ran)
  end)

  it("refuses to be run within its own callback", function()
    local message
    core.after(0, function() message = select(2, pcall(core.run)) end)
    core.run()
    assert.matches("already running", message)
  end)

  it("stops at the end of the callback at hand", function()
    local after_stop = false
    local timer = core.every(1, function() core.stop() end)
    core.run()
    timer:stop()
    core.after(0, function() after_stop = true end)
    core.run()
    assert.is_true(after_stop)
  end)

  it("defers a call to the turn's end, and what that call defers to the next turn", function()
    local order, turn, turns = {}, 0, {}
    local function note(name)
      order[#order + 1] = name
      turns[name] = turn
    end
    core.defer(function()
      note "first"
      core.defer(function() note "third" end)
    end)
    core.defer(function() note "second" end)
    while #order < 3 and turn < 100 do -- a busy machine may put calls off
      turn = turn + 1
      core.turn()
    end
    assert.are.same({ "first", "second", "third" }, order)
    assert.is_true(turns.third > turns.first)
  end)

  it("refuses a callback that is no function", function()
    for _, name in ipairs { "after", "every" } do
      assert.is_false((pcall(core[name], 1, "text")))
    end
    assert.is_false((pcall(core.signal, "SIGUSR1")))
    assert.is_false(core.turn(), "a timer was left")
  end)

  it("names an unknown signal", function()
    assert.has_error(function() core.signal("SIGNONE", function() end) end)
  end)

  it("keeps an active timer though nobody refers to it", function()
    local fired = false
    core.after(5, function() fired = true end)
    wait.collect()
    wait.until_true(function() return fired end, 1000, "the timer")
  end)
end)
