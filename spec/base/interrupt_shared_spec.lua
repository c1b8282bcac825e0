-- Ctrl-C where something else has to do with it: handlers of the program's, pcall, debug hooks,
-- forks and other Lua states.
local interrupted = require "spec.support.interrupted"
local terminal = require "spec.support.terminal"

local press, check = interrupted.press, interrupted.check

-- "interrupted!" has a place and a traceback where the key comes before `print "ready"` has ended.
describe("Ctrl-C", function()
  after_each(terminal.stop)

  it("is left to handlers of sse.signal, and to Lua again when they are stopped", function()
    local program = press [[
      local timer, signal = sse.every(3600 * 1000, print), nil
      signal = sse.signal("SIGINT", function()
        print "told"
        signal:stop()
        timer:stop()
      end)
      sse.spawn(print, "ready")
      sse.run()
      sse.every(3600 * 1000, print)
      sse.after(0, function() print "again" end)
      sse.run()
    ]]
    program:till "told.*again"
    program:interrupt()
    check(program)
  end)

  it("is left to handlers that are set and stopped while the loop runs", function()
    local program = press [[
      sse.every(3600 * 1000, print)
      sse.spawn(function()
        local signal
        signal = sse.signal("INT", function()
          print "told"
          signal:stop()
          sse.sleep(0)
          print "again"
        end)
        print "ready"
      end)
      sse.run()
    ]]
    program:till "told.*again"
    program:interrupt()
    check(program)
  end)

  it("is caught by pcall, and the loop can be used again", function()
    local program = press [[
      local task = sse.spawn(function()
        sse.sleep(200)
        return "goes on"
      end)
      local timer = sse.every(3600 * 1000, print)
      sse.spawn(print, "ready")
      print("caught", pcall(sse.run))
      timer:stop()
      print("then", task:wait())
      sse.run()
      os.exit(7, true)
    ]]
    local status, shown = program:wait()
    assert.truthy(shown:find "caught\tfalse\t[^\n]*interrupted!\n.*then\tgoes on\n", shown)
    assert.equal(7, status)
  end)

  it("ends the process as a second one where the first was caught", function()
    local program = press [[
      sse.every(3600 * 1000, print)
      sse.spawn(print, "ready")
      print("caught", pcall(sse.run))
      sse.run()
    ]]
    program:till "caught"
    program:interrupt()
    assert.equal(-2, (program:wait()))
  end)

  it("lets to-be-closed variables of the program close", function()
    local program = press [[
      local guard <close> = setmetatable({}, { __close = function() print "closed" end })
      sse.every(3600 * 1000, print)
      sse.spawn(print, "ready")
      sse.run()
    ]]
    assert.equal(1, (program:wait()))
    assert.truthy(program:output():find "closed\n")
  end)

  it("passes by a debug hook of the program's, which goes on", function()
    local program = press [[
      local lines = 0
      debug.sethook(function() lines = lines + 1 end, "l")
      sse.every(3600 * 1000, print)
      sse.spawn(print, "ready")
      print("caught", pcall(sse.run))
      print("lines", lines > 0)
      os.exit(7, true)
    ]]
    local status, shown = program:wait()
    assert.truthy(shown:find "caught\tfalse\t[^\n]*interrupted!\n.*lines\ttrue\n", shown)
    assert.equal(7, status)
  end)

  it("ends a process that was forked by itself", function()
    local program = terminal.script(interrupted.HEAD .. [[
      local process = require "spec.process"
      sse.every(3600 * 1000, print)
      sse.spawn(function()
        local id = process.fork()
        if id == 0 then return end
        while not process.ended(id) do sse.sleep(1) end
        os.exit(8, true)
      end)
      sse.after(50, function() print "ready" end)
      local ok, err = pcall(sse.run)
      print("caught", err)
      sse.run()
    ]])
    program:till "ready.*ready"
    program:interrupt()
    program:till "caught\t[^\n]*interrupted!\n.*caught\t[^\n]*interrupted!\n"
    terminal.stop()
  end)

  it("ends a process that has forked another one", function()
    check(press [[
      local process = require "spec.process"
      sse.run(function()
        sse.sleep(0)
        local id = process.fork()
        if id == 0 then process.exit(0) end
        repeat sse.sleep(1) until process.ended(id)
        print "ready"
        sse.sleep(3600 * 1000)
      end)
    ]])
  end)

  it("leaves another Lua state's loop alone", function()
    local program = press [[
      local process = require "spec.process"
      sse.every(3600 * 1000, print)
      sse.spawn(function()
        process.state [=[
          local sse = require "sse"
          sse.spawn(print, "ready")
          sse.sleep(300)
          print "done"
        ]=]
      end)
      sse.run()
    ]]
    local before = check(program)
    assert.truthy(before:find("done", 1, true), before)
  end)
end)
