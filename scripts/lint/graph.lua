--- Circles in a graph of names: for includes and requires.
local graph = {}

local function sorted(set)
  local names = {}
  for name in pairs(set) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function visit(edges, node, state, path, found)
  state[node] = "open"
  path[#path + 1] = node
  for _, target in ipairs(sorted(edges[node] or {})) do
    if state[target] == "open" then
      local first = #path
      while path[first] ~= target do first = first - 1 end
      found[#found + 1] = table.concat(path, " -> ", first) .. " -> " .. target
    elseif not state[target] then
      visit(edges, target, state, path, found)
    end
  end
  path[#path] = nil
  state[node] = "done"
end

--- The circles that a walk meets, each as "a -> b -> a". edges: name -> set of names.
function graph.circles(edges)
  local state, found = {}, {}
  for _, node in ipairs(sorted(edges)) do
    if not state[node] then visit(edges, node, state, {}, found) end
  end
  return found
end

return graph
