--- One measurement of bench/store.lua, in a process of its own; prints numbers.
-- usage: lua run.lua BUILD-FOLDER WHAT FILE ...     FILE "": a channel without a store
local build, what, path = arg[1], arg[2], arg[3]
package.cpath = ("%s/?.so;%s"):format(build, package.cpath)
local clock = require "clock"
local sse = require "sse"

local data = ("x"):rep(250) -- 256 bytes as an event
local bounds = { history = 1000000, history_bytes = 1 << 40, max_lag = 1 << 40 }

local function open(sync)
  return path ~= "" and sse.sqlite(path, { sync = sync }) or nil
end

local function channel(store)
  return sse.channel("bench", { store = store, history = store and bounds.history or 1000,
    history_bytes = bounds.history_bytes })
end

local runs = {}

-- Publishes from many tasks for some seconds; prints publishes a second, microseconds of CPU of
-- both threads a publish, and publishes a commit.
function runs.publish(sync, tasks, seconds)
  local store = open(sync)
  local one, count, is_over = channel(store), 0, false
  assert(one:publish(data))
  local before = store:stats()
  local began, cpu = clock.clock(), os.clock()
  local running = {}
  for i = 1, tonumber(tasks) do
    running[i] = sse.spawn(function()
      while not is_over do
        assert(one:publish { data = data })
        count = count + 1
      end
    end)
  end
  sse.sleep(tonumber(seconds) * 1000)
  is_over = true
  for _, each in ipairs(running) do each:wait() end
  local took, stats = clock.clock() - began, store:stats()
  print(count / took, (os.clock() - cpu) * 1e6 / count,
    (stats.appends - before.appends) / (stats.commits - before.commits))
end

local function print_times(times)
  table.sort(times)
  print(times[(#times + 1) // 2] * 1e3, times[math.ceil(#times * 0.99)] * 1e3, #times)
end

-- Follows, and prints by how many milliseconds each event came late: p50, p99. Calls on_first()
-- when the first event has come, which has no time.
local function follow(one, count, on_first)
  local times = {}
  for event in one:events { from = "oldest" } do
    local sent = tonumber(event.data:match "^%S+")
    if sent then times[#times + 1] = clock.clock() - sent else on_first() end
    if #times == count then break end
  end
  print_times(times)
end

-- Publishes 1,000 times a second. What does not fit in is made up for, so that a machine that is
-- busy elsewhere changes the times and not the count.
local function publish_steadily(one, count)
  local began, sent, tasks = clock.clock(), 0, {}
  while sent < count do
    local due = math.min(count, (clock.clock() - began) * 1000)
    for _ = sent + 1, due do
      sent = sent + 1
      tasks[sent] = sse.spawn(function()
        assert(one:publish(("%.6f %s"):format(clock.clock(), data)))
      end)
    end
    sse.sleep(1)
  end
  for _, task in ipairs(tasks) do task:wait() end
end

function runs.both(count)
  local one = channel(open "normal")
  local follower = sse.spawn(follow, one, tonumber(count), function()
    sse.spawn(publish_steadily, one, tonumber(count))
  end)
  sse.spawn(function() assert(one:publish "first") end)
  follower:wait()
end

-- Two processes: the first begins when the second says that it follows.
function runs.follower(count)
  local one = channel(open "normal")
  local follower = sse.spawn(follow, one, tonumber(count), function()
    print "follows"
    io.stdout:flush()
  end)
  sse.spawn(function() assert(one:publish "first") end)
  local keeps = sse.every(1000, function() end) -- a follower alone does not keep the loop
  follower:wait()
  keeps:stop()
end

function runs.publisher(count)
  local one = channel(open "normal")
  sse.spawn(publish_steadily, one, tonumber(count)):wait()
end

-- Publishes from 64 tasks on a slow disk, or a real one, and watches the loop by a timer of 1 ms;
-- prints the loop's longest turn in milliseconds of its thread's CPU and of the clock, the
-- checkpoints, and the most pages of the write-ahead log.
function runs.turns(write_us, sync_us, seconds)
  if write_us ~= "0" then require("spec.disk").slow(tonumber(write_us), tonumber(sync_us)) end
  local store = open "normal"
  local one, is_over, pages = channel(store), false, 0
  local longest, wall, cpu, now = 0, 0, nil, nil
  for _ = 1, 64 do
    sse.spawn(function()
      while not is_over do assert(one:publish { data = data }) end
    end)
  end
  sse.sleep(200)
  local timer = sse.every(1, function()
    local new_cpu, new_now = clock.cpu(), clock.clock()
    if cpu then longest, wall = math.max(longest, new_cpu - cpu), math.max(wall, new_now - now) end
    cpu, now = new_cpu, new_now
    pages = math.max(pages, store:stats().wal_pages or 0)
  end)
  sse.sleep(tonumber(seconds) * 1000)
  timer:stop()
  is_over = true
  print(longest * 1e3, wall * 1e3, store:stats().checkpoints, pages)
end

-- Prints how many bytes each of `count` idle followers has.
function runs.memory(count)
  local trim = require "trim"
  local one = channel(open "normal")
  local server = sse.server { port = 0, max_connections = 16000 }
  server:get("/", function(_, res) res:event_stream():follow(one) end)
  assert(server:listen())
  local function in_use()
    collectgarbage()
    collectgarbage()
    trim()
    local file <close> = assert(io.open "/proc/self/smaps_rollup")
    return tonumber(file:read "a":match "Private_Dirty:%s*(%d+)") * 1024
  end
  local function follow_by(n)
    local had = one.followers
    local pipe = assert(io.popen(("%s/crowd %d %d /"):format(build, server.port, n), "w"))
    repeat sse.sleep(10) until one.followers == had + n
    sse.sleep(200)
    return pipe
  end
  assert(sse.spawn(function() return one:publish "x" end):wait())
  local first = follow_by(100)
  local before = in_use()
  local second = follow_by(tonumber(count))
  print((in_use() - before) / tonumber(count))
  first:close()
  second:close()
  os.exit(0)
end

-- A follower ends within its task; the store's thread ends with the process.
runs[what](table.unpack(arg, 4))
os.exit(0)
