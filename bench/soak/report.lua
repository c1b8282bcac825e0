--- The table of make soak, and what grew beyond its tolerance.
local median = require "bench.median"

local report = {}

local MIB, KIB = 1048576, 1024

-- A row: its title, field, unit, and the growth that is allowed under load and at rest, each as a
-- share plus an amount.
local rows = {
  { "memory, MiB", "memory", MIB, load = { 0.15, 5 }, rest = { 0.10, 1 } },
  { "heap in use, MiB", "heap", MIB, rest = { 0.05, 0.2 } },
  { "descriptors", "descriptors", 1, load = { 0.25, 20 }, rest = { 0, 0 } },
  { "Lua, KiB", "lua", KIB, load = { 0.15, 300 }, rest = { 0.05, 100 } },
  { "Lua objects", "objects", 1, load = { 0.25, 1000 }, rest = { 0.02, 50 } },
  { "timers of Lua", "timers", 1, load = { 0.25, 20 }, rest = { 0, 0 } },
  { "events of the loop", "events", 1, load = { 0.25, 20 }, rest = { 0, 2 } },
}

local LINE = "%-9s %-19s %9s %9s %9s %9s   %9s %9s %9s %9s"

local function number(value)
  return math.type(value) == "integer" and ("%d"):format(value) or ("%.1f"):format(value)
end

local faults = {}

-- First value, last value, growth and limit, each as text.
local function compare(of, row, tolerance, first, last)
  local unit = row[3]
  if unit > 1 then first, last = first / unit, last / unit end
  local grown, most = last - first, first * tolerance[1] + tolerance[2]
  if unit == 1 then most = math.floor(most) end
  if grown > most then
    faults[#faults + 1] = ("%s: %s grew by %s, at most %s"):format(of, row[1], number(grown),
                                                                   number(most))
  end
  return number(first), number(last), ("%+.1f"):format(grown):gsub("%.0$", ""), number(most)
end

local function print_row(name, row, tenths, rest)
  if not rest.first[row[2]] then return end -- not known on this system
  local cells = { "", "", "", "" }
  if row.load then
    cells = { compare(name .. " under load", row, row.load, median(tenths.first, row[2]),
                      median(tenths.last, row[2])) }
  end
  table.move({ compare(name .. " at rest", row, row.rest, rest.first[row[2]], rest.last[row[2]]) },
             1, 4, 5, cells)
  print(LINE:format(name, row[1], table.unpack(cells)))
end

local function print_map(title, map)
  local list = {}
  for name, count in pairs(map) do list[#list + 1] = ("%s %d"):format(name, count) end
  table.sort(list)
  if #list > 0 then print(title .. table.concat(list, ", ")) end
end

-- Prints the kinds of objects of which there are more at rest than before, to help find what is
-- left.
local function print_kinds(name, first, last)
  local more = {}
  for kind, count in pairs(last) do
    local grown = count - (first[kind] or 0)
    if grown > 0 and kind ~= "all" then more[kind] = grown end
  end
  print_map(("%s, objects that are more at rest: "):format(name), more)
end

--- Prints the table. processes: list of { name, tenths = { first =, last = } of samples, rest =
-- { first =, last = } }. Returns whether everything is within its tolerance.
function report.show(processes, counts, failures)
  print(LINE:format("", "", "under", "load", "", "", "at", "rest", "", ""))
  print(LINE:format("process", "", "first 1/10", "last 1/10", "growth", "at most", "then",
                    "at last", "growth", "at most"))
  for _, process in ipairs(processes) do
    for _, row in ipairs(rows) do print_row(process.name, row, process.tenths, process.rest) end
  end
  for _, process in ipairs(processes) do
    print_kinds(process.name, process.rest.first.kinds, process.rest.last.kinds)
  end
  print_map("done: ", counts)
  for message, count in pairs(failures) do
    faults[#faults + 1] = ("%s (%d times)"):format(message, count)
  end
  for _, each in ipairs(faults) do print("NOT AS IT SHOULD BE: " .. each) end
  if #faults == 0 then print "all as it should be" end
  return #faults == 0
end

return report
