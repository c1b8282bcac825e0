--- Waits, listeners and the metrics: what one costs when there are many.
local core = require "sse.core"
local sse = require "sse"

-- How long sse.sleep(1) takes, in milliseconds.
local function sleep_time(_, tools)
  return tools.task(function()
    local began, count = core.now(), 300
    for _ = 1, count do sse.sleep(1) end
    return (core.now() - began) / count
  end)
end

-- `count` tasks that sleep again and again: microseconds of CPU a sleep.
local function sleep_cost(count, tools)
  local rounds = math.max(5, 2000 // count)
  return tools.task(function()
    local tasks, began = {}, os.clock()
    for i = 1, count do
      tasks[i] = sse.spawn(function()
        for _ = 1, rounds do sse.sleep(1) end
      end)
    end
    for _, task in ipairs(tasks) do task:wait() end
    return (os.clock() - began) * 1e6 / count / rounds
  end)
end

local function new_function(i)
  return function() return i end
end

-- Adds a listener to a signal that has `count`, and removes it.
local function listener(count, tools)
  local signal = sse.AbortController().signal
  for i = 1, count do signal:addEventListener("abort", new_function(i)) end
  local fn = new_function(0)
  return tools.cpu_each(math.max(1000, 200000 // count), function()
    signal:addEventListener("abort", fn)
    signal:removeEventListener("abort", fn)
  end)
end

-- The same of a signal that depends on `count` others.
local function dependent(count, tools)
  local sources = {}
  for i = 1, count do sources[i] = sse.AbortController().signal end
  local signal, fn = sse.AbortSignal.any(sources), new_function(0)
  signal.onabort = new_function(1)
  return tools.cpu_each(math.max(1000, 200000 // count), function()
    signal:addEventListener("abort", fn)
    signal:removeEventListener("abort", fn)
  end)
end

-- `count` tasks wait for the end of another one, and each is cancelled.
local function cancel(count, tools)
  return tools.task(function()
    local long, waiting = sse.spawn(sse.sleep, 3600000), {}
    for i = 1, count do waiting[i] = sse.spawn(long.wait, long) end
    sse.sleep(1)
    local began = os.clock()
    for _, task in ipairs(waiting) do task:cancel() end
    local took = (os.clock() - began) * 1e6 / count
    long:cancel()
    return took
  end)
end

local function server_with_channels(count)
  local list = {}
  for i = 1, count do
    list[i] = sse.channel("room/number-" .. i)
    for _ = 1, 3 do list[i]:publish "x" end
  end
  return sse.server { port = 0 }, list
end

local function metrics(count, tools)
  local server, channels = server_with_channels(count)
  local took = tools.cpu_each(math.max(3, 1000 // count), function() server:metrics() end)
  return took / #channels
end

-- The longest turn while a client is sent the metrics of `count` channels.
local function metrics_turn(count, tools)
  local server, channels = server_with_channels(count)
  local done = 0
  server:get("/", function(_, res)
    if not pcall(server.metrics, server, { to = res }) then res:reply(200, server:metrics()) end
    done = done + 1
  end)
  assert(server:listen())
  return tools.task(function()
    local client = tools.crowd(server.port, 1, "/")
    tools.wait_until(function() return done > 0 end)
    client:say "cut"
    local probe = tools.probe()
    client:say("return", "x")
    tools.wait_until(function() return done > 1 end)
    local longest = probe:stop()
    client:close()
    return longest, channels
  end)
end

return {
  {
    name = "sleep", what = "sse.sleep(1): how long it takes", unit = "ms", sizes = { 1 },
    before = { 4.05 }, most = 1.2, run = sleep_time, node = "costs.mjs",
  },
  {
    name = "sleeps", what = "n tasks that sleep(1): CPU", unit = "us a sleep",
    sizes = { 1, 100, 10000 }, before = { 78.6, 4.7, 5.1 }, run = sleep_cost, node = "costs.mjs",
  },
  {
    name = "listener", what = "adds a listener beside n, and removes it", unit = "us",
    sizes = { 1, 100, 10000 }, before = { 1.9, 16.8, 1318 }, growth_most = 3, run = listener,
    node = "costs.mjs",
  },
  {
    name = "dependent", what = "the same of an AbortSignal.any of n", unit = "us",
    sizes = { 1, 100, 10000 }, before = { 2.4, 17.8, 2072 }, growth_most = 3, run = dependent,
  },
  {
    name = "cancel", what = "n tasks wait for one: cancels one of them", unit = "us",
    sizes = { 10, 1000, 10000 }, before = { 3.3, 9.4, 86 }, growth_most = 3, run = cancel,
  },
  {
    name = "metrics", what = "server:metrics", unit = "us a channel", sizes = { 100, 1000, 4000 },
    before = { 136, 198, 256 }, growth_most = 2, most = 20, run = metrics,
  },
  {
    name = "metrics_turn", what = "sends them: the longest turn", unit = "ms",
    sizes = { 100, 1000, 4000 }, before = { 10.2, 228, 826 }, most = 10, run = metrics_turn,
  },
}
