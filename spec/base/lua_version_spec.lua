-- Lua before 5.4 is refused in one line: by each module that a user may require, before a syntax
-- error of later Lua's words could come up, and by the C sources.
local lfs = require "lfs"

local CLEAN = "env -u LD_PRELOAD -u DYLD_INSERT_LIBRARIES " -- sanitizers are for our own code
local OLD = { "lua5.1", "lua5.2", "lua5.3", "lua-5.1", "lua51", "lua53", "luajit" }
-- 5.2 and 5.3 look at variables of their own first.
local PATHS = "env -u LUA_INIT -u LUA_INIT_5_2 -u LUA_INIT_5_3 -u LUA_PATH_5_2 -u LUA_PATH_5_3 " ..
  "LUA_PATH='lua/?.lua;lua/?/init.lua' LUA_CPATH='build/?.so' "

local function output_of(command)
  local pipe = assert(io.popen(CLEAN .. command .. " 2>&1"))
  local text = pipe:read "a"
  return text, (pipe:close())
end

local function installed()
  local list = {}
  for _, name in ipairs(OLD) do
    if output_of("sh -c 'command -v " .. name .. "'") ~= "" then list[#list + 1] = name end
  end
  return list
end

-- The modules that a user may require, but for sse.version, which any Lua may read.
local function public()
  local list = {}
  for file in lfs.dir "lua/sse" do
    local name = file:match "^(%w+)%.lua$"
    if name and name ~= "version" then
      list[#list + 1] = name == "init" and "sse" or "sse." .. name
    end
  end
  return list
end

describe("another Lua than 5.4", function()
  it("is here to be refused: `scripts/deps.sh test` installs one", function()
    assert.is_true(#installed() > 0)
  end)

  for _, lua in ipairs(installed()) do
    local name = output_of(lua .. " -e 'io.write(jit and jit.version or _VERSION)'")

    it(("as %s is refused by what a user may require"):format(name), function()
      local wanted = ("false lua-sse needs Lua 5.4 or later; this is %s\n"):format(name)
      local modules = public()
      assert.is_true(#modules > 10)
      for _, module in ipairs(modules) do
        local script = ('print(pcall(require, "%s"))'):format(module)
        local text = output_of(PATHS .. lua .. " -e '" .. script .. "'"):gsub("\t", " ")
        assert.equal(wanted, text, module)
      end
    end)
  end

  -- Headers of a Lua 5.3 that have nothing but their number.
  it("is refused by the C sources", function()
    local folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
    for _, header in ipairs { "lua.h", "lauxlib.h" } do
      local file <close> = assert(io.open(folder .. "/" .. header, "w"))
      file:write "#define LUA_VERSION_NUM 503\n"
    end
    local text, ok = output_of(("%s -fsyntax-only -I%s csrc/bind/lua_api.h"):format(
      os.getenv "CC" or "cc", folder))
    os.execute("rm -r " .. folder)
    assert.is_nil(ok)
    assert.matches("lua%-sse needs Lua 5%.4 or later", text)
  end)
end)
