-- server:run: what ends it, what it returns, and whom it leaves alone. Signals are real ones, to a
-- process of its own.
local child = require "spec.support.child"
local core = require "sse.core"
local interface = require "spec.support.interface"
local misuse = require "spec.support.misuse"
local objects = require "spec.support.objects"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"

local blames = misuse.blames

-- A server with a stream and a slow response, and what would keep the loop without end: a timer, a
-- sleeper and another task.
local PROGRAM = [[
io.stdout:setvbuf "line"
local sse = require "sse"
local server = sse.server {}
server:get("/stream", function(_, res)
  stream = res:event_stream()
  stream.on_close = function(reason) print("ended", reason) end
  stream:send "one"
end)
sse.every(5, function() if server.port > 0 then print("port " .. server.port) end end)
sse.spawn(function() sse.sleep(3600 * 1000) end)
]]

describe("server:run in a program", function()
  after_each(child.stop)

  local function start(text)
    local program = child.script(PROGRAM .. text)
    return program, tonumber(program:till "port (%d+)")
  end

  -- Opens the stream, and reads its first event.
  local function follow(port)
    local client = raw.connect(port)
    client:send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
    client:receive_until "data: one\n\n"
    return client
  end

  local ENDS = 'print("returned", server:run { within = 0, retry = 700 }) os.exit(0, true)'

  for _, name in ipairs { "TERM", "INT" } do
    it("ends in peace by SIG" .. name .. ", whatever else the loop has", function()
      local program, port = start(ENDS)
      local client = follow(port)
      program:kill(name)
      local rest = client:receive_all()
      client:close()
      local retry = tonumber(rest:match "retry: (%d+)\n\n")
      assert.is_true(retry >= 700 and retry <= 1050, rest)
      assert.truthy(rest:find "\r\n0\r\n\r\n$")
      assert.equal(0, program:wait())
      assert.truthy(program:output():find "ended\tserver\n.*returned\ttrue\n$")
    end)
  end

  for _, names in ipairs { { "TERM", "TERM" }, { "INT", "TERM" } } do
    it(("ends at once by SIG%s and SIG%s"):format(names[1], names[2]), function()
      local program, port = start [[
        sse.signal("SIGTERM", function() print "told" end)
        sse.signal("SIGINT", function() print "told" end)
        print("returned", server:run { within = 3600 * 1000, grace = 3600 * 1000 })
        os.exit(0, true)
      ]]
      local client = follow(port)
      program:kill(names[1])
      program:till "told"
      raw.pump(function() -- it accepts no more
        local ok, other = pcall(raw.connect, port)
        if ok then other:close() end
        return not ok
      end, "a refused connection")
      assert.is_nil(program:status())
      program:kill(names[2])
      client:receive_all()
      client:close()
      assert.equal(0, program:wait())
      assert.truthy(program:output():find "told.*told.*ended\tserver\n.*returned\ttrue\n$")
    end)
  end

  it("watches signals only while it runs, and leaves the program's handlers alone", function()
    local program = start [[
      sse.signal("SIGINT", function() print "own" end)
      print("returned", server:run { within = 0 })
      sse.run()
    ]]
    program:kill "INT"
    program:till "own\n.*returned\ttrue\n"
    program:kill "INT"
    program:till "returned.*own\n"
    program:kill "TERM" -- no longer watched
    assert.equal(128 + 15, program:wait())
  end)

  it("raises the error of a callback, and can be called again", function()
    local program = start [[
      sse.after(0, function() error "broken" end)
      local ok, err = pcall(server.run, server)
      print("raised", ok, err:match "broken\nstack traceback:")
      sse.after(0, function() print "runs again" end)
      print("returned", server:run { within = 0 })
      os.exit(0, true)
    ]]
    program:till "raised\tfalse\tbroken\n.*runs again\n"
    program:kill "TERM"
    assert.equal(0, program:wait())
    assert.truthy(program:output():find "returned\ttrue\n$")
  end)

  it("is ended by sse.stop, and the server goes on with the loop", function()
    local program, port = start [[
      sse.after(20, sse.stop)
      print("returned", server:run())
      sse.run()
    ]]
    program:till "returned\ttrue\n"
    follow(port):close()
    program:kill "TERM"
    assert.equal(128 + 15, program:wait())
  end)

  it("runs several servers in tasks, which a signal ends all", function()
    local program = child.script [[
      io.stdout:setvbuf "line"
      local sse = require "sse"
      local left = 2
      for i = 1, 2 do
        sse.spawn(function()
          local ok = sse.server {}:run { within = 0 }
          left = left - 1
          print("returned", ok, left)
        end)
      end
      sse.spawn(print, "ready")
      sse.run()
    ]]
    program:till "ready"
    program:kill "TERM"
    assert.equal(0, program:wait())
    assert.truthy(program:output():find "returned\ttrue\t1\nreturned\ttrue\t0\n$")
  end)
end)

describe("server:run", function()
  after_each(serving.stop)

  -- Starts a server whose run is in a task; `log` has what it returns.
  local function start(options)
    local log = {}
    local server = serving.start(function(s)
      s:get("/", function(_, res) res:reply(200, "x") end)
      s:get("/close", function(_, res)
        res:reply(200, "bye")
        s:close()
      end)
    end)
    sse.spawn(function() log.result = table.pack(server:run(options)) end)
    sse.sleep(0)
    return server, log
  end

  local function returned(log)
    raw.pump(function() return log.result end, "the end of server:run")
    return table.unpack(log.result, 1, log.result.n)
  end

  it("takes a server that listens already, and goes on serving", function()
    local server, log = start()
    local port = server.port
    assert.equal("x", serving.request("GET /").body)
    assert.equal(port, server.port)
    assert.is_nil(log.result)
    server:close()
    assert.is_true(returned(log))
  end)

  it("returns when a handler closes the server", function()
    local _, log = start()
    serving.request "GET /close"
    assert.is_true(returned(log))
  end)

  it("returns when another task shuts the server down", function()
    local server, log = start()
    assert.is_true(server:shutdown { within = 0 })
    assert.is_true(returned(log))
  end)

  it("may be called again, and listens again", function()
    local server, log = start()
    server:close()
    assert.is_true(returned(log))
    log.result = nil
    sse.spawn(function() log.result = table.pack(server:run()) end)
    sse.sleep(0)
    assert.equal("x", serving.request("GET /").body)
    server:close()
    assert.is_true(returned(log))
  end)

  it("gives nil, message, code where it can't listen", function()
    local first = serving.start()
    local second = sse.server { port = first.port }
    local message = ("address 127.0.0.1:%d is already in use; choose another port "
      .. "[docs/errors.md#eaddrinuse]"):format(first.port)
    assert.same({ nil, message, "EADDRINUSE" }, { second:run() })
    local results
    sse.spawn(function() results = { second:run() } end)
    sse.sleep(0)
    assert.same({ nil, message, "EADDRINUSE" }, results)
  end)

  it("raises at the caller's line for what can't be", function()
    local server = start()
    blames("server:run: it runs already", function() server:run() end)
    blames("server:run: option 'within' must be a number",
      function() server:run { within = -1 } end)
    blames("unknown option 'port' (it is an option of sse.server)",
      function() server:run { port = 9522 } end)
    blames("expected a table of options, got number 9522", function() server:run(9522) end)
    blames("call it with ':' (server:run)", function() server.run() end)
    local other, done = sse.server {}, false
    core.defer(function()
      blames("server:run: a callback can't wait", function() other:run() end)
      done = true
    end)
    raw.pump(function() return done end, "the callback")
    assert.is_true(other:shutdown()) -- it does not listen
  end)

  it("blames the call for values of every type", function() -- it can't listen, so it returns
    objects.start()
    local report = interface.report()
    local function fresh() return { sse.server { host = "192.0.2.1" }, { within = 0 } } end
    local run = fresh()[1].run
    for _, value in ipairs(objects.values()) do
      local what = "server:run with " .. value[1]
      if not value[1]:find "server$" then report.check(what, run, interface.real(value[2])) end
      report.check(what, run, fresh()[1], interface.real(value[2]))
    end
    assert.truthy(interface.raised(run, fresh()[1], {}, 5))
    objects.finish()
    objects.stop()
    report.clean()
  end)
end)
