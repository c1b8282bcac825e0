-- `make lint` fails where a public name is missing from the reference or the types, where a page
-- names an option that is not there, and where a link leads nowhere: each in a copy of the tree
-- that is broken by hand.
local child = require "spec.support.child"
local lfs = require "lfs"

local CLEAN = "env -u LD_PRELOAD -u DYLD_INSERT_LIBRARIES " -- sanitizers are for our own code
local root

local function must(command) assert(os.execute(CLEAN .. command)) end

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
end

-- Replaces a piece of a file in the copy.
local function replace(path, from, to)
  local text = read(root .. "/" .. path)
  local first, last = text:find(from, 1, true)
  assert(first, ("no '%s' in %s"):format(from, path))
  write(root .. "/" .. path, text:sub(1, first - 1) .. to .. text:sub(last + 1))
end

local function lint()
  local command = "%s %s/scripts/api.lua --check 2>&1; echo $?"
  local pipe <close> = assert(io.popen(command:format(child.lua(), root)))
  local text, status = pipe:read "a":match "^(.*)%f[%d](%d+)\n$"
  return tonumber(status), text
end

local function fails_with(...)
  local status, text = lint()
  assert.equal(1, status, text)
  for _, words in ipairs { ... } do assert.truthy(text:find(words, 1, true), text) end
end

local build = package.cpath:match "([^;]*)/%?%.so"

describe("the lint of pages", function()
  before_each(function()
    root = os.tmpname()
    os.remove(root)
    must("mkdir " .. root)
    must(("cp -R README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE Makefile "
      .. "docs types scripts lua examples bench %s"):format(root))
    build = build:find "^/" and build or lfs.currentdir() .. "/" .. build
    must(("ln -s %s %s/build"):format(build, root))
    for _, folder in ipairs { "csrc", "spec", "interop", "fuzz" } do
      must(("ln -s %s/%s %s/%s"):format(lfs.currentdir(), folder, root, folder))
    end
  end)
  after_each(function() must("rm -r " .. root) end)

  it("finds nothing in the tree as it is", function()
    local status, text = lint()
    assert.equal(0, status, text)
    assert.truthy(text:find("all in docs/reference and types/sse.lua", 1, true), text)
  end)

  it("finds a function that is missing from the reference", function()
    replace("docs/reference/loop.md", "### sse.after(ms, fn)", "### After")
    fails_with("no entry of 'sse.after'", "types/sse.lua: not as `make doc` writes it",
      "docs/reference.md: not as `make doc` writes it")
  end)

  it("finds an option that is missing from the reference", function()
    replace("docs/reference/channels.md", "\n| `history_bytes` |", "\n| history_bytes |")
    fails_with("no row of the option 'history_bytes' of sse.channel")
  end)

  it("finds a name that is missing from the types", function()
    replace("types/sse.lua", "function sse.after(ms, fn) end\n", "")
    fails_with "types/sse.lua: not as `make doc` writes it"
  end)

  it("finds a function that is new in the library", function()
    replace("lua/sse/init.lua", "  run = core.run,\n", "  run = core.run,\n  nonsense = print,\n")
    fails_with "in no group: sse.nonsense"
  end)

  it("finds an option that is new in the library", function()
    replace("lua/sse/server/options.lua", "  backlog = ",
      "  nonsense = options.integer(1),\n  backlog = ")
    fails_with "no row of the option 'nonsense' of sse.server"
  end)

  it("finds an option on any page that is not there", function()
    local readme = root .. "/README.md"
    write(readme, read(readme) .. "\n```lua\nsse.server{ port = 9522, nonsense = 1 }\n```\n")
    write(root .. "/docs/new.md", "# New\n\nThe option `heartbeat_every` of a server.\n\n"
      .. "With `retryEvery = 5`.\n\n| curl | Here |\n|---|---|\n| `-a = 1` | `maxWait = 60` |\n")
    fails_with("README.md: 'nonsense' is no option of sse.server",
      "docs/new.md: no function has the option 'heartbeat_every' (line 3)",
      "docs/new.md: no function has the option 'retryEvery' (line 5)",
      "docs/new.md: no function has the option 'maxWait' (line 9)")
  end)

  it("finds links that lead nowhere", function()
    write(root .. "/docs/new.md", table.concat({
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
