-- server:listen on sockets that are there already: by their descriptors, and as systemd passes
-- them; and what systemd is told.
local certs = require "spec.support.certs"
local child = require "spec.support.child"
local lfs = require "lfs"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local socket = require "socket"
local sse = require "sse"
local unix = require "socket.unix"
local wait = require "spec.support.wait"

local function routes(server)
  server:get("/", function(req, res)
    res:reply(200, ("%s %s"):format(req.remote_address, req.scheme))
  end)
end

describe("server:listen { fd = number }", function()
  after_each(serving.stop)

  -- A listening socket of LuaSocket's, its descriptor and port.
  local function listening()
    local s = assert(socket.bind("127.0.0.1", 0))
    return s, s:getfd(), math.tointeger(tonumber((select(2, s:getsockname()))))
  end

  it("serves on a copy of a listening socket", function()
    local server = serving.start(routes)
    local s, fd, port = listening()
    assert.is_true(server:listen { fd = fd })
    s:close()
    assert.equal("127.0.0.1 http", sse.fetch(("http://127.0.0.1:%d/"):format(port)):text())
    server:close()
    assert.is_nil((sse.fetch(("http://127.0.0.1:%d/"):format(port))))
  end)

  it("tells its port, where it is the first one", function()
    local s, fd, port = listening()
    local server = sse.server { port = 1 }
    assert(server:listen { fd = fd })
    assert.equal(port, server.port)
    server:close()
    s:close()
  end)

  it("takes a Unix socket", function()
    local path = certs.path "fd.sock"
    local server = serving.start(routes)
    local s = assert(unix())
    assert(s:bind(path))
    assert(s:listen())
    assert.is_true(server:listen { fd = s:getfd() })
    s:close()
    assert.equal("unix http", sse.fetch("http://localhost/", { unixSocket = path }):text())
    server:close()
    assert.equal("socket", lfs.attributes(path, "mode")) -- it is not the server's
    os.remove(path)
  end)

  it("says what is wrong with a descriptor", function()
    local server = serving.start(routes)
    local fds = wait.fds()
    local descriptors = require "spec.descriptors"
    local first, second = descriptors.pipe()
    local datagram = socket.udp4()
    assert(datagram:setsockname("127.0.0.1", 0))
    local connected = assert(socket.connect("127.0.0.1", server.port))
    local unbound = socket.tcp4()
    for fd, why in pairs {
      [2 ^ 31 - 1] = "Bad file descriptor", [first] = "Socket operation on non-socket",
      [datagram:getfd()] = "it is no stream socket",
      [connected:getfd()] = "the socket is connected",
      [unbound:getfd()] = "the socket is not bound to an address",
    } do
      local got = { server:listen { fd = fd } }
      assert.same({ nil, ("cannot listen on descriptor %d: %s"):format(fd, why) }, { got[1],
        got[2] })
      assert.equal(fd == 2 ^ 31 - 1 and "ECLOSED" or "ESYS", got[3])
    end
    for _, s in ipairs { datagram, connected, unbound } do s:close() end
    descriptors.close(first)
    descriptors.close(second)
    raw.pump(function() return server:stats().connections.open == 0 end, "no connection")
    assert.equal(fds, wait.fds())
  end)
end)

describe("server:listen { systemd = true }", function()
  local fifo, notices

  before_each(function()
    fifo = certs.path "notify.sock"
    notices = assert(unix.dgram())
    assert(notices:bind(fifo))
    notices:settimeout(0)
  end)

  after_each(function()
    child.stop()
    notices:close()
    os.remove(fifo)
  end)

  -- Starts a program with the text behind `server`, and these variables, as systemd does: two
  -- sockets are 3 and 4.
  local function start(text, variables)
    local program = certs.write("service.lua", [[
      local sse = require "sse"
      local server = sse.server {}
      server:get("/", function(_, res) res:reply(200, "fine") end)
    ]] .. text)
    local opener = certs.write("opener.lua", ([[
      local socket, service = require "socket", require "spec.service"
      local sockets = {}
      for i = 1, 2 do sockets[i] = assert(socket.bind("127.0.0.1", 0)) end
      for i, s in ipairs(sockets) do
        print("port " .. i .. " " .. select(2, s:getsockname()))
      end
      io.stdout:flush()
      service.exec({ sockets[1]:getfd(), sockets[2]:getfd() },
        { "NOTIFY_SOCKET=" .. %q, %s }, { %q, %q })
    ]]):format(fifo, variables or '"LISTEN_PID=self", "LISTEN_FDS=2"', child.lua(), program))
    local run = child.start(opener)
    local ports = {}
    for i = 1, 2 do ports[i] = math.tointeger(tonumber((run:till("port " .. i .. " (%d+)")))) end
    return run, ports
  end

  -- Waits for the next datagram.
  local function notice()
    return raw.pump(function() return (notices:receive()) end, "a notice")
  end

  local function status(port)
    local res = sse.fetch(("http://127.0.0.1:%d/"):format(port))
    return res and res:text() and res.status
  end

  it("serves on the sockets that are passed, and says when it is ready and stops", function()
    local run, ports = start 'assert(server:listen { systemd = true }) assert(server:run())'
    assert.equal("READY=1", notice())
    assert.same({ 200, 200 }, { status(ports[1]), status(ports[2]) })
    run:kill "TERM"
    assert.equal("STOPPING=1", notice())
    assert.equal(0, run:wait())
  end)

  it("takes those of a name alone", function()
    local run, ports = start('assert(server:listen { systemd = "admin" }) assert(server:run())',
      '"LISTEN_PID=self", "LISTEN_FDS=2", "LISTEN_FDNAMES=web:admin"')
    assert.equal("READY=1", notice())
    assert.equal(200, status(ports[2]))
    run:kill "TERM"
    run:wait()
    assert.truthy(run:output():find "port 2")
  end)

  it("says so where there is none, or none of that name", function()
    local text = 'print(server:listen { systemd = %s }) os.exit(0, true)'
    for _, case in ipairs {
      { "true", '"LISTEN_PID=1", "LISTEN_FDS=2"', "has passed no socket to this process" },
      { "true", '"LISTEN_PID=self", "LISTEN_FDS=0"', "has passed no socket to this process" },
      { "true", '"LISTEN_PID=self", "LISTEN_FDS=2x"', "has passed no socket to this process" },
      { "true", '"LISTEN_PID=self", "LISTEN_FDS=900"', "has passed no socket to this process" },
      { "true", '"LISTEN_FDS=2"', "has passed no socket to this process" },
      { '"x"', '"LISTEN_PID=self", "LISTEN_FDS=2", "LISTEN_FDNAMES=web:admin"',
        "no socket of the name 'x'; there is 'web', 'admin'" },
    } do
      local run = start(text:format(case[1]), case[2])
      assert.equal(0, run:wait())
      assert.truthy(run:output():find(case[3], 1, true), run:output())
      assert.truthy(run:output():find "ENOTFOUND\n$", run:output())
    end
  end)

  it("says that it lives, at half of the watchdog's time, as long as it runs", function()
    local run = start('assert(server:listen { systemd = true }) assert(server:run())',
      '"LISTEN_PID=self", "LISTEN_FDS=2", "WATCHDOG_USEC=400000", "WATCHDOG_PID=self"')
    assert.equal("READY=1", notice())
    for _ = 1, 3 do assert.equal("WATCHDOG=1", notice()) end
    run:kill "TERM"
    repeat local text = notice() until text == "STOPPING=1"
    run:wait()
  end)

  it("tells of a server that listens elsewhere, too, once server:run runs", function()
    local run = start("assert(server:run())", '"WATCHDOG_USEC=100000", "WATCHDOG_PID=1"')
    assert.equal("READY=1", notice())
    run:kill "TERM"
    assert.equal("STOPPING=1", notice()) -- no sign of life: the variable is of another process
    run:wait()
  end)

  it("tells of the last of several servers that stops", function()
    start([[
      local other = sse.server {}
      sse.spawn(function() assert(other:run()) end)
      sse.spawn(function() assert(server:run()) end)
      sse.after(20, function() other:close() sse.after(20, function() server:close() end) end)
      sse.run()
      require("sse.core").systemd_notify "STATUS=over"
    ]])
    assert.same({ "READY=1", "READY=1", "STOPPING=1", "STATUS=over" },
      { notice(), notice(), notice(), notice() })
  end)

  it("runs without a manager that listens", function()
    local run, ports = start('assert(server:listen { systemd = true }) assert(server:run())',
      '"LISTEN_PID=self", "LISTEN_FDS=2", "NOTIFY_SOCKET=/nowhere/at/all"')
    raw.pump(function() return status(ports[1]) end, "the server")
    run:kill "TERM"
    assert.equal(0, run:wait())
  end)
end)
