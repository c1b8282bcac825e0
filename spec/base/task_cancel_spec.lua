-- task:cancel ends a task at its wait.
local core = require "sse.core"
local origin = require "spec.support.origin"
local sse = require "sse"
local wait = require "spec.support.wait"

local nothing = function() end

-- A task that waits until it is cancelled; `sse.run` would not be kept running by it.
local function waiting(on_close)
  local begun
  local task = sse.spawn(function()
    local _ <close> = setmetatable({}, { __close = on_close or nothing })
    begun = true
    sse.await(nothing)
  end)
  wait.till(function() return begun end, "the task")
  return task
end

-- How many calls fn() makes libevent hold fewer or more events.
local function events_left(fn)
  local before = core.events()
  fn()
  return core.events() - before
end

describe("task:cancel", function()
  after_each(wait.idle)

  it("ends a task before it starts", function()
    local ran = false
    local task = sse.spawn(function() ran = true end)
    task:cancel()
    assert.same({ nil, "cancelled", "EABORTED" }, { task:wait() })
    sse.run()
    assert.is_false(ran)
    task:cancel()
  end)

  it("ends a task before it starts, also where a finalizer cancels it at its start", function()
    for _ = 1, 50 do
      local tasks = {}
      local function cancel_all()
        for _, task in ipairs(tasks) do task:cancel() end
      end
      for n = 1, 300 do tasks[n] = sse.spawn(coroutine.yield) end
      for _ = 1, 20 do setmetatable({}, { __gc = cancel_all }) end
      sse.run()
      cancel_all()
    end
  end)

  it("ends a task at its wait, and closes its variables", function()
    local closed = 0
    local task = waiting(function() closed = closed + 1 end)
    task:cancel()
    assert.equal(1, closed)
    assert.same({ n = 3, nil, "cancelled", "EABORTED" }, table.pack(task:wait()))
    task:cancel()
    assert.equal(1, closed)
  end)

  it("resumes those who wait for the task", function()
    local task, got = waiting(), nil
    local waiter = sse.spawn(function() got = table.pack(task:wait()) end)
    sse.spawn(function() task:cancel() end)
    waiter:wait()
    assert.same({ n = 3, nil, "cancelled", "EABORTED" }, got)
  end)

  it("is harmless when the task is over", function()
    local task = sse.spawn(function() return 1 end)
    sse.run()
    task:cancel()
    assert.equal(1, task:wait())
  end)

  it("stops the timer of a sleeping task", function()
    assert.equal(0, events_left(function()
      local begun
      local task = sse.spawn(function()
        begun = true
        sse.sleep(100000)
      end)
      wait.till(function() return begun end, "the task")
      task:cancel()
    end))
    sse.run()
  end)

  it("calls what sse.await's begin returned, and later calls of resume do nothing", function()
    local undone, resume, went_on = 0, nil, false
    local task = sse.spawn(function()
      sse.await(function(r)
        resume = r
        return function() undone = undone + 1 end
      end)
      went_on = true
    end)
    wait.till(function() return resume end, "the task")
    task:cancel()
    assert.is_false(resume())
    sse.run()
    assert.equal(1, undone)
    assert.is_false(went_on)
  end)

  it("does not call what an earlier sse.await's begin returned", function()
    local undone, begun = false, false
    local task = sse.spawn(function()
      sse.await(function(resume)
        core.defer(resume)
        return function() undone = true end
      end)
      begun = true
      sse.sleep(100000)
    end)
    wait.till(function() return begun end, "the second wait")
    task:cancel()
    assert.is_false(undone)
  end)

  it("aborts a request under way, and a body that is being read", function()
    local server = origin.start(function(conn, request)
      if request.target == "/body" then conn:head(200):send("part") end
    end)
    for i, target in ipairs { "/head", "/body" } do
      local reads
      local task = sse.spawn(function()
        local res = assert(sse.fetch(server:url(target)))
        reads = true
        res:text()
      end)
      wait.till(function() return #server.requests == i and (i == 1 or reads) end, target)
      task:cancel()
      wait.till(function() return server.open == 0 end, "the close of the connection")
    end
    server:stop()
  end)

  it("leaves a loop over events, and closes what it loops over", function()
    local channel, taken = sse.channel("cancelled", { history = 10 }), 0
    local task = sse.spawn(function()
      for _ in channel:events() do taken = taken + 1 end
    end)
    wait.till(function()
      if taken == 0 then channel:publish "x" end
      return taken > 0
    end, "an event")
    task:cancel()
    local before = taken
    channel:publish "y"
    wait.past(5)
    assert.equal(before, taken)
    channel:close()
  end)

  it("ends a task that runs at its next wait", function()
    local reached, after = false, false
    local task
    task = sse.spawn(function()
      task:cancel()
      reached = true
      sse.sleep(1)
      after = true
    end)
    assert.same({ nil, "cancelled", "EABORTED" }, { task:wait() })
    assert.is_true(reached)
    assert.is_false(after)
    sse.run()
    local other
    other = sse.spawn(function()
      other:cancel()
      other:cancel()
      return "no wait"
    end)
    assert.equal("no wait", other:wait())
  end)

  it("ends a task whose call caused the cancelling, at its next wait", function()
    local source = sse.AbortController()
    local task, reached
    source.signal:addEventListener("abort", function() task:cancel() end)
    task = sse.spawn(function()
      source:abort()
      reached = true
      sse.sleep(100000)
    end)
    assert.equal("cancelled", select(2, task:wait()))
    assert.is_true(reached)
  end)

  it("gives the error of a variable's closing to those who wait, or to sse.run", function()
    local task = waiting(function() error "in __close" end)
    local got
    local waiter = sse.spawn(function() got = table.pack(task:wait()) end)
    sse.spawn(function() task:cancel() end)
    waiter:wait()
    assert.matches("in __close", got[2])
    assert.equal("ECALLBACK", got[3])
    waiting(function() error "in __close" end):cancel()
    assert.matches("in __close", select(2, pcall(sse.run)))
  end)

  it("finds a task whose coroutine a stranger has closed to be over", function()
    local co
    local task = sse.spawn(function()
      co = coroutine.running()
      sse.await(nothing)
    end)
    wait.till(function() return co end, "the task")
    coroutine.close(co)
    assert.equal("cancelled", select(2, task:wait()))
    task:cancel()
  end)

  it("can be called in the closing of the task itself, and of a task that waits for it", function()
    local task
    task = waiting(function() task:cancel() end)
    local waiter = sse.spawn(function() task:wait() end)
    waiter:cancel()
    task:cancel()
    assert.equal("cancelled", select(2, task:wait()))
  end)
end)
