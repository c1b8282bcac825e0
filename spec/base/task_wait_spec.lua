-- task:wait: the end of a task that sse.spawn started; and where nobody can wait.
local core = require "sse.core"
local sse = require "sse"
local wait = require "spec.support.wait"

local nothing = function() end

describe("task:wait", function()
  after_each(wait.idle)

  it("gives the values of the function: outside of tasks, in one, and when it is over", function()
    local task = sse.spawn(function(...)
      sse.sleep(1)
      return ...
    end, 1, nil, "x", nil)
    local first = table.pack(task:wait())
    assert.same({ n = 4, 1, nil, "x", nil }, first)
    assert.same(first, table.pack(task:wait()))
    local inside
    sse.spawn(function()
      inside = table.pack(task:wait())
      local none, one = sse.spawn(nothing), sse.spawn(function() return "one" end)
      assert.equal(0, select("#", none:wait()))
      assert.same({ n = 1, "one" }, table.pack(one:wait()))
      inside.over = true
    end)
    sse.run()
    assert.same({ n = 4, over = true, 1, nil, "x", nil }, inside)
  end)

  it("gives the values at once in a callback where the task is over", function()
    local task, value = sse.spawn(function() return 5 end), nil
    task:wait()
    core.defer(function() value = task:wait() end)
    sse.run()
    assert.equal(5, value)
  end)

  it("may be called by several", function()
    local resume
    local task, got = sse.spawn(function() return sse.await(function(r) resume = r end) end), {}
    for i = 1, 3 do sse.spawn(function() got[i] = task:wait() end) end
    wait.till(function() return resume end, "the task")
    sse.after(1, function() resume "value" end)
    assert.equal("value", task:wait())
    sse.run()
    assert.same({ "value", "value", "value" }, got)
  end)

  it("follows a long row of tasks, each waiting for the one before", function()
    local last = sse.spawn(function() sse.sleep(1) return 0 end)
    for _ = 1, 300 do -- more than calls can be nested in C
      local before = last
      last = sse.spawn(function() return before:wait() + 1 end)
    end
    assert.equal(300, last:wait())
  end)

  it("raises in the task itself", function()
    local task, message
    task = sse.spawn(function() message = select(2, pcall(task.wait, task)) end)
    sse.run()
    assert.equal("task:wait: a task can't wait for its own end", (message:gsub("^.-:%d+: ", "")))
  end)

  it("gives the error of the task, which then does not stop sse.run", function()
    local task = sse.spawn(function()
      sse.sleep(1)
      error "out of a task"
    end)
    local ok, message, code = task:wait()
    assert.is_nil(ok)
    assert.matches("task_wait_spec.lua:%d+: out of a task\nstack traceback", message)
    assert.equal("ECALLBACK", code)
    assert.same({ ok, message, code }, { task:wait() })
    local what, got = {}, nil
    sse.spawn(function()
      got = table.pack(sse.spawn(function() error(what) end):wait())
    end)
    sse.run()
    assert.equal(what, got[2])
    assert.same({ n = 3, nil, what, "ECALLBACK" }, got)
  end)

  it("gives an error that stopped sse.run since nobody waited", function()
    local task = sse.spawn(function() error "alone" end)
    assert.matches("alone", select(2, pcall(sse.run)))
    assert.matches("alone", select(2, task:wait()))
    sse.run()
  end)

  it("counts no waiter that was cancelled", function()
    local resume
    local task = sse.spawn(function()
      sse.await(function(r) resume = r end)
      error "nobody waits"
    end)
    local waiter = sse.spawn(function() task:wait() end)
    wait.till(function() return resume end, "the task")
    waiter:cancel()
    core.defer(resume)
    assert.matches("nobody waits", select(2, pcall(sse.run)))
  end)

  it("says so outside of tasks where nothing is left that could end the task", function()
    local task = sse.spawn(function() sse.await(nothing) end)
    local ok, message = pcall(task.wait, task)
    assert.is_false(ok)
    assert.matches("task:wait: nothing is left that could end this wait", message, 1, true)
    task:cancel()
  end)

  it("raises in a callback that can't wait", function()
    local task, message = sse.spawn(function() sse.sleep(5) end), nil
    core.timer(0, function() message = select(2, pcall(task.wait, task)) end)
    sse.run()
    assert.matches("task:wait: a callback can't wait; do this in a task (sse.spawn)", message, 1,
      true)
  end)

  it("keeps nothing of a task that was dropped", function()
    local weak = setmetatable({}, { __mode = "v" })
    weak.task = sse.spawn(function() weak.value = {} return weak.value end)
    sse.run()
    wait.collect()
    assert.is_nil(weak.task)
    assert.is_nil(weak.value)
  end)
end)

describe("a coroutine of the program's own", function()
  after_each(wait.idle)

  it("is told that it can't wait while the loop runs", function()
    local messages = {}
    sse.spawn(function()
      for _, call in ipairs { function() sse.sleep(1) end, function() sse.await(nothing) end,
        function() sse.fetch "http://127.0.0.1:9/" end, function() sse.spawn(nothing):wait() end,
      } do
        local _, message = coroutine.resume(coroutine.create(call))
        messages[#messages + 1] = message
      end
    end)
    sse.run()
    for i, name in ipairs { "sse.sleep", "sse.await", "sse.fetch", "task:wait" } do
      local told = name .. ": a coroutine of your own can't wait while the loop runs; make it a "
        .. "task (sse.spawn) [docs/errors.md#waiting]"
      assert.matches("task_wait_spec.lua:%d+: ", messages[i])
      assert.equal(told, (messages[i]:gsub("^.-:%d+: ", "")))
    end
  end)

  it("may wait while the loop does not run, and callbacks in it are callbacks", function()
    local message
    local co = coroutine.wrap(function()
      core.timer(1, function() message = select(2, pcall(sse.sleep, 1)) end, true)
      sse.sleep(5)
      return "slept"
    end)
    assert.equal("slept", co())
    assert.matches("a callback can't wait", message)
  end)
end)
