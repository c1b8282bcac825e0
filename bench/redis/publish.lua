-- One publisher of bench/redis.lua. Publishes 256 bytes an event from tasks that take turns on some
-- channels, for some seconds. Prints publishes a second; of a publish: us of CPU, commands, bytes
-- sent and received; and events a run of the script.
-- usage: lua publish.lua BUILD-FOLDER URL TASKS CHANNELS SECONDS
local build, url = arg[1], arg[2]
local tasks, channels, seconds = tonumber(arg[3]), tonumber(arg[4]), tonumber(arg[5])
package.cpath = ("%s/?.so;%s"):format(build, package.cpath)
local clock = require "clock"
local sse = require "sse"

local data = ("x"):rep(256 - #"data: \n\n") -- 256 bytes as an event
local store = sse.redis(url)
local list, count, is_over = {}, 0, false

for i = 1, channels do
  list[i] = sse.channel("bench" .. i, { store = store, history = 1000 })
  assert(list[i]:publish(data))
end

local before, began, cpu, running = store:stats(), clock.clock(), os.clock(), {}
for i = 1, tasks do
  local channel = list[(i - 1) % channels + 1]
  running[i] = sse.spawn(function()
    while not is_over do
      assert(channel:publish { data = data })
      count = count + 1
    end
  end)
end
sse.sleep(seconds * 1000)
is_over = true
for _, task in ipairs(running) do task:wait() end

local took, used, stats = clock.clock() - began, os.clock() - cpu, store:stats()
local function each(name) return (stats[name] - before[name]) / count end
print(count / took, used * 1e6 / count, each "commands", each "bytes_sent", each "bytes_received",
  each "appends" / each "runs", count)
