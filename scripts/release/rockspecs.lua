--- The rockspecs: that of the present state of each rock, NAME-scm-1.rockspec, is written by hand;
-- those of releases, NAME-VERSION-1.rockspec, are made of it.
local lfs = require "lfs"

local rockspecs = {}

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return text
end

-- The names of files in the present folder that end with this, sorted.
local function find(ending)
  local list = {}
  for name in lfs.dir "." do
    if name:sub(-#ending) == ending then list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

-- The text of a release's rockspec, from that of the scm one. A rock that needs lua-sse needs the
-- one of the same release.
local function released(text, version)
  local with_version, first = text:gsub('version = "scm%-1"', ('version = "%s-1"'):format(version))
  local whole, second = with_version:gsub('(\n(%s+)url = "[^"]*",\n)',
    ('%%1%%2tag = "v%s",\n'):format(version), 1)
  assert(first == 1 and second == 1, "no version scm-1 or no url")
  return (whole:gsub('"lua%-sse == scm"', ('"lua-sse == %s"'):format(version)))
end

local function released_name(name, version)
  return (name:gsub("scm%-1%.rockspec$", version .. "-1.rockspec"))
end

--- Writes the rockspec of a release of each rock.
-- @tparam string version
-- @tparam[opt] string folder where to; else the present one
function rockspecs.write(version, folder)
  for _, name in ipairs(find "-scm-1.rockspec") do
    local path = (folder and folder .. "/" or "") .. released_name(name, version)
    local file <close> = assert(io.open(path, "wb"))
    file:write(released(read(name), version))
  end
end

-- A rockspec as a table.
local function load_rockspec(name)
  local spec = {}
  local chunk, problem = load(read(name), "@" .. name, "t", spec)
  if not chunk then return nil, problem end
  chunk()
  return spec
end

local WANTED = { "summary", "detailed", "homepage", "issues_url", "maintainer", "license" }

-- Complains about what a rockspec lacks, whatever its version.
local function check_fields(name, spec, complain)
  local description = spec.description or {}
  for _, field in ipairs(WANTED) do
    if not description[field] then complain("%s: no description.%s", name, field) end
  end
  if #(description.labels or {}) == 0 then complain("%s: no description.labels", name) end
  if name ~= ("%s-%s.rockspec"):format(spec.package, spec.version) then
    complain("%s: has %s %s", name, tostring(spec.package), tostring(spec.version))
  end
  local tag = spec.version:match "^(%d.*)%-%d+$"
  if tag and (spec.source or {}).tag ~= "v" .. tag then
    complain("%s: source.tag is not v%s", name, tag)
  end
  for _, folder in ipairs((spec.build or {}).copy_directories or {}) do
    if lfs.attributes(folder, "mode") ~= "directory" then complain("%s: no %s/", name, folder) end
  end
end

-- Those of the release are as they are made of the scm ones.
local function check_release(version, complain)
  for _, name in ipairs(find "-scm-1.rockspec") do
    local path = released_name(name, version)
    if read(path) ~= released(read(name), version) then
      complain("%s: not as `make release` makes it from %s", path, name)
    end
  end
end

--- Checks the rockspecs. Once the tree is past a release, the release's rockspecs stay as they are,
-- whatever becomes of the scm ones.
-- @tparam string version
-- @tparam bool is_released whether the tree is that of the version
-- @tparam function complain
-- @treturn int how many there are
function rockspecs.check(version, is_released, complain)
  if is_released then
    check_release(version, complain)
  elseif #find(("-%s-1.rockspec"):format(version)) == 0 then
    complain("there is no rockspec of the release %s", version)
  end
  local all = find ".rockspec"
  for _, name in ipairs(all) do
    local spec, problem = load_rockspec(name)
    if spec then check_fields(name, spec, complain) else complain("%s", problem) end
  end
  return #all
end

return rockspecs
