-- What the library does to its process: signals, children that are started, several Lua states.
local child = require "spec.support.child"
local core = require "sse.core"
local process = require "spec.process"
local sse = require "sse"

-- Runs a program with that disposition of SIGPIPE in a process of its own; returns its output.
local function run(ignored, text)
  local program = child.script(("local process = require 'spec.process'\n" ..
    "process.set_sigpipe(%s)\n%s"):format(ignored, text))
  local status = program:wait()
  local output = program:output()
  assert.equal(0, status, output)
  return output
end

describe("SIGPIPE", function()
  after_each(child.stop)

  local ASK = [[
    require "sse"
    local pipe = io.popen("kill -PIPE $$; echo alive")
    io.write(process.sigpipe(), " ", pipe:read("a"))
  ]]

  it("ends programs that a program with the library starts, as it does without", function()
    assert.equal("handled ", run(false, ASK))
  end)

  it("stays ignored where the program ignores it", function()
    assert.equal("ignored alive\n", run(true, ASK))
  end)

  it("does not end the program when a peer is gone", function()
    assert.equal("here", run(false, [[
      require "sse"
      local pipe = io.popen("exec true", "w")
      for _ = 1, 100 do
        pipe:write(("x"):rep(100000))
        pipe:flush()
      end
      io.write "here"
    ]]))
  end)

  it("is as it was when the last Lua state with the library has ended", function()
    assert.equal("default handled default", run(false, [[
      local before = process.sigpipe()
      local within = process.state "require 'sse'; return require('spec.process').sigpipe()"
      io.write(before, " ", within, " ", process.sigpipe())
    ]]))
  end)
end)

describe("sse.signal", function()
  it("says that another Lua state watches signals", function()
    local _signal <close> = sse.signal("SIGUSR1", function() end)
    local ok, message = process.state [[
      local sse = require "sse"
      sse.signal("SIGUSR2", function() end)
    ]]
    assert.is_nil(ok)
    assert.truthy(message:find("another Lua state of this process watches signals", 1, true),
      message)
  end)

  it("can watch when the other has stopped", function()
    local signal = sse.signal("SIGUSR1", function() end)
    signal:stop()
    local text = [[
      local core = require "sse.core"
      local got
      require("sse").signal("SIGUSR2", function() got = true end)
      os.execute("kill -USR2 $PPID")
      local _tick <close> = core.every(1, function() end)
      local _limit <close> = core.after(10000, function() got = "late" end)
      while not got do core.turn() end
      return got
    ]]
    assert.equal("true", process.state(text))
    local got
    local _signal <close> = sse.signal("SIGUSR1", function() got = true end)
    os.execute("kill -USR1 $PPID")
    local _tick <close> = core.every(1, function() end)
    local _limit <close> = core.after(10000, function() got = "late" end)
    while not got do core.turn() end
    assert.is_true(got)
  end)
end)
