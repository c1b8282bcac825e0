-- scripts/release.lua: everything that names the version agrees, and each check fails in a copy of
-- the files that is broken by hand.
local child = require "spec.support.child"
local lfs = require "lfs"
local tree_copy = require "spec.support.tree_copy"

local version = require "sse.version"
local rockspec = ("lua-sse-%s-1.rockspec"):format(version)
local copy

local function run(option)
  return copy.run(("%s scripts/release.lua %s %s"):format(child.lua(), option or "", copy.root))
end

local function fails_with(words)
  local status, text = run()
  assert.equal(1, status, text)
  assert.truthy(text:find(words, 1, true), text)
end

-- Has nothing unreleased.
local function release_all()
  local text = copy:read "CHANGELOG.md"
  local from = text:find("## [Unreleased]\n", 1, true) + #"## [Unreleased]\n"
  local to = text:find("\n## [" .. version .. "]", 1, true)
  copy:write("CHANGELOG.md", text:sub(1, from - 1) .. text:sub(to))
end

describe("the release", function()
  before_each(function()
    copy = tree_copy.new()
    local root = copy.root
    copy.must(("mkdir -p %s/lua/sse %s/types %s/scripts"):format(root, root, root))
    copy.must(("cp -R *.rockspec CHANGELOG.md docs %s"):format(root))
    copy.must(("cp lua/sse/version.lua %s/lua/sse"):format(root))
    copy.must(("cp scripts/deps.sh %s/scripts"):format(root))
  end)
  after_each(function() copy:remove() end)

  it("agrees with itself in the tree as it is", function()
    local status, text = run()
    assert.equal(0, status, text)
    assert.truthy(text:find("release: " .. version, 1, true), text)
  end)

  it("has a rockspec and a section of the changelog for its version", function()
    copy:write("lua/sse/version.lua", 'return "7.1.0"\n')
    fails_with "there is no rockspec of the release 7.1.0"
    fails_with "CHANGELOG.md: [7.1.0] is not the first section of a release"
    copy:replace("CHANGELOG.md", "## [Unreleased]\n",
      "## [Unreleased]\n\n## [7.1.0] - 2027-01-01\n\n- New.\n")
    fails_with "lua-sse-7.1.0-1.rockspec: not as `make release` makes it"
    fails_with "lua-sse-sqlite-7.1.0-1.rockspec: not as `make release` makes it"
    fails_with "CHANGELOG.md: no link for [7.1.0]"
    copy:write("CHANGELOG.md", copy:read("CHANGELOG.md") .. "[7.1.0]: https://example.com/\n")
    local status, text = run "--write"
    assert.equal(0, status, text)
    local made = copy:read("lua-sse-7.1.0-1.rockspec")
    assert.truthy(made:find('\n  tag = "v7.1.0",\n', 1, true))
    assert.truthy(made:find('\nversion = "7.1.0-1"\n', 1, true))
    made = copy:read("lua-sse-sqlite-7.1.0-1.rockspec")
    assert.truthy(made:find('\n  tag = "v7.1.0",\n', 1, true))
    assert.truthy(made:find('\n  "lua-sse == 7.1.0",\n', 1, true))
  end)

  it("has a version that is one", function()
    copy:write("lua/sse/version.lua", 'return "next"\n')
    fails_with "lua/sse/version.lua: 'next' is no version"
    assert.equal(1, (run "--write"))
    assert.is_nil(lfs.attributes(copy.root .. "/lua-sse-next-1.rockspec"))
  end)

  it("has a rockspec that is made of the scm one", function()
    release_all()
    assert.equal(0, (run "--write"))
    copy:replace(rockspec, "MIT", "GPL")
    fails_with(rockspec .. ": not as `make release` makes it")
  end)

  it("keeps the rockspecs of what is out, once something is unreleased", function()
    release_all()
    assert.equal(0, (run "--write"))
    copy:replace("CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n- New.\n")
    copy:replace("lua-sse-scm-1.rockspec", "MIT", "GPL")
    assert.equal(0, (run()))
    local status, text = run "--write"
    assert.equal(1, status)
    assert.truthy(text:find("put what is [Unreleased] below [" .. version .. "]", 1, true), text)
  end)

  it("says in its rockspecs who makes it, and where", function()
    for _, field in ipairs { "homepage", "issues_url", "maintainer", "license", "labels" } do
      copy:replace("lua-sse-scm-1.rockspec", "  " .. field .. " = ", "  former_" .. field .. " = ")
      fails_with("lua-sse-scm-1.rockspec: no description." .. field)
    end
    copy:replace(rockspec, '"v' .. version .. '"', '"v0.0.1"')
    fails_with(rockspec .. ": source.tag is not v" .. version)
    local root = copy.root
    copy.must(("mv %s/%s %s/lua-sse-9.9.9-1.rockspec"):format(root, rockspec, root))
    fails_with("lua-sse-9.9.9-1.rockspec: has lua-sse " .. version .. "-1")
  end)

  it("has a changelog in order", function()
    copy:replace("CHANGELOG.md", "## [0.1.0] - 2026-11-21", "## [5.0.0] - last year")
    fails_with "[5.0.0] has no date such as"
    fails_with "[5.0.0] is not older than the one above"
    copy:replace("CHANGELOG.md", "## [Unreleased]\n\n", "")
    fails_with "CHANGELOG.md: [Unreleased] is not the first section"
  end)

  it("can be installed by what docs/install.md lists", function()
    copy:replace("scripts/deps.sh", "|libevent-dev|libevent-devel|",
      "|libevent-dev|libevent2-devel|")
    fails_with "docs/install.md: libevent2-devel of scripts/deps.sh is not installed by dnf"
  end)
end)
