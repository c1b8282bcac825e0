-- An event target's listeners: the order and the changes during a dispatch, against the DOM's
-- words. What adding and removing them costs when there are many, and those who wait for something.
local abort = require "sse.abort"
local queue = require "sse.client.queue"
local random = require "spec.support.random"
local sse = require "sse"
local event_target = require "sse.shared.event_target"

local class = event_target.class {
  name = "Target", methods = {}, getters = {}, handlers = { onping = "ping" },
}

local function target() return event_target.new(class, {}) end

-- The DOM's rules as they are written (2.7, 2.9): a dispatch goes over a copy of the list, and
-- passes over the entries that were removed meanwhile.
local model = {}
model.__index = model

function model:add(fn, once)
  for _, entry in ipairs(self) do
    if entry.fn == fn then return end
  end
  self[#self + 1] = { fn = fn, once = once }
end

function model:remove(fn)
  for i, entry in ipairs(self) do
    if entry.fn == fn then
      entry.removed = true
      table.remove(self, i)
      return
    end
  end
end

function model:dispatch()
  for _, entry in ipairs(table.move(self, 1, #self, 1, {})) do
    if not entry.removed then
      if entry.once then self:remove(entry.fn) end
      entry.fn()
    end
  end
end

-- Runs a script of random acts on an object; listeners act, too. Returns which listeners were
-- called.
local function run(seed, object)
  local next_number, called, fns, depth = random.new(seed), {}, {}, 0
  local function act()
    local what, fn = next_number(6), fns[next_number(#fns)]
    if what <= 2 then
      object:add(fn, what == 1)
    elseif what <= 4 then
      object:remove(fn)
    elseif depth < 3 and #called < 500 then
      depth = depth + 1
      object:dispatch()
      depth = depth - 1
    end
  end
  for i = 1, 8 do
    fns[i] = function()
      called[#called + 1] = i
      if next_number(2) == 1 then act() end
      if next_number(2) == 1 then act() end
    end
  end
  for _ = 1, 60 do act() end
  return called
end

local function real()
  local t = target()
  return {
    add = function(_, fn, once) t:addEventListener("ping", fn, { once = once or nil }) end,
    remove = function(_, fn) t:removeEventListener("ping", fn) end,
    dispatch = function() t:dispatchEvent(sse.Event("ping")) end,
  }
end

-- How many instructions of Lua's a function takes.
local function cost_of(fn, ...)
  local count = 0
  debug.sethook(function() count = count + 1 end, "", 1)
  fn(...)
  debug.sethook()
  return count
end

local MANY = os.getenv "SSE_STRESS_GC" and 500 or 5000 -- each callback costs a collection

-- The cost of an act among `MANY` listeners, in that of the same among a few.
local function growth(prepare, act)
  local costs = {}
  for i, count in ipairs { 10, MANY } do
    local object = prepare(count)
    costs[i] = cost_of(act, object)
  end
  return costs[2] / costs[1]
end

describe("listeners", function()
  it("are called in the DOM's order, whatever is added and removed in between", function()
    for seed = 1, 300 do
      local expected = run(seed, setmetatable({}, model))
      assert.same(expected, run(seed, real()), "seed " .. seed)
    end
    sse.run()
  end)

  it("cost the same to add and to remove, however many there are", function()
    local function with(count)
      local t = target()
      for _ = 1, count do t:addEventListener("ping", function() return count end) end
      return t
    end
    local function add_and_remove(t)
      for i = 1, 20 do
        local function fn() return i end
        t:addEventListener("ping", fn)
        t.onping = fn
        t:removeEventListener("ping", fn)
        t.onping = nil
      end
    end
    assert.is_true(growth(with, add_and_remove) < 1.5)
  end)

  it("of a signal cost the same, however many signals depend on each other", function()
    local function act(signal)
      for _ = 1, 20 do
        local fn = function() return signal end
        signal:addEventListener("abort", fn)
        signal:removeEventListener("abort", fn)
        abort.on_abort(signal, fn)()
      end
    end
    assert.is_true(growth(function(count)
      local sources = {}
      for i = 1, count do sources[i] = sse.AbortController().signal end
      local signal = sse.AbortSignal.any(sources)
      signal.onabort = function() end
      return signal
    end, act) < 1.5)
    assert.is_true(growth(function(count)
      local signal = sse.AbortController().signal
      for _ = 1, count do
        abort.on_abort(signal, function() return count end)
        sse.AbortSignal.any { signal }:addEventListener("abort", function() return count end)
      end
      return signal
    end, act) < 1.5)
  end)
end)

describe("those who wait", function()
  -- Runs `act` on what `prepare` makes, in a task, with a few and with many that wait.
  local function growth_in_task(prepare, act)
    local ratio
    sse.run(function()
      ratio = growth(prepare, act)
      sse.stop()
    end)
    return ratio
  end

  it("for a task cost the same to end their wait, however many they are", function()
    local long = {}
    assert.is_true(growth_in_task(function(count)
      local task, waiting, started = sse.spawn(sse.sleep, 60000), {}, 0
      for i = 1, count do
        waiting[i] = sse.spawn(function()
          started = started + 1
          task:wait()
        end)
      end
      repeat sse.sleep(0) until started == count
      long[#long + 1] = task
      return waiting
    end, function(waiting)
      for i = 1, 10 do waiting[i]:cancel() end
    end) < 1.5)
    for _, task in ipairs(long) do task:cancel() end
    sse.run()
  end)

  it("for an item of a queue get them in turn, at the same cost however many they are", function()
    local got = {}
    assert.is_true(growth_in_task(function(count)
      local function nothing() end
      local items = queue.new(nothing, nothing, "a queue")
      local started = 0
      got = {}
      for i = 1, count do
        sse.spawn(function()
          started = started + 1
          local item = items:take()
          got[#got + 1] = { i, item }
        end)
      end
      repeat sse.sleep(0) until started == count
      return items
    end, function(items)
      for i = 1, 10 do items:put(i) end
    end) < 1.5)
    for i = 1, 10 do assert.same({ i, i }, got[i]) end
  end)
end)
