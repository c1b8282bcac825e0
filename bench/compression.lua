--- The benchmark of compressed streams: bytes on the wire and the server's CPU time for each
-- delivered event: plain, in blocks that all followers share, and with a window for each follower.
-- The modes take turns; medians of the rounds are printed.
-- usage: lua compression.lua BUILD-FOLDER
local build = assert(arg[1], "usage: lua compression.lua BUILD-FOLDER")
local lua = arg[-1]
local ROUNDS = tonumber(os.getenv "ROUNDS") or 5

-- Kind of event, clients, events, events a turn (0: each event is sent on each stream by itself).
local rows = {
  { "chat", 1000, 200, 1 }, { "tick", 1000, 200, 1 },
  { "chat", 1000, 1000, 50 }, { "tick", 1000, 1000, 50 },
  { "chat", 10, 2000, 0 }, { "tick", 10, 2000, 0 },
}
local modes = { "plain", "shared", "window" }

local function run(row, mode)
  local command = ("%s bench/compression_server.lua %s %s %s %d %d %d"):format(lua, build, row[1],
    mode, row[2], row[3], row[4])
  local pipe = assert(io.popen(command))
  local numbers = table.pack(pipe:read("n", "n", "n", "n"))
  assert(pipe:close() and numbers[4], command)
  return numbers
end

local function medians(list)
  local middle = {}
  for i = 1, 4 do
    local values = {}
    for _, numbers in ipairs(list) do values[#values + 1] = numbers[i] end
    table.sort(values)
    middle[i] = values[(#values + 1) // 2]
  end
  return middle
end

local function name(row)
  if row[4] == 0 then return ("%s, sent on %d streams one by one"):format(row[1], row[2]) end
  if row[4] == 1 then return ("%s, a channel of %d followers"):format(row[1], row[2]) end
  return ("%s, the same, %d events a turn"):format(row[1], row[4])
end

print(("%-44s %7s %7s %6s  %8s %6s  %8s"):format("each delivered event", "bytes", "wire", "ratio",
  "us CPU", "ratio", "KiB held"))
for _, row in ipairs(rows) do
  local results = { {}, {}, {} }
  for round = 1, ROUNDS do
    for i, mode in ipairs(modes) do results[i][round] = run(row, mode) end
  end
  print(name(row))
  local plain = medians(results[1])
  for i, mode in ipairs(modes) do
    local m = medians(results[i])
    print(("  %-42s %7.1f %7.1f %6.2f  %8.2f %6.2f  %8.1f"):format(mode, m[1], m[2],
      m[2] / plain[2], m[3], m[3] / plain[3], m[4] / 1024))
  end
end
