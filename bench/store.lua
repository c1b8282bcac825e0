--- What a channel in an SQLite file costs: publishes a second beside sqlite3 from C, from publish
-- to follower, the loop's longest turn while the disk is slow, memory an idle follower. All of a
-- row take turns in each round, and medians are printed: ratios hold on a busy machine, numbers
-- don't.
--
-- ROWS=publish,latency,turns,memory chooses parts; ROUNDS=3; SECONDS=1 of each measurement.
-- ROWS=many, alone, publishes EVENTS=10000000 to a channel of 1,000.
-- STORE_FOLDER is where the files are made (a new folder of the system's temporary ones).
-- usage: lua store.lua BUILD-FOLDER
local build = assert(arg[1], "usage: lua store.lua BUILD-FOLDER")
local lua = arg[-1]
local median = require "bench.median"
local ROUNDS = tonumber(os.getenv "ROUNDS") or 3
local SECONDS = tonumber(os.getenv "SECONDS") or 1
local ROWS = os.getenv "ROWS" or "publish,latency,turns,memory"
local BYTES = 256

local function shell(command)
  local pipe <close> = assert(io.popen(command))
  return pipe:read "a"
end

local folder = os.getenv "STORE_FOLDER" or shell "mktemp -d":match "%S+"
local files = 0

-- The path of a file that is not there.
local function new_file()
  files = files + 1
  return ("%s/bench-%d.db"):format(folder, files)
end

local function remove(file)
  os.execute(("rm -f '%s' '%s-wal' '%s-shm'"):format(file, file, file))
end

local function command_of(what, file, ...)
  return ("%s bench/store/run.lua %s %s '%s' %s"):format(lua, build, what, file,
    table.concat({ ... }, " "))
end

local function numbers_of(text)
  local list = {}
  for number in text:gmatch "[%d.e+-]+" do list[#list + 1] = tonumber(number) end
  return list
end

-- Runs one measurement on a new file; returns the numbers that it prints.
local function run(what, ...)
  local file = new_file()
  local found = numbers_of(shell(command_of(what, file, ...)))
  remove(file)
  return assert(found[1] and found, what .. " has printed nothing")
end

local function run_floor(sync, rows)
  local file = new_file()
  local found = numbers_of(shell(("%s/store_floor '%s' %s %d %d %g"):format(build, file, sync, rows,
    BYTES, SECONDS)))
  remove(file)
  return assert(found[1] and found, "store_floor has printed nothing")
end

-- Runs the functions in turn, ROUNDS times; returns for each a function(i) that gives the median of
-- its i-th number.
local function rounds(fns)
  local found, medians = {}, {}
  for i in ipairs(fns) do found[i] = {} end
  for round = 1, ROUNDS do
    for i, fn in ipairs(fns) do found[i][round] = fn() end
  end
  for i in ipairs(fns) do medians[i] = function(n) return median(found[i], n) end end
  return medians
end

local parts = {}

function parts.publish()
  print(("publishes a second, %d bytes; us: CPU of a publish, all threads; x: beside C, 100 rows")
    :format(BYTES))
  print(("%-8s %9s %6s %6s  %9s %6s %6s %8s  %9s %9s %6s"):format("sync", "one", "us", "x C 1",
    "64 tasks", "us", "x", "a commit", "C, 1 row", "100 rows", "us"))
  for _, sync in ipairs { "off", "normal", "full" } do
    local one, many, single, hundred = table.unpack(rounds {
      function() return run("publish", sync, 1, SECONDS) end,
      function() return run("publish", sync, 64, SECONDS) end,
      function() return run_floor(sync, 1) end,
      function() return run_floor(sync, 100) end,
    })
    print(("%-8s %9.0f %6.1f %6.2f  %9.0f %6.2f %6.2f %8.1f  %9.0f %9.0f %6.2f"):format(sync,
      one(1), one(2), one(1) / single(1), many(1), many(2), many(1) / hundred(1), many(3),
      single(1), hundred(1), hundred(2)))
  end
end

local EVENTS = 2000

-- Publishes in one process, follows in another.
local function run_two()
  local file = new_file()
  local follower <close> = assert(io.popen(command_of("follower", file, EVENTS)))
  assert(follower:read "l" == "follows")
  shell(command_of("publisher", file, EVENTS))
  local found = numbers_of(follower:read "a")
  remove(file)
  return found
end

function parts.latency()
  print "\npublish to follower, ms, 1,000 publishes a second"
  print(("%-28s %8s %8s"):format("", "p50", "p99"))
  local memory, same, other = table.unpack(rounds {
    function() return numbers_of(shell(command_of("both", "", EVENTS))) end,
    function() return run("both", EVENTS) end,
    run_two,
  })
  for _, row in ipairs { { "memory", memory }, { "the same process", same },
    { "another process", other } } do
    print(("%-28s %8.3f %8.3f"):format(row[1], row[2](1), row[2](2)))
  end
end

local DISKS = { { "as it is", 0, 0 }, { "2 ms a sync, 0.1 ms a write", 100, 2000 },
  { "50 ms a sync, 1 ms a write", 1000, 50000 } }

function parts.turns()
  print "\nthe loop's longest turn, ms, 64 tasks publish, the disk:"
  print(("%-28s %8s %8s %12s %10s"):format("", "CPU", "clock", "checkpoints", "wal pages"))
  for _, disk in ipairs(DISKS) do
    local turn = rounds { function()
      return run("turns", disk[2], disk[3], 3 * SECONDS)
    end }[1]
    print(("%-28s %8.2f %8.2f %12d %10d"):format(disk[1], turn(1), turn(2), turn(3), turn(4)))
  end
end

function parts.memory()
  local memory, stored = table.unpack(rounds {
    function() return numbers_of(shell(command_of("memory", "", 2000))) end,
    function() return run("memory", 2000) end,
  })
  print(("\nbytes an idle follower: memory %.0f, a store %.0f"):format(memory(1), stored(1)))
end

function parts.many()
  local file = new_file()
  print "\nmany events through a channel of 1,000; medians of single calls in ms"
  io.stdout:flush()
  os.execute(("%s bench/store/many.lua %s '%s' %d"):format(lua, build, file,
    tonumber(os.getenv "EVENTS") or 10000000))
  remove(file)
end

for part in ROWS:gmatch "[^,]+" do assert(parts[part], "no such row: " .. part)() end
if not os.getenv "STORE_FOLDER" then os.execute(("rm -r '%s'"):format(folder)) end
