--- Circles in a graph of names: for includes, calls and requires.
local graph = {}

--- The keys of a table of names, sorted.
function graph.sorted(set)
  local names = {}
  for name in pairs(set) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- Tarjan's algorithm: a knot is a largest set of nodes that all reach one another.
local function visit(walk, node)
  walk.count = walk.count + 1
  walk.index[node], walk.lowest[node] = walk.count, walk.count
  walk.stack[#walk.stack + 1] = node
  walk.on_stack[node] = true
  for _, target in ipairs(graph.sorted(walk.edges[node] or {})) do
    if not walk.index[target] then
      visit(walk, target)
      walk.lowest[node] = math.min(walk.lowest[node], walk.lowest[target])
    elseif walk.on_stack[target] then
      walk.lowest[node] = math.min(walk.lowest[node], walk.index[target])
    end
  end
  if walk.lowest[node] < walk.index[node] then return end
  local knot = {}
  repeat
    local member = table.remove(walk.stack)
    walk.on_stack[member] = nil
    knot[#knot + 1] = member
  until member == node
  if #knot > 1 or (walk.edges[node] or {})[node] then
    table.sort(knot)
    walk.knots[#walk.knots + 1] = knot
  end
end

--- Sets of nodes that reach one another, each a sorted list.
-- edges: name -> table whose keys are the names that it leads to.
function graph.knots(edges)
  local walk = {
    edges = edges, count = 0, index = {}, lowest = {}, stack = {}, on_stack = {}, knots = {},
  }
  for _, node in ipairs(graph.sorted(edges)) do
    if not walk.index[node] then visit(walk, node) end
  end
  table.sort(walk.knots, function(a, b) return a[1] < b[1] end)
  return walk.knots
end

-- The shortest way from a node back to itself, as a list that begins and ends with it.
local function shortest(edges, start)
  local from, queue = {}, { start }
  for _, node in ipairs(queue) do
    for _, target in ipairs(graph.sorted(edges[node] or {})) do
      if target == start then
        local path = { start }
        while node ~= start do
          table.insert(path, 1, node)
          node = from[node]
        end
        table.insert(path, 1, start)
        return path
      elseif not from[target] then
        from[target] = node
        queue[#queue + 1] = target
      end
    end
  end
end

--- One shortest circle of each knot: lists { "a", "b", "a" }.
function graph.circles(edges)
  local found = {}
  for index, knot in ipairs(graph.knots(edges)) do
    for _, node in ipairs(knot) do
      local circle = shortest(edges, node)
      if not found[index] or #circle < #found[index] then found[index] = circle end
    end
  end
  return found
end

return graph
