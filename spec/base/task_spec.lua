-- Tasks use the coroutines of tasks that have ended, whatever others did with those coroutines.
local core = require "sse.core"
local sse = require "sse"
local wait = require "spec.support.wait"

-- Runs fn as a task until it waits or ends; returns its coroutine.
local function start(fn)
  local co
  sse.spawn(function()
    co = coroutine.running()
    fn()
  end)
  wait.till(function() return co end, "the task")
  return co
end

local function nothing() end

-- Checks that the next tasks run, each once.
local function undisturbed()
  local ran = {}
  for n = 1, 3 do
    sse.spawn(function()
      sse.sleep(1)
      ran[#ran + 1] = n
    end)
  end
  core.run()
  table.sort(ran)
  assert.same({ 1, 2, 3 }, ran)
end

describe("a task", function()
  after_each(wait.idle)

  it("that is over is resumed by a stranger", function()
    local co = start(nothing)
    assert.is_false(coroutine.resume(co))
    assert.is_false(coroutine.resume(co, print))
    undisturbed()
  end)

  it("that is over is closed by a stranger", function()
    assert.is_true(coroutine.close(start(nothing)))
    undisturbed()
  end)

  it("that waits is closed by a stranger, and is over", function()
    local closed, went_on = false, false
    local co = start(function()
      local _ <close> = setmetatable({}, { __close = function() closed = true end })
      sse.sleep(1)
      went_on = true
    end)
    assert.is_true(coroutine.close(co))
    assert.is_true(closed)
    core.run()
    assert.is_false(went_on)
    undisturbed()
  end)

  it("that waits is resumed by a stranger, and waits on", function()
    local slept = false
    local co = start(function()
      sse.sleep(30)
      slept = true
    end)
    assert.is_true(coroutine.resume(co, "nobody's answer"))
    assert.is_false(slept)
    core.run()
    assert.is_true(slept)
  end)

  it("leaves its debug hook to no other task", function()
    local count = 0
    start(function() debug.sethook(function() count = count + 1 end, "", 1) end)
    local before = count
    assert.is_true(before > 0)
    undisturbed()
    assert.equal(before, count)
  end)

  it("that can't be resumed any deeper fails, with that error alone", function()
    local resumes = {}
    for n = 1, 300 do
      sse.spawn(function()
        sse.await(function(resume) resumes[n] = resume end)
        if resumes[n + 1] then resumes[n + 1]() end
      end)
    end
    sse.spawn(function() resumes[1]() end)
    local ok, err = pcall(sse.run)
    assert.is_false(ok)
    assert.matches("^C stack overflow\nstack traceback:", err)
    assert.is_nil(err:find("while it was closed", 1, true))
  end)

  it("that failed can't wait while it is closed, and fails once", function()
    sse.spawn(function()
      local _ <close> = setmetatable({}, { __close = function() sse.sleep(1) end })
      error "the first"
    end)
    local ok, message = pcall(core.run)
    assert.is_false(ok)
    assert.matches("the first", message, 1, true)
    assert.matches("sse.sleep: a callback can't wait", message, 1, true)
    core.run()
    undisturbed()
  end)

  it("may wait while it is closed at its end", function()
    local over = false
    sse.spawn(function()
      local _ <close> = setmetatable({}, { __close = function()
        sse.sleep(1)
        over = true
      end })
    end)
    core.run()
    assert.is_true(over)
  end)

  it("may fail with a table, which is raised as it is", function()
    local what = {}
    sse.spawn(function() error(what) end)
    local ok, err = pcall(core.run)
    assert.is_false(ok)
    assert.equal(what, err)
  end)

  it("has its error told to a function, or to a table that has __failed", function()
    local told
    local owner = setmetatable({}, { __failed = function(...) told = { ... } end })
    core.start_task(owner, error, "broken", 0)
    assert.equal(owner, told[1])
    assert.matches("^broken\nstack traceback", told[2])
    local timer = core.timer(1000, print)
    for _, on_error in ipairs { timer, "x", true } do
      assert.is_false(pcall(core.start_task, on_error, print))
    end
    timer:stop()
  end)
end)
