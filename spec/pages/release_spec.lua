-- scripts/release.lua: everything that names the version agrees, and each check fails in a copy of
-- the files that is broken by hand.
local child = require "spec.support.child"
local lfs = require "lfs"

local CLEAN = "env -u LD_PRELOAD -u DYLD_INSERT_LIBRARIES " -- sanitizers are for our own code
local version = require "sse.version"
local rockspec = ("lua-sse-%s-1.rockspec"):format(version)
local root

local function must(command) assert(os.execute(CLEAN .. command)) end

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function write(path, text)
  local file <close> = assert(io.open(root .. "/" .. path, "wb"))
  file:write(text)
end

local function replace(path, from, to)
  local text = read(root .. "/" .. path)
  local first, last = text:find(from, 1, true)
  assert(first, ("no '%s' in %s"):format(from, path))
  write(path, text:sub(1, first - 1) .. to .. text:sub(last + 1))
end

local function run(option)
  local command = "%s scripts/release.lua %s %s 2>&1; echo $?"
  local pipe <close> = assert(io.popen(command:format(child.lua(), option or "", root)))
  local text, status = pipe:read "a":match "^(.*)%f[%d](%d+)\n$"
  return tonumber(status), text
end

local function fails_with(words)
  local status, text = run()
  assert.equal(1, status, text)
  assert.truthy(text:find(words, 1, true), text)
end

describe("the release", function()
  before_each(function()
    root = os.tmpname()
    os.remove(root)
    must(("mkdir -p %s/lua/sse %s/types %s/scripts"):format(root, root, root))
    must(("cp -R *.rockspec CHANGELOG.md docs %s && cp lua/sse/version.lua %s/lua/sse"
      .. " && cp scripts/deps.sh %s/scripts"):format(root, root, root))
  end)
  after_each(function() must("rm -r " .. root) end)

  it("agrees with itself in the tree as it is", function()
    local status, text = run()
    assert.equal(0, status, text)
    assert.truthy(text:find("release: " .. version, 1, true), text)
  end)

  it("has a rockspec and a section of the changelog for its version", function()
    write("lua/sse/version.lua", 'return "7.1.0"\n')
    fails_with "lua-sse-7.1.0-1.rockspec: not as `make release` makes it"
    fails_with "CHANGELOG.md: [7.1.0] is not the first section of a release"
    replace("CHANGELOG.md", "## [Unreleased]\n",
      "## [Unreleased]\n\n## [7.1.0] - 2027-01-01\n\n- New.\n")
    fails_with "CHANGELOG.md: no link for [7.1.0]"
    write("CHANGELOG.md", read(root .. "/CHANGELOG.md") .. "[7.1.0]: https://example.com/\n")
    local status, text = run "--write"
    assert.equal(0, status, text)
    local made = read(root .. "/lua-sse-7.1.0-1.rockspec")
    assert.truthy(made:find('\n  tag = "v7.1.0",\n', 1, true))
    assert.truthy(made:find('\nversion = "7.1.0-1"\n', 1, true))
  end)

  it("has a version that is one", function()
    write("lua/sse/version.lua", 'return "next"\n')
    fails_with "lua/sse/version.lua: 'next' is no version"
    assert.equal(1, (run "--write"))
    assert.is_nil(lfs.attributes(root .. "/lua-sse-next-1.rockspec"))
  end)

  it("has a rockspec that is made of the scm one", function()
    replace(rockspec, "MIT", "GPL")
    fails_with(rockspec .. ": not as `make release` makes it")
  end)

  it("says in its rockspecs who makes it, and where", function()
    for _, field in ipairs { "homepage", "issues_url", "maintainer", "license", "labels" } do
      replace("lua-sse-scm-1.rockspec", "  " .. field .. " = ", "  former_" .. field .. " = ")
      fails_with("lua-sse-scm-1.rockspec: no description." .. field)
    end
    replace(rockspec, '"v' .. version .. '"', '"v0.0.1"')
    fails_with(rockspec .. ": source.tag is not v" .. version)
    must(("mv %s/%s %s/lua-sse-9.9.9-1.rockspec"):format(root, rockspec, root))
    fails_with("lua-sse-9.9.9-1.rockspec: has lua-sse " .. version .. "-1")
  end)

  it("has a changelog in order", function()
    replace("CHANGELOG.md", "## [0.1.0] - 2026-11-21", "## [5.0.0] - last year")
    fails_with "[5.0.0] has no date such as"
    fails_with "[5.0.0] is not older than the one above"
    replace("CHANGELOG.md", "## [Unreleased]\n\n", "")
    fails_with "CHANGELOG.md: [Unreleased] is not the first section"
  end)

  it("can be installed by what docs/install.md lists", function()
    replace("scripts/deps.sh", "|libevent-dev|libevent-devel|", "|libevent-dev|libevent2-devel|")
    fails_with "docs/install.md: libevent2-devel of scripts/deps.sh is not installed by dnf"
  end)
end)
