--- The server's benchmark: channels beside a bare loop of send(), nginx + nchan and better-sse.
-- usage: lua server.lua BUILD-FOLDER
-- Environment: ROWS (connect, memory, events, burst, rate, few, stuck, churn; with commas), SERVERS
-- (floor, ours, nchan, better-sse), ROUNDS (5), FOLLOWERS (10000).
local servers = require "bench.servers"
local rows = require "bench.server_rows"
local report = require "bench.server_table"

local build = assert(arg[1], "usage: lua server.lua BUILD-FOLDER")
local ROUNDS = tonumber(os.getenv "ROUNDS" or 5)
local FOLLOWERS = tonumber(os.getenv "FOLLOWERS" or 10000)

-- The names in a variable as a set; nil: all.
local function chosen(variable)
  local text = os.getenv(variable)
  if not text or text == "" then return nil end
  local set = {}
  for name in text:gmatch("[^,%s]+") do set[name] = true end
  return set
end

local wanted_rows, wanted_servers = chosen "ROWS", chosen "SERVERS"

local function wanted(set, name)
  return not set or set[name]
end

local function check_names(set, known, variable)
  for name in pairs(set or {}) do
    if not known[name] then
      local list = {}
      for each in pairs(known) do list[#list + 1] = each end
      table.sort(list)
      error(("%s: unknown '%s', expected some of %s"):format(variable, name,
                                                             table.concat(list, ", ")), 0)
    end
  end
end

local function check_limit()
  local pipe <close> = assert(io.popen("ulimit -n"))
  local limit, needed = pipe:read("l"), FOLLOWERS + 300
  if limit ~= "unlimited" and tonumber(limit) < needed then
    error(("%d followers need %d descriptors a process, ulimit -n gives %s; FOLLOWERS=%d would do")
      :format(FOLLOWERS, needed, limit, tonumber(limit) - 300), 0)
  end
end

-- --- running -------------------------------------------------------------------------------------

local function parse(line)
  local result = {}
  for name, value in line:gmatch("(%w[%w_]*)=(%S*)") do result[name] = tonumber(value) or value end
  return result
end

local function phases_of(plan)
  local list = {}
  for _, phase in ipairs(plan.phases) do
    if not phase[3] or wanted(wanted_rows, phase[3]) then list[#list + 1] = phase end
  end
  return list
end

-- What a phase's followers should have got and did not, or twice, or were closed.
local faults = {}
local function note_faults(server, phase, result)
  for _, name in ipairs { "missed", "repeated", "lost" } do
    local count = phase[2] ~= "return" and result[name] or 0
    if count > 0 then
      faults[#faults + 1] = ("%s, %s: %d %s"):format(server.title, phase[1], count, name)
      faults.ours = faults.ours or server.name == "ours"
    end
  end
end

--- Runs a plan against a fresh server; gives the results by label.
local function run(plan, server)
  local process <close> = server.start(build)
  local options = ("--size %d %s"):format(plan.size or 100, server.options)
  local phases, told = phases_of(plan), {}
  for i, phase in ipairs(phases) do told[i] = phase[1] end
  -- nginx's worker is there once it answers.
  os.execute(("%s/load %d connect:1 >/dev/null"):format(build, process.port))
  local pipe = assert(io.popen(("%s/load %d --pids %s %s %s"):format(
    build, process.port, process:pids(), options, table.concat(told, " "))))
  local results = {}
  for _, phase in ipairs(phases) do
    local result = parse(pipe:read("l") or error(server.title .. ": it ended at " .. phase[1], 0))
    note_faults(server, phase, result)
    if phase[2] then results[phase[2]] = result end
  end
  assert(pipe:close())
  return results
end

-- --- showing -------------------------------------------------------------------------------------

-- A metric's values: server name -> list, of the rounds that have it.
local function values_of(row, metric, rounds)
  local values = {}
  for name, list in pairs(rounds) do
    values[name] = {}
    for _, results in ipairs(list) do
      local result = results[row.label or row.name]
      local value = result and metric[3](result, results)
      if value then table.insert(values[name], value) end
    end
  end
  return values
end

local function print_spread(values, list)
  local parts = {}
  for _, server in ipairs(list) do
    local own = values[server.name]
    if own and #own > 1 then
      parts[#parts + 1] = ("%s +-%.0f %%"):format(server.title, report.spread(own))
    end
  end
  if #parts > 0 then print("    between rounds: " .. table.concat(parts, ", ")) end
end

local function any(values)
  for _, list in pairs(values) do
    if #list > 0 then return true end
  end
end

local unmet = 0
local function show(plan, rounds, list)
  for _, row in ipairs(plan.rows) do
    if any(values_of(row, row.metrics[1], rounds)) and wanted(wanted_rows, row.name) then
      print(row.title)
      for _, metric in ipairs(row.metrics) do
        local values = values_of(row, metric, rounds)
        if not report.line(metric, values, list) then unmet = unmet + 1 end
        if metric.cpu then print_spread(values, list) end
      end
    end
  end
end

local terminal = os.execute "test -t 2"
local function tell(format, ...)
  if terminal then io.stderr:write("\r\27[K", format:format(...)) end
end

local function measure(plan, list)
  local rounds = {}
  for round = 1, ROUNDS do
    for _, server in ipairs(list) do
      if not plan.servers or plan.servers[server.name] then
        tell("%s, round %d of %d: %s", plan.rows[1].title, round, ROUNDS, server.title)
        rounds[server.name] = rounds[server.name] or {}
        table.insert(rounds[server.name], run(plan, server))
      end
    end
  end
  tell("")
  return rounds
end

local function present()
  local list = {}
  for _, server in ipairs(servers.list) do
    local why = server.left_out(build)
    if not wanted(wanted_servers, server.name) then why = nil
    elseif why then print(("%s is left out: %s"):format(server.title, why))
    else list[#list + 1] = server
    end
  end
  return list
end

local function any_wanted(plan)
  for _, row in ipairs(plan.rows) do
    if wanted(wanted_rows, row.name) then return true end
  end
end

local function check_choice(plans)
  local names, known = {}, {}
  for _, plan in ipairs(plans) do
    for _, row in ipairs(plan.rows) do names[row.name] = true end
  end
  for _, server in ipairs(servers.list) do known[server.name] = true end
  check_names(wanted_rows, names, "ROWS")
  check_names(wanted_servers, known, "SERVERS")
end

local function conclude()
  for _, fault in ipairs(faults) do print("not as it should be: " .. fault) end
  if unmet > 0 then print(("%d aims not met"):format(unmet)) end
  os.exit(not faults.ours, true)
end

local plans = rows.plans(FOLLOWERS)
check_choice(plans)
check_limit()
local list = present()
print(("medians of %d round%s in which the servers take turns; x1.00: as the floor"):format(
  ROUNDS, ROUNDS == 1 and "" or "s"))
if not io.open("/proc/self/smaps_rollup") then
  print("no /proc here: CPU, memory and descriptors are left out")
end
report.head(list)
for _, plan in ipairs(plans) do
  if any_wanted(plan) then show(plan, measure(plan, list), list) end
end
conclude()
