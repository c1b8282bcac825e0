--- What a channel in Redis costs: publishes a second beside redis-benchmark's XADD and PUBLISH on
-- the same server, 256 bytes each; publish to receipt with many followers, beside a channel without
-- a store, and nchan with Redis. All of a row take turns in each round, and medians are printed:
-- ratios hold on a busy machine, numbers don't. All run on this machine.
--
-- ROWS=publish,latency chooses parts; ROUNDS=3; SECONDS=2 of each measurement; FOLLOWERS=10000.
-- usage: lua redis.lua BUILD-FOLDER
local build = assert(arg[1], "usage: lua redis.lua BUILD-FOLDER")
local lua = arg[-1]
local median = require "bench.median"
local peer = require "bench.redis.peer"
local run = require "bench.server_run"
local servers = require "bench.servers"
local table_of = require "bench.server_table"

local ROUNDS = tonumber(os.getenv "ROUNDS") or 3
local SECONDS = tonumber(os.getenv "SECONDS") or 2
local FOLLOWERS = tonumber(os.getenv "FOLLOWERS") or 10000
local ROWS = os.getenv "ROWS" or "publish,latency"
local BYTES = 256

local why = peer.left_out()
if why then
  print(("bench-redis is left out: %s"):format(why))
  return
end
local redis <close> = peer.start(build)

local parts = {}

-- --- publishes a second --------------------------------------------------------------------------

-- Runs publishers side by side; returns publishes a second, us of a publish: theirs and Redis's;
-- commands, bytes sent and received, events a run, commands that Redis ran.
local function publish(processes, tasks, channels)
  local pipes, sums = {}, { 0, 0, 0, 0, 0, 0, 0 }
  redis:cli "FLUSHALL"
  local cpu, commands = redis:used()
  for i = 1, processes do
    pipes[i] = assert(io.popen(("%s bench/redis/publish.lua %s %s %d %d %g"):format(lua, build,
      redis.url, tasks, channels, SECONDS)))
  end
  for _, pipe in ipairs(pipes) do
    for i = 1, #sums do sums[i] = sums[i] + assert(pipe:read "n", "a publisher has failed") end
    pipe:close()
  end
  local cpu_after, commands_after = redis:used()
  local count, list = sums[7], { sums[1], sums[2] / processes, (cpu_after - cpu) * 1e6 / sums[7] }
  for i = 3, 6 do list[i + 1] = sums[i] / processes end
  list[8] = (commands_after - commands) / count
  return list
end

local function benchmark(command, clients, pipeline)
  redis:cli "FLUSHALL"
  local rate, us = redis:benchmark(command, clients, pipeline, SECONDS)
  return { rate, 0, us, 1, 0, 0, 1, 1 }
end

local PAYLOAD = ("x"):rep(BYTES)
local XADD = "XADD bench MAXLEN '~' 1000 '*' record " .. PAYLOAD
local PUBLISHERS = {
  { "XADD, 1 client, one at a time", function() return benchmark(XADD, 1, 1) end },
  { "XADD, 1 client, 64 under way", function() return benchmark(XADD, 1, 64) end },
  { "XADD, 50 clients, 16 each", function() return benchmark(XADD, 50, 16) end },
  { "PUBLISH, 1 client, 64", function() return benchmark("PUBLISH bench " .. PAYLOAD, 1, 64) end },
  { "lua-sse, 1 task", function() return publish(1, 1, 1) end },
  { "lua-sse, 64 tasks", function() return publish(1, 64, 1) end },
  { "lua-sse, 64 tasks, 16 channels", function() return publish(1, 64, 16) end },
  { "lua-sse, 256 tasks", function() return publish(1, 256, 1) end },
  { "lua-sse, 2 processes, 64 tasks", function() return publish(2, 64, 1) end },
}

function parts.publish()
  print(("publishes a second, %d bytes; x: beside XADD by 1 client with 64 under way; us, Redis: "
    .. "CPU of a publish,\nthe publisher's and Redis's; x: XADD's CPU in Redis beside it, which is "
    .. "what one Redis takes where others\nare no limit; commands, bytes sent and received a "
    .. "publish; run: events a run of the script; inside: commands\nthat Redis itself ran for a "
    .. "publish"):format(BYTES))
  print(("%-34s %8s %5s %5s %5s %5s  %8s %5s %5s %5s %6s"):format("", "a second", "x",
    "us", "Redis", "x", "commands", "sent", "recvd", "run", "inside"))
  local found = {}
  for i in ipairs(PUBLISHERS) do found[i] = {} end
  for round = 1, ROUNDS do
    for i, each in ipairs(PUBLISHERS) do found[i][round] = each[2]() end
  end
  local base, base_us = median(found[2], 1), median(found[2], 3)
  for i, each in ipairs(PUBLISHERS) do
    local list = found[i]
    print(("%-34s %8.0f %5.2f %5.2f %5.2f %5.2f  %8.3f %5.0f %5.0f %5.1f %6.2f"):format(each[1],
      median(list, 1), median(list, 1) / base, median(list, 2), median(list, 3),
      base_us / median(list, 3), median(list, 4), median(list, 5), median(list, 6),
      median(list, 7), median(list, 8)))
  end
end

-- --- publish to receipt --------------------------------------------------------------------------

local function always() end

local LATENCY = {
  base = "memory",
  {
    name = "memory", title = "memory, 1 process", options = "", left_out = always,
    start = function() return servers.spawn(lua .. " bench/channel_server.lua") end,
  },
  {
    name = "ours", title = "lua-sse, Redis", options = "", left_out = always,
    start = function()
      return servers.spawn(("%s bench/redis/server.lua %s 2"):format(lua, redis.url))
    end,
  },
  {
    name = "nchan", title = "nchan, Redis", options = "", left_out = servers.why_no_nchan,
    start = function() return servers.start_nchan(build, { redis = redis.url, workers = 2 }) end,
  },
}

local function ms(name)
  return function(result) return result[name] / 1e3 end
end

local METRICS = {
  { "publish to receipt, p50", "ms", ms "p50_us" }, { "p99", "ms", ms "p99_us" },
  { "the last follower", "ms", ms "last_us" },
  { "CPU for each delivered event, server", "us", function(result)
    return result.cpu_ns / result.delivered / 1e3
  end },
}

local PHASES = { { "connect:20" }, { "events:5" }, { "leave" }, { "connect:" .. FOLLOWERS },
  { "rate:2x8", "rate", nil, 2 } }

local function present(all)
  local list = { base = all.base }
  for _, server in ipairs(all) do
    local reason = server.left_out()
    if reason then print(("%s is left out: %s"):format(server.title, reason))
    else list[#list + 1] = server
    end
  end
  return list
end

local function tell_faults(server, phase, result)
  for _, name in ipairs { "missed", "repeated", "lost" } do
    if (result[name] or 0) > 0 then
      print(("%s, %s: %d %s"):format(server.title, phase[1], result[name], name))
    end
  end
end

-- A metric's values, as bench.server_table takes them, of the rounds' results.
local function values_of(metric, list, rounds)
  local values = {}
  for _, server in ipairs(list) do
    values[server.name] = {}
    for round, found in ipairs(rounds) do
      local slices = {}
      for i, result in ipairs(found[server.name].rate) do slices[i] = metric[3](result) end
      values[server.name][round] = slices
    end
  end
  return values
end

function parts.latency()
  print(("\n%d followers, those of Redis in two workers; 2 events of %d bytes a second"):format(
    FOLLOWERS, BYTES))
  local list, rounds = present(LATENCY), {}
  table_of.head(list)
  for round = 1, ROUNDS do
    redis:cli "FLUSHALL"
    rounds[round] = run.round(list, build, PHASES, BYTES, tell_faults)
  end
  for _, metric in ipairs(METRICS) do
    table_of.line(metric, values_of(metric, list, rounds), list)
  end
end

for part in ROWS:gmatch "[^,]+" do assert(parts[part], "no such row: " .. part)() end
