--- The picture of docs/scaling.md: for each scenario how many connections are tried a second, and
-- below them how many clients have no stream. Readable on light and on dark pages.
local picture = {}

local LEFT, RIGHT, WIDTH = 62, 18, 820
local SECONDS, TICK = 70, 10 -- of the time axis
local PANEL, GAP, TOP = 76, 46, 56
local MOST = 25000 -- of the panels' axis; higher bars are cut off
local AWAY = 170 -- height of the last chart

local STYLE = [[
<style>
  svg { --ink: #1d2430; --soft: #5d6778; --line: #d5dae2; --ground: #fff;
    --c1: #c2412d; --c2: #19784a; --c3: #b3740a; --c4: #3457d5 }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #e6e9ef; --soft: #a3adbd; --line: #38404e; --ground: #12151b;
      --c1: #ff8674; --c2: #5fd39a; --c3: #f0c064; --c4: #8ea6ff }
  }
  text { font: 12px system-ui, "DejaVu Sans", sans-serif; fill: var(--soft) }
  .title { font-size: 13px; font-weight: 600; fill: var(--ink) }
  .ground { fill: var(--ground) }
  .axis { stroke: var(--line) }
  .limit { stroke: var(--soft); stroke-dasharray: 4 3 }
  .end { text-anchor: end }
  .middle { text-anchor: middle }
]]

local parts

local function add(text, ...) parts[#parts + 1] = text:format(...) end

local function x_of(second) return LEFT + second * (WIDTH - LEFT - RIGHT) / SECONDS end

local function line(class, x1, y1, x2, y2)
  add('<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>', class, x1, y1, x2, y2)
end

local function label(class, x, y, text)
  add('<text class="%s" x="%.1f" y="%.1f">%s</text>', class, x, y, text)
end

local function thousands(n)
  return (("%.0f"):format(n):reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", ""))
end

-- Sums of the bins of each second.
local function by_second(list, bin)
  local sums, each = {}, 1000 // bin
  for second = 1, SECONDS do
    sums[second] = 0
    for i = (second - 1) * each + 1, second * each do
      sums[second] = sums[second] + (list[i] or 0)
    end
  end
  return sums
end

local function draw_time(y, with_numbers)
  line("axis", x_of(0), y, x_of(SECONDS), y)
  for second = 0, SECONDS, TICK do
    line("axis", x_of(second), y, x_of(second), y + 4)
    if with_numbers then
      label("middle", x_of(second), y + 18, second == 0 and "0 s" or tostring(second))
    end
  end
end

local function draw_panel(index, result, y, capacity)
  local scale, sums = PANEL / MOST, by_second(result.tries, result.bin)
  label("title", LEFT, y - 14, result.scenario.title)
  label("end", x_of(SECONDS), y - 14, ("at most %s; all are back after %.0f s"):format(
    thousands(result.peak), result.over / 1000))
  for second, count in ipairs(sums) do
    if count > 0 then
      local height, x = math.min(count, MOST) * scale, x_of(second - 1)
      add('<rect class="s%d" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>', index, x,
        y + PANEL - height, x_of(second) - x - 1, height)
    end
  end
  line("limit", x_of(0), y + PANEL - capacity * scale, x_of(SECONDS), y + PANEL - capacity * scale)
  label("end", LEFT - 6, y + PANEL - capacity * scale + 4, thousands(capacity))
  label("end", LEFT - 6, y + PANEL + 4, "0")
  label("end", LEFT - 6, y + 4, thousands(MOST))
  draw_time(y + PANEL)
end

-- How many clients have no stream, by bins.
local function away_of(result)
  local list, now = {}, 0
  for i = 1, SECONDS * 1000 // result.bin do
    now = now + (result.lost[i] or 0) - (result.back[i] or 0)
    list[i] = now
  end
  return list
end

local function draw_away(results, y)
  local clients = results[1].scenario.clients
  label("title", LEFT, y - 14, "Clients without a stream")
  for _, share in ipairs { 0, 0.5, 1 } do
    line("axis", x_of(0), y + AWAY * (1 - share), x_of(SECONDS), y + AWAY * (1 - share))
    label("end", LEFT - 6, y + AWAY * (1 - share) + 4, thousands(clients * share))
  end
  for index, result in ipairs(results) do
    local points = {}
    for i, count in ipairs(away_of(result)) do
      points[#points + 1] = ("%.1f,%.1f"):format(x_of(i * result.bin / 1000),
        y + AWAY * (1 - count / clients))
      if i * result.bin > result.over then break end
    end
    add('<polyline class="l%d" points="%s"/>', index, table.concat(points, " "))
  end
  draw_time(y + AWAY, true)
end

--- Draws the first four results.
-- @tparam table results of model.run, each with its `scenario`
-- @tparam number capacity connections a second
-- @treturn string an SVG
function picture.draw(results, capacity)
  local shown = table.move(results, 1, 4, 1, {})
  local height = TOP + 4 * (PANEL + GAP) + AWAY + 34
  parts = {}
  add('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img"', WIDTH, height)
  add '  aria-label="A simulated storm: connections tried a second, clients without a stream">'
  parts[#parts + 1] = STYLE
  for i = 1, #shown do
    add("  .s%d { fill: var(--c%d) }", i, i)
    add("  .l%d { fill: none; stroke: var(--c%d); stroke-width: 2 }", i, i)
  end
  add "</style>"
  add('<rect class="ground" width="%d" height="%d"/>', WIDTH, height)
  label("", LEFT, 16, "Connections tried in each second; the broken line is what can be made, and "
    .. "bars above 25,000 are cut")
  for i, result in ipairs(shown) do
    draw_panel(i, result, TOP + (i - 1) * (PANEL + GAP), capacity)
  end
  draw_away(shown, TOP + 4 * (PANEL + GAP))
  add "</svg>\n"
  return table.concat(parts, "\n")
end

return picture
