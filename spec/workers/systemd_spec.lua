-- sse.workers under systemd: the master tells of itself, and its workers don't; sockets that are
-- passed.
local certs = require "spec.support.certs"
local child = require "spec.support.child"
local masters = require "spec.support.masters"
local raw = require "spec.support.raw"
local sse = require "sse"
local unix = require "socket.unix"
local wait = require "spec.support.wait"

describe("workers under systemd", function()
  local path, notices

  before_each(function()
    path = certs.path "notify.sock"
    notices = assert(unix.dgram())
    assert(notices:bind(path))
    notices:settimeout(0)
  end)

  after_each(function()
    child.stop()
    notices:close()
    os.remove(path)
  end)

  -- Waits for the next datagram.
  local function notice()
    return raw.pump(function() return (notices:receive()) end, "a notice")
  end

  it("are ready together, are loaded anew, and stop, which the master tells", function()
    local master = masters.start { environment = "NOTIFY_SOCKET=" .. path }
    assert.equal("READY=1", notice())
    master:workers(2)
    master:kill "HUP"
    assert.truthy(notice():find "^RELOADING=1\nMONOTONIC_USEC=%d+$")
    assert.equal("READY=1", notice())
    master:write "local = 1"
    master:kill "HUP"
    assert.truthy(notice():find "^RELOADING=1\nMONOTONIC_USEC=%d+$")
    assert.equal("READY=1", notice())
    master:till "can't be loaded"
    local workers = master:workers(4)
    masters.signal(workers[3].pid, "KILL")
    master:workers(5)
    master:kill "TERM"
    assert.equal("STOPPING=1", notice())
    assert.equal(0, master:wait())
    assert.is_nil((notices:receive()))
  end)

  it("are watched by their master's sign of life", function()
    local master = masters.start {
      environment = "NOTIFY_SOCKET=" .. path .. " WATCHDOG_USEC=400000", -- the system keeps ten
    }
    assert.equal("READY=1", notice())
    for _ = 1, 3 do assert.equal("WATCHDOG=1", notice()) end
    master:kill "TERM"
    local last
    wait.till(function()
      last = notices:receive() or last
      return last == "STOPPING=1"
    end, "the end")
    assert.equal(0, master:wait())
  end)

  it("share the sockets that systemd passes", function()
    local app = certs.write("service_app.lua", [[
      local worker = ...
      local sse = require "sse"
      local server = sse.server {}
      server:get("/", function(_, res) res:reply(200, "worker " .. worker.id) end)
      assert(server:listen { systemd = true })
      assert(server:run { within = 0 })
    ]])
    local program = certs.write("service_master.lua", ([[
      print("over", require "sse".workers { count = 2, listen = { systemd = true }, run = %q })
    ]]):format(app))
    local opener = certs.write("opener.lua", ([[
      local socket, service = require "socket", require "spec.service"
      local s = assert(socket.bind("127.0.0.1", 0))
      print("port " .. select(2, s:getsockname()))
      io.stdout:flush()
      service.exec({ s:getfd() }, { "NOTIFY_SOCKET=" .. %q, "LISTEN_PID=self", "LISTEN_FDS=1" },
        { %q, %q })
    ]]):format(path, child.lua(), program))
    local run = child.start(opener)
    local url = "http://127.0.0.1:" .. run:till "port (%d+)" .. "/"
    assert.equal("READY=1", notice())
    for _ = 1, 5 do assert.truthy(sse.fetch(url):text():find "^worker [12]$") end
    run:kill "TERM"
    assert.equal("STOPPING=1", notice())
    assert.equal(0, run:wait())
    assert.truthy(run:output():find "over\ttrue")
  end)
end)
