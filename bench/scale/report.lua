--- The table of `make bench-scale`.
local report = {}

local function median(list)
  if not list or #list == 0 then return nil end
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted)
  return sorted[(#sorted + 1) // 2]
end

local function number(value)
  if not value then return "-" end
  if value == math.floor(value) and math.abs(value) < 1e6 then return ("%d"):format(value) end
  local size = math.abs(value)
  return (size >= 100 and "%.0f" or size >= 10 and "%.1f" or "%.2f"):format(value)
end

local function line(...)
  print((("  %10s %10s %10s %8s %8s %10s  %s"):format(...):gsub("%s+$", "")))
end

--- Prints the head. base: the tree that `before` is measured in, or nil.
function report.head(base)
  print("before: " .. (base and "measured in " .. base or "as noted with each row, on 2e402fe"))
  line("size", "before", "after", "ratio", "growth", "Node", "")
end

local function verdict(met, text)
  return ("%s: %s"):format(text, met and "met" or "NOT MET"), met
end

-- What a row's goals say of its values (size -> median), and whether they are met.
local function judge(row, after)
  local first, last = after[row.sizes[1]], after[row.sizes[#row.sizes]]
  if not (first and last) then return "no value", false end
  if row.growth_most then
    local words = ("aim: growth <= %s"):format(number(row.growth_most))
    return verdict(last / first <= row.growth_most, words)
  end
  if row.most then
    local most = 0
    for _, value in pairs(after) do most = math.max(most, value) end
    return verdict(most <= row.most, ("aim: <= %s"):format(number(row.most)))
  end
  return "", true
end

--- Prints a row's lines, one for each size. by_size: size -> { after =, before =, node = (lists of
-- values, one of each round) }. Returns false if a goal is missed.
function report.row(row, by_size)
  local after = {}
  print(("%s, %s"):format(row.what, row.unit))
  for i, size in ipairs(row.sizes) do
    local found = by_size[size]
    local now, before = median(found.after), median(found.before)
    after[size] = now
    before = before or (row.before and row.before[i])
    local ratio = now and before and before > 0 and ("x%.2f"):format(now / before) or ""
    local first = after[row.sizes[1]]
    local growth = i > 1 and now and first and first > 0 and ("x%.2f"):format(now / first) or ""
    local text, met = "", true
    if i == #row.sizes then text, met = judge(row, after) end
    line(tostring(size), number(before), number(now), ratio, growth, number(median(found.node)),
         text)
    if not met then return false end
  end
  return true
end

return report
