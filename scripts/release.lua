--- Prepares and checks a release, whose number is that of lua/sse/version.lua (docs/releasing.md).
-- release.lua [ROOT]: checks that everything which names the release agrees.
-- release.lua --write [ROOT]: first writes the rockspec of each rock's release, from its scm one.
local here = arg[0]:gsub("[^/]*$", "")
package.path = here .. "?.lua;" .. package.path
local lfs = require "lfs"

local changelog = require "release.changelog"
local packages = require "release.packages"
local rockspecs = require "release.rockspecs"

local writes = arg[1] == "--write"
if writes then table.remove(arg, 1) end
assert(lfs.chdir(arg[1] or here .. ".."))

local version = dofile "lua/sse/version.lua"
local complaints = {}
local function complain(...) complaints[#complaints + 1] = (...):format(select(2, ...)) end

local is_version = version:find "^%d+%.%d+%.%d+$"
if not is_version then
  complain("lua/sse/version.lua: '%s' is no version such as 0.2.0", version)
end
local is_released = changelog.check(version, complain)
if writes and not is_released then
  complain("CHANGELOG.md: put what is [Unreleased] below [%s] before rockspecs are made",
    version)
elseif writes and is_version then
  rockspecs.write(version)
end
local count = rockspecs.check(version, is_released, complain)
packages.check(complain)

for _, complaint in ipairs(complaints) do io.stderr:write(complaint, "\n") end
if #complaints == 0 then
  print(("release: %s, in %d rockspecs, the changelog and docs/install.md"):format(version, count))
end
os.exit(#complaints == 0)
