--- Collects complaints, each once.
local report = {}

--- Makes a report: `add(complaint)`, `about(path)`, `sorted()`, and `count`, of names looked up.
function report.new()
  local list, seen, made = {}, {}, { count = 0 }
  function made.add(complaint)
    if not seen[complaint] then list[#list + 1] = complaint end
    seen[complaint] = true
  end
  -- A report whose complaints are about a page.
  function made.about(path)
    return {
      count = 0, add = function(complaint) made.add(("%s: %s"):format(path, complaint)) end,
    }
  end
  function made.sorted()
    table.sort(list)
    return list
  end
  return made
end

return report
