-- sse.workers: what becomes of the master's sockets in its workers.
local certs = require "spec.support.certs"
local child = require "spec.support.child"
local masters = require "spec.support.masters"
local sse = require "sse"
local unix = require "socket.unix"
local wait = require "spec.support.wait"

describe("the sockets of workers", function()
  after_each(masters.stop)

  it("let as many wait as the option backlog of sse.workers says", function()
    local path = certs.path "few.sock"
    local master = masters.start { master = ([[
      io.stdout:setvbuf "line"
      print(require "sse".workers { count = 1, listen = { unix = %q }, backlog = 2, run = APP })
    ]]):format(path), app = masters.APP:gsub("port = PORT", ""):gsub("ready%(text",
      ("assert(server:listen { unix = %q }) %%0"):format(path), 1) }
    local pid = master:workers(1)[1].pid
    assert.equal(200, sse.fetch("http://localhost/", { unixSocket = path }).status)
    masters.signal(pid, "STOP")
    wait.till(function()
      local ps <close> = io.popen(("%s ps -o stat= -p %d"):format(child.UNLOADED, pid))
      return ps:read "a":find "T"
    end, "a stopped worker")
    local clients, waiting = {}, 0
    for i = 1, 8 do
      clients[i] = assert(unix.stream())
      clients[i]:settimeout(0)
      if clients[i]:connect(path) then waiting = waiting + 1 end
    end
    masters.signal(pid, "CONT")
    for _, client in ipairs(clients) do client:close() end
    assert.is_true(waiting <= 3, waiting .. " wait") -- Linux lets one more wait
  end)

  it("are each for one server of a worker, as in a program that runs alone", function()
    local master = masters.start { app = masters.APP:gsub("ready%(text", [[
      assert(server:listen())
      print("second", sse.server { port = PORT }:listen())
      print("again", server:listen(PORT))
      %0]], 1) }
    master:workers(2)
    local output = master:output()
    for _, which in ipairs { "second", "again" } do
      local says = ("%s\tnil\taddress 127.0.0.1:%d is already in use by a server of this worker "
        .. "[docs/errors.md#eaddrinuse]\tEADDRINUSE\n"):format(which, master.port)
      assert.truthy(output:find(says, 1, true), output)
    end
  end)

  it("where any port will do are one for each server", function()
    local master = masters.start {
      master = [[
        io.stdout:setvbuf "line"
        print(require "sse".workers { count = 2, listen = { 0, 0 }, run = APP })
      ]],
      app = masters.APP:gsub("PORT", "0"):gsub("ready%(text", [[
        local other, own = sse.server {}, sse.server {}
        assert(server:listen() and other:listen() and own:listen())
        print(("ports %%d %%d %%d."):format(server.port, other.port, own.port))
        %0]], 1),
    }
    master:workers(2)
    local ports = {}
    for one, two, own in master:output():gmatch "ports (%d+) (%d+) (%d+)%." do
      ports[#ports + 1] = { one, two, own }
    end
    assert.equal(2, #ports)
    assert.equal(ports[1][1], ports[2][1])
    assert.equal(ports[1][2], ports[2][2])
    assert.not_equal(ports[1][1], ports[1][2])
    assert.not_equal(ports[1][3], ports[2][3])
  end)

  it("are lent with the TLS that a server has, whose files may be gone", function()
    local tls = certs.server()
    local cert, key = certs.path "lent_cert.pem", certs.path "lent_key.pem"
    assert(os.execute(("cp %s %s && cp %s %s"):format(tls.cert, cert, tls.key, key)))
    local broken = certs.path "lent.broken"
    local master = masters.start { app = masters.APP:gsub("ready%(text", ([[
      if worker.id == 1 and io.open(%q) then error "not now" end
      assert(server:listen { tls = { cert = %q, key = %q } })
      %%0]]):format(broken, cert, key), 1) }
    local workers = master:workers(2)
    local first = workers[1].id == 1 and workers[1] or workers[2]
    io.open(broken, "w"):close()
    os.remove(cert)
    os.remove(key)
    masters.signal(first.pid, "KILL")
    master:till "worker 1 can't start"
    local command = "%s curl -sk -m 10 https://127.0.0.1:%d/"
    for _ = 1, 20 do -- connections of their own
      local curl <close> = io.popen(command:format(child.UNLOADED, master.port))
      assert.truthy(curl:read "a":find "^2 ")
    end
    os.remove(broken)
  end)
end)
