-- Functions of timers and signals run as tasks.
local core = require "sse.core"
local sse = require "sse"
local wait = require "spec.support.wait"

local function raise_signal(name) os.execute(("kill -%s $PPID"):format(name)) end

describe("a timer's function", function()
  after_each(wait.idle)

  it("may wait", function()
    local slept = false
    sse.after(0, function()
      sse.sleep(1)
      slept = true
    end)
    sse.run()
    assert.is_true(slept)
  end)

  it("runs in a coroutine that is used again", function()
    local seen = {}
    for _ = 1, 3 do
      sse.after(0, function() seen[coroutine.running()] = true end)
      sse.run()
    end
    local first = next(seen)
    assert.is_nil(next(seen, first))
  end)

  it("is not called while its last call waits", function()
    local calls, ticks, resume, timer = 0, 0, nil, nil
    timer = sse.every(1, function()
      calls = calls + 1
      if calls == 1 then sse.await(function(r) resume = r end) else timer:stop() end
    end)
    local tick <close> = sse.every(1, function()
      ticks = ticks + 1
      if ticks == 20 then resume() end
    end)
    wait.till(function() return ticks >= 10 end, "ten ticks")
    assert.equal(1, calls)
    assert.is_true(timer.active)
    wait.till(function() return not timer.active end, "the second call")
    assert.equal(2, calls)
    assert.is_true(tick.active)
  end)

  it("is called again when a stranger has closed the coroutine of the call that waits", function()
    local calls, co, timer = 0, nil, nil
    timer = sse.every(1, function()
      calls = calls + 1
      if calls == 2 then return timer:stop() end
      co = coroutine.running()
      sse.await(function() end)
    end)
    wait.till(function() return co end, "the first call")
    assert.is_true(coroutine.close(co))
    wait.till(function() return calls == 2 end, "the second call")
  end)

  it("may wait in every call", function()
    local calls, timer = 0, nil
    timer = sse.every(1, function()
      sse.sleep(0)
      calls = calls + 1
      if calls == 3 then timer:stop() end
    end)
    sse.run()
    assert.equal(3, calls)
  end)

  it("goes on where it waits when its timer is stopped", function()
    local over, timer = false, nil
    timer = sse.every(1, function()
      timer:stop()
      timer = nil
      wait.collect()
      sse.sleep(5)
      over = true
    end)
    sse.run()
    assert.is_true(over)
  end)

  it("that raises stops sse.run, with a traceback, at once and after a wait", function()
    for _, ms in ipairs { false, 1 } do
      sse.after(0, function()
        if ms then sse.sleep(ms) end
        error "out of a timer"
      end)
      local ok, message = pcall(sse.run)
      assert.is_false(ok)
      assert.matches("timer_task_spec.lua:%d+: out of a timer\nstack traceback:", message)
      assert.matches("timer_task_spec.lua:%d+: in function <", message)
    end
    local table_raised = {}
    sse.after(0, function() error(table_raised) end)
    assert.equal(table_raised, select(2, pcall(sse.run)))
  end)

  it("is called again after it raised", function()
    local calls, timer = 0, nil
    timer = sse.every(1, function()
      calls = calls + 1
      if calls == 2 then timer:stop() end
      sse.sleep(1)
      error "again"
    end)
    for _ = 1, 2 do assert.is_false((pcall(sse.run))) end
    sse.run()
    assert.equal(2, calls)
  end)

  it("of the library's own timers is a callback, which can't wait", function()
    local message
    core.timer(0, function() message = select(2, pcall(sse.sleep, 1)) end)
    sse.run()
    assert.matches("sse.sleep: a callback can't wait; do this in a task (sse.spawn)", message, 1,
      true)
  end)
end)

describe("a signal's function", function()
  after_each(wait.idle)

  it("may wait, and a signal that comes meanwhile starts it once more", function()
    local begun, ended, resume = 0, 0, nil
    local signal <close> = sse.signal("SIGUSR1", function()
      begun = begun + 1
      if begun == 1 then sse.await(function(r) resume = r end) else resume() end
      ended = ended + 1
    end)
    raise_signal "USR1"
    wait.till(function() return begun == 1 end, "the first signal")
    assert.equal(0, ended)
    raise_signal "USR1"
    wait.till(function() return ended == 2 end, "the second signal")
    assert.is_nil(signal:stop())
  end)

  it("shuts a server down, and a second signal ends that at once", function()
    local server = sse.server { port = 0 }
    server:get("/", function(_, res) res:event_stream():sleep(60000) end)
    assert(server:listen())
    local shutdowns, over = 0, 0
    local signal <close> = sse.signal("SIGTERM", function() -- luacheck: ignore 211
      shutdowns = shutdowns + 1
      server:shutdown { within = 60000 }
      over = over + 1
    end)
    local source = sse.EventSource(("http://127.0.0.1:%d/"):format(server.port), { maxRetries = 0 })
    wait.till(function() return source.readyState == source.OPEN end, "the stream")
    raise_signal "TERM"
    wait.till(function() return shutdowns == 1 end, "the first signal")
    assert.equal(0, over)
    raise_signal "TERM"
    wait.till(function() return over == 2 end, "the end of both")
    source:close()
  end)

  it("that raises stops sse.run", function()
    local signal <close> = sse.signal("SIGUSR1", function() -- luacheck: ignore 211
      sse.sleep(1)
      error "out of a signal"
    end)
    local kept <close> = sse.every(1000, print) -- luacheck: ignore 211
    sse.after(0, function() raise_signal "USR1" end)
    local ok, message = pcall(sse.run)
    assert.is_false(ok)
    assert.matches("out of a signal\nstack traceback", message, 1, true)
  end)
end)
