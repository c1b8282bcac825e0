--- The graph of C files: who includes and calls whom. A node is X.c and X.h of one folder together,
-- written as csrc/base/X.
local graph = require "graph"

local arrows = {}
arrows.__index = arrows

function arrows.new()
  return setmetatable({ from = {} }, arrows)
end

local function arrow(self, from, to)
  local targets = self.from[from] or {}
  self.from[from] = targets
  targets[to] = targets[to] or { includes = {}, calls = {} }
  return targets[to]
end

--- Notes that a file of one node includes a header of the other.
function arrows:include(from, to)
  if from == to then return end
  local list = arrow(self, from, to).includes
  list[#list + 1] = to:match("[^/]*$") .. ".h"
end

--- Notes that one node needs a function or variable of the other.
function arrows:call(from, to, name)
  if from == to then return end
  local list = arrow(self, from, to).calls
  list[#list + 1] = name
end

local function folder_of(node)
  return node:match("^(.*)/")
end

--- A node without its root folder: base/loop.
function arrows.short(node)
  return (node:gsub("^csrc/", ""))
end

-- "calls sse_a, sse_b" or, where there is no call, "includes a.h".
local function reason(one)
  if #one.calls == 0 then return "includes " .. one.includes[1] end
  table.sort(one.calls)
  return "calls " .. table.concat(one.calls, ", ")
end

-- Arrows that stay in their wing, as graph.lua takes them.
local function inside(self)
  local edges = {}
  for from, targets in pairs(self.from) do
    edges[from] = {}
    for to in pairs(targets) do
      if folder_of(to) == folder_of(from) then edges[from][to] = true end
    end
  end
  return edges
end

--- Tells of a shortest circle of each set of files that reach one another within a wing:
-- tell(node, text).
function arrows:each_circle(tell)
  for _, circle in ipairs(graph.circles(inside(self))) do
    local kind, words = "includes", { arrows.short(circle[1]) }
    for index = 2, #circle do
      local one = self.from[circle[index - 1]][circle[index]]
      if #one.calls > 0 then kind = "calls" end
      words[index] = ("%s (%s)"):format(arrows.short(circle[index]), reason(one))
    end
    tell(circle[1], ("%s go in a circle: %s"):format(kind, table.concat(words, " -> ")))
  end
end

--- Lines that name all arrows within each set of files that reach one another.
function arrows:knots()
  local edges, lines = inside(self), {}
  for _, knot in ipairs(graph.knots(edges)) do
    lines[#lines + 1] = ("%s: %d files that reach one another"):format(folder_of(knot[1]), #knot)
    for _, from in ipairs(knot) do
      for _, to in ipairs(knot) do
        local one = self.from[from][to]
        if one then
          lines[#lines + 1] = ("  %s -> %s (%s)"):format(arrows.short(from), arrows.short(to),
                                                         reason(one))
        end
      end
    end
  end
  return lines
end

--- Arrows between wings: list of { from, to, includes, calls }, sorted; the last two are counts.
function arrows:between_wings()
  local found, list = {}, {}
  for from, targets in pairs(self.from) do
    for to, one in pairs(targets) do
      local a, b = folder_of(from), folder_of(to)
      local key = a .. " " .. b
      if a ~= b then
        found[key] = found[key] or { from = a, to = b, includes = 0, calls = 0 }
        found[key].includes = found[key].includes + #one.includes
        found[key].calls = found[key].calls + #one.calls
      end
    end
  end
  for _, one in pairs(found) do list[#list + 1] = one end
  table.sort(list, function(a, b)
    if a.from ~= b.from then return a.from < b.from end
    return a.to < b.to
  end)
  return list
end

return arrows
