-- Fields of sse that are rocks of their own.
local child = require "spec.support.child"

describe("sse.sqlite", function()
  after_each(child.stop)

  local function printed_by(code)
    local program = child.script('local sse = require "sse"\n' .. code)
    program:wait()
    return program:output()
  end

  it("is loaded when it is first read, and shown by pairs", function()
    assert.equal("nil\tfunction\tfunction\n", printed_by [[
      local before = package.loaded["sse.sqlite"]
      local shown
      for name, value in pairs(sse) do
        if name == "sqlite" then shown = type(value) end
      end
      print(before, shown, type(sse.sqlite))
    ]])
  end)

  it("says how to install it where it is not", function()
    for _, hidden in ipairs { "path", "cpath" } do
      local said = printed_by(([[
        package.%s = ""
        for name in pairs(sse) do assert(name ~= "sqlite") end
        print(select(2, pcall(function() return sse.sqlite "events.db" end)))
      ]]):format(hidden))
      local words = "sse.sqlite is not installed: it is the rock lua-sse-sqlite (luarocks install "
        .. "lua-sse-sqlite) [docs/errors.md#rocks]"
      assert.truthy(said:find(words, 1, true), said)
      assert.truthy(said:find "^[^\n]+:%d+: ", said)
    end
  end)
end)
