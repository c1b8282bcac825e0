--- Many events through a channel of 1,000: whether the file stays small, and what the store is
-- asked takes no longer. Prints a line for each tenth.
-- usage: lua many.lua BUILD-FOLDER FILE EVENTS
local build, path, events = arg[1], arg[2], tonumber(arg[3])
package.cpath = ("%s/?.so;%s"):format(build, package.cpath)
local clock = require "clock"
local sse = require "sse"
local window = require "sse.store.window"

local TASKS, STEPS, TIMES = 64, 10, 50
local data = ("x"):rep(250)

local function size(file)
  local handle <close> = io.open(file)
  return handle and handle:seek "end" / 1024 or 0
end

-- Milliseconds of a call that is answered later, the median of TIMES.
local function time(ask)
  local times = {}
  for i = 1, TIMES do
    local began = clock.clock()
    sse.await(ask)
    times[i] = (clock.clock() - began) * 1e3
  end
  table.sort(times)
  return times[TIMES // 2]
end

-- What a publish takes that is alone: of an event with an own id and a dedupe, or one held already.
local function time_publish(one, step, is_repeated)
  local times = {}
  for i = 1, TIMES do
    local name = is_repeated and "held" or ("own %d %d"):format(step, i)
    local began = clock.clock()
    assert(one:publish { data = data, id = name, dedupe = name })
    times[i] = (clock.clock() - began) * 1e3
  end
  table.sort(times)
  return times[TIMES // 2]
end

-- Publishes from all tasks; each tenth event has an own id and a dedupe. Returns seconds, and
-- seconds of CPU.
local function publish(one, from, to)
  local n, tasks = from - 1, {}
  local began, cpu = clock.clock(), os.clock()
  for i = 1, TASKS do
    tasks[i] = sse.spawn(function()
      while n < to do
        n = n + 1
        local own = n % 10 == 0 and ("event %d"):format(n) or nil
        assert(one:publish { data = data, id = own, dedupe = own })
      end
    end)
  end
  for _, task in ipairs(tasks) do task:wait() end
  return clock.clock() - began, os.clock() - cpu
end

sse.run(function()
  local store = sse.sqlite(path)
  local one = sse.channel("many", { store = store, history = 1000 })
  local log = window.of(one).log
  print(("%10s %9s %6s %9s %9s  %8s %8s %8s %8s %8s"):format("events", "a second", "us", "file KiB",
    "wal KiB", "own id", "repeated", "look", "by id", "a page"))
  for step = 1, STEPS do
    local from, to = (step - 1) * events // STEPS + 1, step * events // STEPS
    local took, cpu = publish(one, from, to)
    local count = to - from + 1
    local own = time_publish(one, step)
    local held = time_publish(one, step, true)
    local look = time(function(done) log:read(0, 0, done) end)
    local by_id = time(function(done) log:read(("own %d 1"):format(step), 0, done) end)
    local page = time(function(done) log:read(0, 256, done) end)
    print(("%10d %9.0f %6.2f %9.0f %9.0f  %8.3f %8.3f %8.3f %8.3f %8.3f"):format(to, count / took,
      cpu * 1e6 / count, size(path), size(path .. "-wal"), own, held, look, by_id, page))
    io.stdout:flush()
  end
  store:close()
end)
os.exit(0)
