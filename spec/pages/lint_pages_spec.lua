-- `make lint` fails where a public name is missing from the reference or the types, where a page
-- names an option that is not there, and where a link leads nowhere: each in a copy of the tree
-- that is broken by hand.
local child = require "spec.support.child"
local lfs = require "lfs"
local tree_copy = require "spec.support.tree_copy"

local copy

local function lint()
  return copy.run(("%s %s/scripts/api.lua --check"):format(child.lua(), copy.root))
end

local function fails_with(...)
  local status, text = lint()
  assert.equal(1, status, text)
  for _, words in ipairs { ... } do assert.truthy(text:find(words, 1, true), text) end
end

local build = package.cpath:match "([^;]*)/%?%.so"

describe("the lint of pages", function()
  before_each(function()
    copy = tree_copy.new()
    local root = copy.root
    copy.must(("cp -R README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE Makefile "
      .. "docs types scripts lua examples bench %s"):format(root))
    build = build:find "^/" and build or lfs.currentdir() .. "/" .. build
    copy.must(("ln -s %s %s/build"):format(build, root))
    for _, folder in ipairs { "csrc", "spec", "interop", "fuzz" } do
      copy.must(("ln -s %s/%s %s/%s"):format(lfs.currentdir(), folder, root, folder))
    end
  end)
  after_each(function() copy:remove() end)

  it("finds nothing in the tree as it is", function()
    local status, text = lint()
    assert.equal(0, status, text)
    assert.truthy(text:find("all in docs/reference and types/sse.lua", 1, true), text)
  end)

  it("finds a function that is missing from the reference", function()
    copy:replace("docs/reference/loop.md", "### sse.after(ms, fn)", "### After")
    fails_with("no entry of 'sse.after'", "types/sse.lua: not as `make doc` writes it",
      "docs/reference.md: not as `make doc` writes it")
  end)

  it("finds an option that is missing from the reference", function()
    copy:replace("docs/reference/channels.md", "\n| `history_bytes` |", "\n| history_bytes |")
    fails_with("no row of the option 'history_bytes' of sse.channel")
  end)

  it("finds a name that is missing from the types", function()
    copy:replace("types/sse.lua", "function sse.after(ms, fn) end\n", "")
    fails_with "types/sse.lua: not as `make doc` writes it"
  end)

  it("finds a function that is new in the library", function()
    copy:replace("lua/sse/init.lua", "  run = core.run,\n",
      "  run = core.run,\n  nonsense = print,\n")
    fails_with "in no group: sse.nonsense"
  end)

  it("finds an option that is new in the library", function()
    copy:replace("lua/sse/server/options.lua", "  backlog = ",
      "  nonsense = options.integer(1),\n  backlog = ")
    fails_with "no row of the option 'nonsense' of sse.server"
  end)

  it("finds an option on any page that is not there", function()
    local readme = "README.md"
    local wrong = "\n```lua\nsse.server{ port = 9522, nonsense = 1 }\n```\n"
    copy:write(readme, copy:read(readme) .. wrong)
    copy:write("docs/new.md", "# New\n\nThe option `heartbeat_every` of a server.\n\n"
      .. "With `retryEvery = 5`.\n\n| curl | Here |\n|---|---|\n| `-a = 1` | `maxWait = 60` |\n")
    fails_with("README.md: 'nonsense' is no option of sse.server",
      "docs/new.md: no function has the option 'heartbeat_every' (line 3)",
      "docs/new.md: no function has the option 'retryEvery' (line 5)",
      "docs/new.md: no function has the option 'maxWait' (line 9)")
  end)

  it("finds links that lead nowhere", function()
    copy:write("docs/new.md", table.concat({
      "# A `new` page, for all", "", "[1](errors.md) [2](errors.md#codes) [3](../README.md)",
      "[4](#a-new-page-for-all) [5](https://example.com/gone) [6](nowhere.md)",
      "![7](nothing.png) [8](errors.md#no-such) [9](#gone) [10](../../outside.md)",
      '[11][known] [12][unknown] <img src="none.png"> `[13](code.md)`', "", "```", "[14](code.md)",
      "```", "[known]: reference/loop.md#who-calls-you", "[other]: reference/gone.md", "",
    }, "\n"))
    local status, text = lint()
    assert.equal(1, status)
    local dead = {}
    for target in text:gmatch "docs/new.md:%d+: dead link to (%S+):" do dead[#dead + 1] = target end
    table.sort(dead)
    assert.same({
      "#gone", "../../outside.md", "[unknown]", "errors.md#no-such", "none.png", "nothing.png",
      "nowhere.md", "reference/gone.md",
    }, dead)
  end)
end)
