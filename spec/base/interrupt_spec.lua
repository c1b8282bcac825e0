-- Ctrl-C, as the terminal's byte: the standalone lua ends a program with "interrupted!" and status
-- 1, whatever it does at the moment. SIGTERM ends it as it ends any program.
local interrupted = require "spec.support.interrupted"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"
local terminal = require "spec.support.terminal"

local HEAD, press, check = interrupted.HEAD, interrupted.press, interrupted.check

describe("Ctrl-C", function()
  after_each(function()
    terminal.stop()
    serving.stop()
  end)

  -- A server in this process: a stream that stays quiet after its first event, and one that sends
  -- as fast as it is read.
  local function start_server()
    serving.start(function(s)
      s:get("/quiet", function(_, res)
        local stream = res:event_stream()
        stream:send "first"
        stream:sleep(3600 * 1000)
      end)
      s:get("/busy", function(_, res)
        local stream = res:event_stream()
        while stream:send(("x"):rep(1000)) or stream:drain() do sse.sleep(0) end
      end)
    end)
    return serving.url
  end

  describe("ends at once a program that", function()
    local idle = {
      ["waits in sse.run for a timer"] = [[
        sse.every(3600 * 1000, print)
        sse.after(0, function() print "ready" end)
        sse.run()
      ]],
      ["sleeps in a task"] = [[
        sse.run(function()
          print "ready"
          sse.sleep(3600 * 1000)
        end)
      ]],
      ["sleeps outside of tasks"] = [[
        print "ready"
        sse.sleep(3600 * 1000)
      ]],
      ["waits for a task"] = [[
        local task = sse.spawn(function()
          print "ready"
          sse.sleep(3600 * 1000)
        end)
        task:wait()
      ]],
      ["reads its standard input"] = [[
        sse.run(function()
          print "ready"
          sse.readable(io.stdin)
        end)
      ]],
      ["runs the loop in a coroutine of its own"] = [[
        print(coroutine.wrap(function()
          sse.spawn(print, "ready")
          sse.every(3600 * 1000, print)
          sse.run()
        end)())
      ]],
      ["is an idle server"] = [[
        local server = sse.server {}
        assert(server:listen())
        sse.spawn(print, "ready")
        sse.run()
      ]],
    }
    for name, text in pairs(idle) do
      it(name, function() check(press(text)) end)
    end

    local spinning = {
      ["calculates in a task"] = [[
        sse.run(function()
          print "ready"
          while true do end
        end)
      ]],
      ["calculates in a timer"] = [[
        sse.after(0, function()
          print "ready"
          while true do end
        end)
        sse.run()
      ]],
      ["calculates in a task that another task resumed"] = [[
        sse.run(function()
          local source = sse.EventSource.fromReader(function() return "data: x\n\n" end)
          for _ in source:events() do
            print "ready"
            while true do end
          end
        end)
      ]],
      ["calculates in a listener"] = [[
        local source = sse.EventSource.fromReader(function() return "data: x\n\n" end)
        source.onmessage = function()
          print "ready"
          while true do end
        end
        sse.run()
      ]],
      ["calculates while the loop runs in a coroutine"] = [[
        print(coroutine.wrap(function()
          local source = sse.EventSource.fromReader(function() return "data: x\n\n" end)
          source.onmessage = function()
            print "ready"
            while true do end
          end
          sse.run()
        end)())
      ]],
    }
    for name, text in pairs(spinning) do
      it(name, function()
        local _, trace = check(press(text))
        assert.truthy(trace:find("/lua_", 1, true), trace)
      end)
    end

    it("is an idle client", function()
      local url = start_server()
      local before = check(press([[
        local source = sse.EventSource(...)
        source.onmessage = function(ev) print("ready", ev.data) end
        source.onerror = function(ev) print("lost", ev.message) end
        sse.run()
      ]], url "/quiet"))
      assert.falsy(before:find "lost")
    end)

    it("is a client whom events keep busy", function()
      local url = start_server()
      for _ = 1, 5 do
        local before = check(press([[
          local source, count = sse.EventSource(...), 0
          source.onmessage = function()
            count = count + 1
            if count == 1000 then print "ready" end
          end
          source.onerror = function(ev) print("lost", ev.message) end
          sse.run()
        ]], url "/busy"))
        assert.falsy(before:find "lost")
      end
    end)

    it("waits for events in a loop", function()
      local url = start_server()
      check(press([[
        for ev in sse.EventSource(...):events() do print("ready", ev.data) end
      ]], url "/quiet"))
    end)

    it("reads a response in a loop", function()
      local url = start_server()
      for _, path in ipairs { "/quiet", "/busy" } do
        check(press([[
          local res = assert(sse.fetch(...))
          local said = false
          for _ in res:chunks() do
            if not said then print "ready" end
            said = true
          end
        ]], url(path)))
      end
    end)

    it("is a busy server", function()
      local program = terminal.script(HEAD .. [[
        local server = sse.server {}
        server:get("/", function(_, res)
          local stream = res:event_stream()
          while stream:send "more" or stream:drain() do sse.sleep(0) end
        end)
        assert(server:listen())
        print("port " .. server.port)
        sse.run()
      ]])
      local client = raw.connect(tonumber(program:till "port (%d+)"))
      client:send "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
      client:receive_until "data: more\n\n"
      program:interrupt()
      client:receive_all()
      client:close()
      check(program)
    end)

    it("has a handler that does not return", function()
      local program = terminal.script(HEAD .. [[
        local server = sse.server {}
        server.on_error = function(err) print("told", err) end
        server:get("/", function() print "ready" while true do end end)
        assert(server:listen())
        print("port " .. server.port)
        sse.run()
      ]])
      local client = raw.connect(tonumber(program:till "port (%d+)"))
      client:send "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
      program:till "ready"
      program:interrupt()
      local status, shown = program:wait()
      client:close()
      assert.equal(1, status)
      assert.truthy(shown:find "told[^\n]*interrupted!.*\n[^\n]*: interrupted!\nstack", shown)
    end)
  end)
end)

describe("SIGTERM", function()
  after_each(terminal.stop)

  it("ends a program that watches no signals, idle or busy", function()
    for _, text in ipairs {
      'sse.every(3600 * 1000, print) sse.spawn(print, "ready") sse.run()',
      'sse.run(function() print "ready" while true do end end)',
      'print "ready" sse.sleep(3600 * 1000)',
    } do
      local program = terminal.script(HEAD .. text)
      program:till "ready"
      program:kill "TERM"
      assert.equal(-15, (program:wait()))
    end
  end)

  for _, signal in ipairs { "Ctrl-C", "SIGTERM" } do
    it("and " .. signal .. " end server:run in peace, whatever else there is", function()
      local program = terminal.script(HEAD .. [[
        local server = sse.server {}
        server:get("/", function(_, res)
          local stream = res:event_stream { retry = 100 }
          while stream:send "more" do
            if not stream:sleep(3600 * 1000) then break end
          end
          print "left"
        end)
        sse.every(1, function() if server.port > 0 then print("port " .. server.port) end end)
        sse.spawn(sse.sleep, 3600 * 1000)
        print("returned", server:run { within = 0 })
      ]])
      local client = raw.connect(tonumber(program:till "port (%d+)"))
      client:send "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
      client:receive_until "data: more\n\n"
      if signal == "Ctrl-C" then program:interrupt() else program:kill "TERM" end
      assert.truthy(client:receive_all():find "retry: %d+\n\n\r\n0\r\n\r\n$")
      client:close()
      local status, shown = program:wait()
      assert.equal(0, status)
      assert.truthy(shown:find "left\n.*returned\ttrue\n$")
    end)
  end
end)
