-- What of the memory that a program has loaded before sse.workers stays shared with its worker
-- (Linux): with the collector as the worker finds it, and switched back to the incremental mode.
-- bench/workers.lua
local core = require "sse.core"
local sse = require "sse"

local ROUNDS <const>, TABLES <const> = 20000, 50 -- a million tables, of which TABLES are in use
local KB <const> = 1024

local function private_dirty()
  for line in io.lines "/proc/self/smaps_rollup" do
    local kb = line:match "^Private_Dirty:%s+(%d+)"
    if kb then return tonumber(kb) / KB end
  end
end

-- 54 MB of tables and strings.
local function load_data()
  local data = {}
  for i = 1, 320000 do data[i] = { id = i, name = "n" .. i } end
  return data
end

local function work()
  local churn = {}
  for round = 1, ROUNDS do
    for i = 1, TABLES do churn[i] = { round, tostring(i) } end
  end
  return churn
end

-- Runs one worker, which prints its numbers.
local function measure(mode)
  local data, master = load_data(), core.process_id()
  local loaded = private_dirty()
  assert(sse.workers { count = 1, run = function()
    local born = private_dirty()
    collectgarbage(mode)
    sse.run(function()
      work()
      local worked = private_dirty()
      collectgarbage()
      print(("%-14s %9.0f %12.1f %12.0f %18.0f"):format(mode, loaded, born, worked,
        private_dirty()))
      core.kill(master, "SIGTERM")
      sse.sleep(60000)
    end)
    return data
  end, log = function() end })
end

if arg[1] then return measure(arg[1]) end

print "memory of a worker's own, in MB"
print "collector      the master    at birth   after work   after a collection"
local i = 0
while arg[i - 1] do i = i - 1 end
for _, mode in ipairs { "generational", "incremental" } do
  assert(os.execute(("%s %s %s"):format(arg[i], arg[0], mode)))
end
