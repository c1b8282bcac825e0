--- The server's benchmark: channels beside a bare loop of send(), nginx + nchan and better-sse.
-- usage: lua server.lua BUILD-FOLDER
-- Environment: ROWS (connect, memory, events, burst, rate, few, stuck, churn, tls, http2; with
-- commas), SERVERS (floor, ours, nchan, better-sse), ROUNDS (5), FOLLOWERS (10000).
local servers = require "bench.servers"
local rows = require "bench.server_rows"
local run = require "bench.server_run"
local report = require "bench.server_table"

local build = assert(arg[1], "usage: lua server.lua BUILD-FOLDER")

local function refuse(format, ...)
  io.stderr:write("bench-server: ", format:format(...), "\n")
  os.exit(2)
end

-- --- options -------------------------------------------------------------------------------------

local function count_in(variable, default)
  local text = os.getenv(variable)
  local count = text and text ~= "" and text or default
  return math.tointeger(tonumber(count)) or
    refuse("%s: expected a whole number, got '%s'", variable, text)
end

local ROUNDS, FOLLOWERS = count_in("ROUNDS", 5), count_in("FOLLOWERS", 10000)

-- The names in an environment variable as a set; nil: all.
local function chosen(variable, known)
  local text = os.getenv(variable)
  if not text or text == "" then return nil end
  local set = {}
  for name in text:gmatch("[^,%s]+") do
    set[name] = true
    if not known:find(" " .. name .. " ", 1, true) then
      refuse("%s: unknown '%s', expected some of%s", variable, name, known)
    end
  end
  return set
end

local function names_of(plans)
  local names = " "
  for _, plan in ipairs(plans) do
    for _, row in ipairs(plan.rows) do
      if not names:find(" " .. row.name .. " ", 1, true) then names = names .. row.name .. " " end
    end
  end
  return names
end

local plans = rows.plans(FOLLOWERS)
local wanted_rows = chosen("ROWS", names_of(plans))
local wanted_servers = chosen("SERVERS", " floor ours nchan better-sse ")

local function wanted(set, name)
  return not set or set[name]
end

local function check_limit()
  local pipe <close> = assert(io.popen("ulimit -n"))
  local limit, needed = pipe:read("l"), FOLLOWERS + 300
  if limit ~= "unlimited" and tonumber(limit) < needed then
    refuse("%d followers need %d descriptors a process, ulimit -n gives %s; FOLLOWERS=%d would do",
           FOLLOWERS, needed, limit, tonumber(limit) - 300)
  end
end

local function present(all)
  local list = { base = all.base }
  for _, server in ipairs(all) do
    if wanted(wanted_servers, server.of or server.name) then
      local why = server.left_out(build)
      if why then print(("%s is left out: %s"):format(server.title, why))
      else list[#list + 1] = server
      end
    end
  end
  return list
end

-- --- measuring -----------------------------------------------------------------------------------

local terminal = os.execute "test -t 2"
local function tell(format, ...)
  if terminal then io.stderr:write("\r\27[K", format:format(...)) end
end

-- Notes events that did not come or came twice, and followers that were closed.
local faults = {}
local function note_faults(server, phase, result)
  if phase[2] == "return" then return end
  for _, name in ipairs { "missed", "repeated", "lost" } do
    local count = result[name] or 0
    if count > 0 then
      faults[#faults + 1] = ("%s, %s: %d %s"):format(server.title, phase[1], count, name)
      faults.ours = faults.ours or (server.of or server.name) == "ours"
    end
  end
end

local function phases_of(plan)
  local list = {}
  for _, phase in ipairs(plan.phases) do
    if not phase[3] or wanted(wanted_rows, phase[3]) then list[#list + 1] = phase end
  end
  return list
end

local function servers_of(plan, list)
  local of_plan = {}
  for _, server in ipairs(list) do
    if wanted(plan.servers, server.name) then of_plan[#of_plan + 1] = server end
  end
  return of_plan
end

-- The servers of a round: in every other round in reverse order; slow ones in the first rounds
-- only.
local function servers_in(round, list)
  local of_round = {}
  for _, server in ipairs(list) do
    if round <= (server.most_rounds or round) then
      table.insert(of_round, round % 2 == 1 and #of_round + 1 or 1, server)
    end
  end
  return of_round
end

local function measure(plan, list)
  local rounds = {}
  for round = 1, ROUNDS do
    rounds[round] = run.round(servers_in(round, list), build, phases_of(plan), plan.size or 100,
      function(server, phase, result)
        tell("round %d of %d: %s, %s", round, ROUNDS, phase[1], server.title)
        note_faults(server, phase, result)
      end)
  end
  tell("")
  return rounds
end

-- --- printing ------------------------------------------------------------------------------------

-- A metric's value in each slice of a round; nil if the round does not have the row.
local function slices_of(row, metric, results)
  local values = {}
  local function first_of(label) return results[label][1] end
  for _, result in ipairs(results[row.label or row.name] or {}) do
    values[#values + 1] = metric[3](result, first_of) or nil
  end
  return values[1] and values
end

local function values_of(row, metric, rounds)
  local values = {}
  for i, round in ipairs(rounds) do
    for name, results in pairs(round) do
      local slices = slices_of(row, metric, results)
      if slices then
        values[name] = values[name] or {}
        values[name][i] = slices
      end
    end
  end
  return values
end

local unmet = 0
local function show(row, rounds, list)
  print(row.title)
  for _, metric in ipairs(row.metrics) do
    local values = values_of(row, metric, rounds)
    if not report.line(metric, values, list) then unmet = unmet + 1 end
    if metric.spread then report.spread(values, list) end
  end
end

local function rows_of(plan)
  local list = {}
  for _, row in ipairs(plan.rows) do
    if wanted(wanted_rows, row.name) then list[#list + 1] = row end
  end
  return list
end

local function conclude()
  for _, fault in ipairs(faults) do print("not as it should be: " .. fault) end
  if unmet > 0 then print(("aims not met: %d"):format(unmet)) end
  os.exit(not faults.ours, true)
end

local function introduce(title, list)
  print(("%s; x1.00: as %s"):format(title, list.base))
  for _, server in ipairs(list) do
    local most = server.most_rounds or ROUNDS
    if most < ROUNDS then print(("%s takes part in %d rounds"):format(server.title, most)) end
  end
  report.head(list)
end

-- The columns of the plans that have no servers of their own, which come first.
local common
local function columns_of(plan)
  if not plan.list and common then return common end
  local list = present(plan.list or servers.list)
  if #list > 0 then introduce(plan.title or "channels", list) end
  if not plan.list then common = list end
  return list
end

local function run_plan(plan)
  local of_rows = rows_of(plan)
  if #of_rows == 0 then return end
  local list = columns_of(plan)
  local of_servers = servers_of(plan, list)
  if #of_servers == 0 then return end
  local rounds = measure(plan, of_servers)
  for _, row in ipairs(of_rows) do show(row, rounds, list) end
end

check_limit()
print(("medians of %d round%s in which the servers take turns"):format(ROUNDS,
  ROUNDS == 1 and "" or "s"))
if not io.open("/proc/self/smaps_rollup") then
  print("no /proc here: CPU, memory and descriptors are left out")
end
for _, plan in ipairs(plans) do run_plan(plan) end
conclude()
