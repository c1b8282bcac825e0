--- The table of the server's benchmark. The values of a metric: server name -> list of rounds, each
-- a list of slices.
local report = {}

local NAME, VALUE, RATIO = 44, 9, 8

local function median(list)
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted)
  local middle = (#sorted + 1) // 2
  if #sorted % 2 == 1 then return sorted[middle] end
  return sorted[middle] and (sorted[middle] + sorted[middle + 1]) / 2
end

local function medians(rounds)
  local list = {}
  for _, slices in ipairs(rounds or {}) do list[#list + 1] = median(slices) end
  return list
end

-- For each round, the median of its slices' ratios.
local function ratios(rounds, others)
  local list = {}
  for i, slices in ipairs(rounds or {}) do
    local of_round = {}
    for j, value in ipairs(slices) do
      local other = others and others[i] and others[i][j]
      if other and other > 0 then of_round[#of_round + 1] = value / other end
    end
    list[#list + 1] = median(of_round)
  end
  return list
end

local function number(value)
  if value == math.floor(value) and math.abs(value) < 1000 then return ("%d"):format(value) end
  local size = math.abs(value)
  return (size >= 100 and "%.0f" or size >= 10 and "%.1f" or "%.2f"):format(value)
end

local function verdict(value, limit, sign, of)
  local met = value <= limit
  if sign == ">=" then met = value >= limit end
  return ("aim %s %s%s: %s %s"):format(sign, number(limit), of or "", number(value),
                                       met and "met" or "NOT MET"), met
end

-- The text about an aim, and whether it is met (nil: not known).
local function judge(aim, values)
  local own = median(medians(values.ours))
  if not own then return "" end
  if aim.most then return verdict(own, aim.most, "<=") end
  if aim.least then return verdict(own, aim.least, ">=") end
  local ratio = median(ratios(values.ours, values[aim.of]))
  if not ratio then return ("aim <= %s of %s: not measured"):format(number(aim.times), aim.of) end
  return verdict(ratio, aim.times, "<=", aim.of ~= "floor" and " of " .. aim.of)
end

--- Prints the head: the servers' titles. servers.base: name of the server that ratios are to.
function report.head(servers)
  local line = { (" "):rep(NAME) }
  for _, server in ipairs(servers) do
    line[#line + 1] = ("%" .. VALUE .. "s %-" .. RATIO - 1 .. "s"):format(server.title, "")
  end
  print((table.concat(line):gsub("%s+$", "")))
end

-- A ratio to next to nothing is left out.
local function ratio_text(server, values, metric, base)
  if server.name == base or metric.absolute then return "" end
  local ratio = median(ratios(values[server.name], values[base]))
  return ratio and ("x%.2f"):format(ratio) or ""
end

--- Prints one line. Returns false if an aim is missed.
function report.line(metric, values, servers)
  local unit = metric[2] ~= "" and ", " .. metric[2] or ""
  local line = { ("  %-" .. NAME - 2 .. "s"):format(metric[1] .. unit) }
  for _, server in ipairs(servers) do
    local value = median(medians(values[server.name]))
    local ratio = value and ratio_text(server, values, metric, servers.base) or ""
    line[#line + 1] = ("%" .. VALUE .. "s %-" .. RATIO - 1 .. "s"):format(
      value and number(value) or "-", ratio)
  end
  local text, met = "", nil
  if metric.aim then text, met = judge(metric.aim, values) end
  line[#line + 1] = "  " .. text
  print((table.concat(line):gsub("%s+$", "")))
  return met ~= false
end

local function ends(list)
  return math.min(table.unpack(list)), math.max(table.unpack(list))
end

--- Prints how far the rounds are apart: of the ratios, and of the base's own values.
function report.spread(values, servers)
  local parts = {}
  for _, server in ipairs(servers) do
    local own = server.name == servers.base
    local base = values[servers.base]
    local list = own and medians(base) or ratios(values[server.name], base)
    if #list > 1 then
      local low, high = ends(list)
      parts[#parts + 1] = ("%s %s%s to %s"):format(server.title, own and "" or "x", number(low),
                                                   number(high))
    end
  end
  if #parts > 0 then print("    rounds: " .. table.concat(parts, ", ")) end
end

return report
