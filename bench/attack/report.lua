--- The table of make attack, and its verdicts.
local report = {}

local MOST_RATIO, MOST_GROWTH = 2, 1.05
local MOST_PAGES = 1.1 -- of pages, where the heap in use is known: a byte in use keeps a page

-- Counters of a server and a channel that grow without an attack.
local ordinary = {
  connections_open = true, connections_accepted = true, connections_closed_client = true,
  requests_received = true, streams_open = true, streams_opened = true, streams_ended_client = true,
  traffic_received_bytes = true, traffic_sent_bytes = true, memory_pending_bytes = true,
  http2_connections = true, http2_streams = true,
}

local function median(list)
  table.sort(list)
  return list[(#list + 1) // 2]
end

local function collect(rounds, fn)
  local values = {}
  for _, found in ipairs(rounds) do values[#values + 1] = fn(found) end
  return values
end

local function median_of(rounds, fn)
  return median(collect(rounds, fn))
end

local function most_of(rounds, fn)
  return math.max(table.unpack(collect(rounds, fn)))
end

local function mebibytes(bytes)
  return bytes and bytes >= 0 and ("%.1f"):format(bytes / 1048576) or "-"
end

local function lost(found)
  local count = 0
  for _, phase in ipairs { found.quiet, found.attacked } do
    count = count + phase.missed + phase.repeated + phase.lost
  end
  return count
end

-- Counters that grew only because of the attack: limits that took effect, the largest first.
local function bounds_of(more)
  local shown = {}
  for name, count in pairs(more) do
    if not ordinary[name] and not name:find("^channel_[^s]") and not name:find("^channel_st") then
      shown[#shown + 1] = { name = name, count = count }
    end
  end
  table.sort(shown, function(a, b)
    if a.count ~= b.count then return a.count > b.count end
    return a.name < b.name
  end)
  for i, each in ipairs(shown) do shown[i] = ("%s %d"):format(each.name, each.count) end
  return table.concat(shown, ", ")
end

local LINE = "%-17s %5s x %-5s %7s %7s %7s %7s %6s  %6s %6s %6s %6s %6s  %4s %5s  %s"

function report.introduce(settings, priority)
  local medians = settings.rounds > 1 and (", medians of %d rounds"):format(settings.rounds) or ""
  print(("%d well-behaved followers over %s of a channel with %g events a second, on a server of "
    .. "default options; delays\nin ms, from publish to follower, before and under each attack; "
    .. "memory in MiB%s"):format(settings.followers, settings.http2 and "HTTP/2" or "HTTP/1.1",
    settings.events, medians))
  print(priority ~= "" and ("the server and the followers run by `%s`"):format(priority:sub(1, -2))
    or "nothing but niceness keeps the attackers and this machine's other work from the figures")
  print(LINE:format("attack", "peers", "acts", "quiet", "", "under", "", "", "memory", "", "", "",
                    "in", "", "", ""))
  print(LINE:format("", "", "/s", "p50", "p99", "p50", "p99", "p99 x", "cold", "before", "most",
                    "after", "use", "lost", "CPU", "what the server counted"))
end

local function ratio(found)
  return found.attacked.p99_us / found.quiet.p99_us
end

local function growth(found)
  return found.before and found.after / found.before
end

local function heap_growth(found)
  return found.heap_before and found.heap_after / found.heap_before
end

-- By what factor the heap in use has grown.
local function in_use(rounds)
  local grown = heap_growth(rounds[1]) and median_of(rounds, heap_growth)
  return grown and ("%+.1f%%"):format(100 * (grown - 1)) or "-"
end

local function cpu(found)
  local ns = found.attacked.cpu_ns
  return ns and ("%.0f%%"):format(ns / found.attacked.seconds / 1e7) or "-"
end

local function delay(rounds, phase, field)
  return ("%.2f"):format(median_of(rounds, function(found) return found[phase][field] end) / 1e3)
end

local function memory(rounds, field)
  return mebibytes(rounds[1][field] and median_of(rounds, function(found)
    return found[field]
  end))
end

local function print_line(attack, rounds)
  local last = rounds[#rounds]
  print(LINE:format(attack.name, attack.peers,
    ("%.0f"):format(last.attackers.acts / last.attackers.seconds),
    delay(rounds, "quiet", "p50_us"), delay(rounds, "quiet", "p99_us"),
    delay(rounds, "attacked", "p50_us"), delay(rounds, "attacked", "p99_us"),
    ("x%.1f"):format(median_of(rounds, ratio)),
    memory(rounds, "cold"), memory(rounds, "before"), memory(rounds, "during"),
    memory(rounds, "after"), in_use(rounds), most_of(rounds, lost), cpu(last),
    bounds_of(last.more)))
end

local faults = {}
local function fault(attack, format, ...)
  faults[#faults + 1] = ("%s: %s"):format(attack.name, format:format(...))
end

local function check_memory(attack, rounds)
  local grown = rounds[1].before and median_of(rounds, growth)
  local heap = heap_growth(rounds[1]) and median_of(rounds, heap_growth)
  if heap and heap > MOST_GROWTH then
    fault(attack, "%.1f %% more of the heap is in use afterwards", 100 * (heap - 1))
  end
  if grown and grown > (heap and MOST_PAGES or MOST_GROWTH) then
    fault(attack, "memory afterwards is %.1f %% more", 100 * (grown - 1))
  end
end

--- Prints an attack's line; returns how many aims it misses.
function report.show(attack, rounds)
  local before = #faults
  for _, found in ipairs(rounds) do
    if found.broken then
      print(("%-17s broken: %s"):format(attack.name, found.broken))
      fault(attack, "broken: %s", found.broken)
      return #faults - before
    end
  end
  print_line(attack, rounds)
  local times = median_of(rounds, ratio)
  if times > MOST_RATIO then fault(attack, "p99 is %.1f times the quiet one", times) end
  check_memory(attack, rounds)
  if most_of(rounds, lost) > 0 then
    fault(attack, "%d events lost or repeated, or followers ended", most_of(rounds, lost))
  end
  return #faults - before
end

--- Prints the verdict.
function report.conclude(count)
  print(("aims: p99 at most x%g; afterwards (garbage collected, the allocator's unused pages given "
    .. "back) at most %g %%\nmore in use, and of memory, where that is not known; with the pages "
    .. "that can't be given back %g %%; nothing lost"):format(MOST_RATIO, 100 * (MOST_GROWTH - 1),
    100 * (MOST_PAGES - 1)))
  for _, each in ipairs(faults) do print("NOT MET: " .. each) end
  if count == 0 then print("all met") end
end

return report
