--- The packages that docs/install.md lists for each platform are those of scripts/deps.sh.
local packages = {}

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local COLUMNS = { "apt", "dnf", "apk", "brew" }

-- By manager, the set of packages of the group `build` in scripts/deps.sh.
local function wanted()
  local sets = { apt = {}, dnf = {}, apk = {}, brew = {} }
  local rows = read "scripts/deps.sh":match "\n    build%).-\n(.-)\nLIST"
  for row in rows:gmatch "[^\n]+" do
    local cells = {}
    for cell in (row .. "|"):gmatch "([^|]*)|" do cells[#cells + 1] = cell end
    for i, manager in ipairs(COLUMNS) do
      for name in cells[i + 2]:gmatch "%S+" do sets[manager][name] = true end
    end
  end
  return sets
end

-- The packages that the page's commands "apt install a b \", "c d" install, by manager.
local function listed(text)
  local sets = {}
  for line in text:gsub("\\\n%s*", " "):gmatch "[^\n]+" do
    local manager, names = line:match "^%s*s?u?d?o? ?(%a+)%-?g?e?t? install (.*)$"
    if not manager then manager, names = line:match "^%s*s?u?d?o? ?(apk) add (.*)$" end
    for name in (names or ""):gmatch "%f[%S][%w][%w._+@-]*" do
      sets[manager] = sets[manager] or {}
      sets[manager][name] = true
    end
  end
  return sets
end

--- Checks the page.
function packages.check(complain)
  local lists = listed(read "docs/install.md")
  for manager, names in pairs(wanted()) do
    for name in pairs(names) do
      if not (lists[manager] or {})[name] then
        complain("docs/install.md: %s of scripts/deps.sh is not installed by %s", name, manager)
      end
    end
  end
end

return packages
