-- docs/howto/test-handlers.md: its module and its spec, run by busted as a user would.
local blocks = require "spec.support.blocks"
local child = require "spec.support.child"
local lfs = require "lfs"

local PAGE = "docs/howto/test-handlers.md"

describe("the page about tests", function()
  after_each(child.stop)

  it("has a spec that passes, and fails where the module is wrong", function()
    local folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
    local function write(name, text)
      local file <close> = assert(io.open(folder .. "/" .. name, "w"))
      file:write(text)
    end
    local function run()
      local series = _VERSION:match("%d%.%d"):gsub("%.", "_")
      local path = ('LUA_PATH_%s="%s/?.lua;$LUA_PATH_%s"'):format(series, folder, series)
      local arguments = "scripts/busted.lua --output=TAP"
      local program = child.start(("%s %s/news_spec.lua"):format(arguments, folder), path)
      return program:wait(), program:output()
    end
    local module, spec = table.unpack(blocks.of_page(PAGE, "lua"))
    write("news.lua", module.code)
    write("news_spec.lua", spec.code)
    local status, output = run()
    assert.equal(0, status, output)
    assert.equal(2, select(2, ("\n" .. output):gsub("\nok ", "")), output)
    write("news.lua", (module.code:gsub("headline", "wrong")))
    assert.not_equal(0, (run()))
    for _, name in ipairs { "news.lua", "news_spec.lua" } do os.remove(folder .. "/" .. name) end
    assert(lfs.rmdir(folder))
  end)
end)
