--- The table of the server's benchmark.
local report = {}

local NAME, VALUE, RATIO = 44, 9, 8

function report.median(list)
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted)
  local middle = (#sorted + 1) // 2
  if #sorted % 2 == 1 then return sorted[middle] end
  return sorted[middle] and (sorted[middle] + sorted[middle + 1]) / 2
end

local function number(value)
  if value == math.floor(value) and math.abs(value) < 1000 then return ("%d"):format(value) end
  local size = math.abs(value)
  return (size >= 100 and "%.0f" or size >= 10 and "%.1f" or "%.2f"):format(value)
end

--- The median of the rounds' ratios: both took turns, so that what slows the machine slows both.
function report.ratio(values, others)
  local ratios = {}
  for i = 1, math.min(#values, #others) do
    if others[i] > 0 then ratios[#ratios + 1] = values[i] / others[i] end
  end
  return report.median(ratios)
end

local function verdict(value, limit, sign)
  local met = value <= limit
  if sign == ">=" then met = value >= limit end
  return ("aim %s %s: %s %s"):format(sign, number(limit), number(value),
                                     met and "met" or "NOT MET"), met
end

-- values: server name -> list of a metric's values.
local function judge(aim, values)
  local own = values.ours
  if not own or #own == 0 then return "" end
  if aim.most then return verdict(report.median(own), aim.most, "<=") end
  if aim.least then return verdict(report.median(own), aim.least, ">=") end
  local ratio = values[aim.of] and report.ratio(own, values[aim.of])
  if not ratio then return ("aim <= %s of %s: not measured"):format(number(aim.times), aim.of) end
  local text, met = verdict(ratio, aim.times, "<=")
  return (aim.of == "floor" and "" or "of " .. aim.of .. ", ") .. text, met
end

--- The head: names of the servers.
function report.head(servers)
  local line = { (" "):rep(NAME) }
  for _, server in ipairs(servers) do
    line[#line + 1] = ("%" .. VALUE + RATIO .. "s"):format(server.title)
  end
  print(table.concat(line))
end

-- A ratio to the floor says nothing where the floor has next to nothing.
local function ratio_text(server, values, metric)
  local floor = values.floor
  if server.name == "floor" or not floor or #floor == 0 or metric[2] == "KiB" then return "" end
  local ratio = report.ratio(values[server.name], floor)
  return ratio and ("x%.2f"):format(ratio) or ""
end

--- One line. values: server name -> list of a value a round. Gives false where an aim was missed.
function report.line(metric, values, servers)
  local unit = metric[2] ~= "" and ", " .. metric[2] or ""
  local line = { ("  %-" .. NAME - 2 .. "s"):format(metric[1] .. unit) }
  for _, server in ipairs(servers) do
    local list = values[server.name]
    local measured = list and #list > 0
    line[#line + 1] = ("%" .. VALUE .. "s %-" .. RATIO - 1 .. "s"):format(
      measured and number(report.median(list)) or "-",
      measured and ratio_text(server, values, metric) or "")
  end
  local text, met = "", true
  if metric.aim then text, met = judge(metric.aim, values) end
  line[#line + 1] = "  " .. text
  print((table.concat(line):gsub("%s+$", "")))
  return met ~= false
end

--- How far the rounds' values are from each other: half of what is between the ends, in % of the
-- median.
function report.spread(list)
  local low, high = math.huge, -math.huge
  for _, value in ipairs(list) do low, high = math.min(low, value), math.max(high, value) end
  return (high - low) / 2 / report.median(list) * 100
end

return report
