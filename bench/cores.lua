--- make bench-cores: what a delivered event costs one worker, and two, that share an SQLite file
-- (Linux). A third process publishes at a steady rate, and a fourth has all clients, which empty
-- their sockets in the kernel twenty times a second. What counts is the CPU time of the workers'
-- processes, all their threads, so that neither of these two, nor what else runs, is measured.
-- usage: lua cores.lua BUILD-FOLDER
-- FOLLOWERS=1000,10000 DELIVERED=50000 a second, to all of them, CORES_SECONDS=5, ROUNDS=3
local build = assert(arg[1], "usage: lua cores.lua BUILD-FOLDER")
local lua = arg[-1]
local median = require "bench.median"
local DELIVERED = tonumber(os.getenv "DELIVERED") or 50000
local TIME = tonumber(os.getenv "CORES_SECONDS") or 5
local PATIENCE <const> = 200 -- looks at the clients, 50 ms apart
local HEAD <const> = 150 -- bytes that each client has received once it follows, at least
local ROUNDS = tonumber(os.getenv "ROUNDS") or 3

local function start(command, ...)
  return assert(io.popen("exec " .. command:format(...)))
end

local function shell(command)
  local pipe <close> = assert(io.popen(command))
  return pipe:read "a"
end

-- The CPU time in s of processes, all their threads: the kernel counts it in ns.
local function cpu(pids)
  local sum = 0
  for _, pid in ipairs(pids) do
    for ns in shell(("cat /proc/%d/task/*/schedstat"):format(pid)):gmatch "(%d+) %d+ %d+\n" do
      sum = sum + tonumber(ns) / 1e9
    end
  end
  return sum
end

-- What the kernel holds for objects of its own, in KiB: sockets and files, without their buffers.
local function slab()
  for line in io.lines "/proc/meminfo" do
    local kib = line:match "^Slab:%s+(%d+)"
    if kib then return tonumber(kib) end
  end
end

-- The clients. `till(bytes)` waits until each has received as much; returns how much the one that
-- has the least has, and their CPU time in us.
local function start_clients(folder, port, count)
  local input, output = folder .. "/in", folder .. "/out"
  os.execute(("mkfifo %s %s"):format(input, output))
  local pipe = start("%s/discard %d %d /events <%s >%s", build, port, count, input, output)
  local write, read = assert(io.open(input, "w")), assert(io.open(output))
  write:setvbuf "no"
  return {
    till = function(wanted)
      for _ = 1, PATIENCE do
        write:write "\n"
        local fewest, _, used = read:read("n", "n", "n")
        if fewest >= wanted then return fewest, used end
        os.execute "sleep 0.05"
      end
      error "a client has not received everything"
    end,
    stop = function()
      write:close()
      read:close()
      pipe:close()
      os.execute(("rm %s %s"):format(input, output))
    end,
  }
end

-- Publishes for so many seconds; returns how many events, and the CPU time in s.
local function publish(file, rate, seconds)
  local pipe <close> = start("%s bench/cores_publisher.lua %s %g %g", lua, file, rate, seconds)
  return pipe:read("n", "n")
end

-- One run: delivered events, CPU time of the workers, the clients and the publisher.
local function run(workers, followers)
  local folder = shell("mktemp -d"):match "%S+"
  local file, rate = folder .. "/bench.db", DELIVERED / followers
  local server = start("%s bench/cores_server.lua %s %d", lua, file, workers)
  local pids, master, port = {}, server:read "n", nil
  for i = 1, workers do pids[i], port = server:read("n", "n") end
  local empty = slab()
  local clients = start_clients(folder, port, followers)
  local head = clients.till(HEAD)
  local kernel = (slab() - empty) / followers / 2 -- both ends are here
  local bytes, before = clients.till(head + 100 * publish(file, rate, 1)) -- warm
  local began = cpu(pids)
  local events, publisher = publish(file, rate, TIME)
  local _, after = clients.till(bytes + 100 * events)
  local ended = cpu(pids)
  clients.stop()
  os.execute(("kill %d"):format(master))
  server:close()
  os.execute(("rm -r '%s'"):format(folder))
  return {
    delivered = events * followers, cpu = ended - began, clients = (after - before) / 1e6,
    publisher = publisher, kernel = kernel,
  }
end

print(("%d delivered events a second; us of CPU time for each"):format(DELIVERED))
print(("%9s %8s %9s %12s %9s %8s %10s %11s"):format("followers", "workers", "us", "a CPU second",
  "two CPUs", "clients", "publisher", "kernel"))
for followers in (os.getenv "FOLLOWERS" or "1000,10000"):gmatch "%d+" do
  followers = math.tointeger(tonumber(followers))
  local found = { {}, {} }
  for _ = 1, ROUNDS do
    for workers = 1, 2 do table.insert(found[workers], run(workers, followers)) end
  end
  local alone
  for workers, list in ipairs(found) do
    local used, delivered = median(list, "cpu"), median(list, "delivered")
    local rate = delivered / used
    alone = alone or rate
    print(("%9d %8d %9.2f %12.0f %9s %7.0f%% %9.0f%% %7.1f KiB"):format(followers, workers,
      used / delivered * 1e6, rate, workers == 1 and "1" or ("%.2f"):format(2 * rate / alone),
      100 * median(list, "clients") / TIME, 100 * median(list, "publisher") / TIME,
      median(list, "kernel")))
  end
end
print "two CPUs: what two workers deliver on a CPU each, beside one worker on one"
print "clients, publisher: of a CPU. kernel: its memory for one end of an idle connection"
