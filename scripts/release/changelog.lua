--- CHANGELOG.md: a section for what is not released, then one for each release, the newest first.
local changelog = {}

-- The sections: `name`, `date`, `lines` (how many begin with "- " or "| "), `line`.
local function read_sections(text)
  local list, number = {}, 0
  for line in text:gmatch "(.-)\n" do
    number = number + 1
    local name, rest = line:match "^## %[([^%]]+)%](.*)$"
    if name then
      list[#list + 1] = { name = name, date = rest:match "^ %- (.*)$", lines = 0, line = number }
    elseif #list > 0 and line:find "^[-|] " then
      list[#list].lines = list[#list].lines + 1
    end
  end
  return list
end

local function number_of(version)
  local major, minor, patch = version:match "^(%d+)%.(%d+)%.(%d+)$"
  if not major then return nil end
  return tonumber(major) * 1000000 + tonumber(minor) * 1000 + tonumber(patch)
end

local function check_section(section, before, complain)
  local where = ("CHANGELOG.md:%d: [%s]"):format(section.line, section.name)
  local number = number_of(section.name)
  if not number then return complain("%s is no version", where) end
  if not (section.date or ""):find "^%d%d%d%d%-%d%d%-%d%d$" then
    complain("%s has no date such as 2026-11-30", where)
  end
  if section.lines == 0 then complain("%s says nothing", where) end
  if before and number >= before then complain("%s is not older than the one above", where) end
  return number
end

--- Checks it.
-- @treturn bool whether nothing is Unreleased: the tree is that of the version, not past it
function changelog.check(version, complain)
  local file <close> = assert(io.open("CHANGELOG.md", "rb"))
  local text = file:read "a"
  local sections = read_sections(text)
  if not sections[1] or sections[1].name ~= "Unreleased" then
    complain "CHANGELOG.md: [Unreleased] is not the first section"
    return false
  end
  if not sections[2] or sections[2].name ~= version then
    complain("CHANGELOG.md: [%s] is not the first section of a release", version)
  end
  local before
  for i = 2, #sections do before = check_section(sections[i], before, complain) end
  if not text:find(("\n[%s]: http"):format(version), 1, true) then
    complain("CHANGELOG.md: no link for [%s]", version)
  end
  return sections[1].lines == 0
end

return changelog
