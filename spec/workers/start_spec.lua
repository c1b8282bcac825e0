-- sse.workers: how workers start, and what their servers listen on.
local certs = require "spec.support.certs"
local child = require "spec.support.child"
local masters = require "spec.support.masters"
local raw = require "spec.support.raw"
local sse = require "sse"

describe("sse.workers", function()
  after_each(masters.stop)

  it("starts a file's program in several processes, which serve one port", function()
    local master = masters.start()
    local workers = master:workers(2)
    assert.not_equal(workers[1].pid, workers[2].pid)
    assert.same({ 1, 2 }, { math.min(workers[1].id, workers[2].id),
      math.max(workers[1].id, workers[2].id) })
    local pids = master:ask_all(2)
    for _, worker in ipairs(workers) do assert.equal(worker.pid, pids[worker.id]) end
    master:kill "TERM"
    assert.equal(0, master:wait())
    assert.truthy(master:output():find "over\ttrue\tnil\tnil\n$")
    master:till_lines("down", 2)
  end)

  it("starts a function, which gets the worker", function()
    local master = masters.start { master = [[
      io.stdout:setvbuf "line"
      local sse = require "sse"
      local name = "shared"
      assert(sse.workers { count = 3, listen = PORT, run = function(worker)
        local server = sse.server { port = PORT }
        server:get("/", function(_, res)
          res:reply(200, ("%d of %d %s %s"):format(worker.id, worker.count, name,
            pcall(function() return worker.name end)))
        end)
        require "spec.support.ready"(worker.id .. " 0 0")
        assert(server:run { within = 0 })
      end })
    ]] }
    master:workers(3)
    local text = sse.fetch(master:url()):text()
    assert.truthy(text:find "^[123] of 3 shared false$", text)
    master:kill "TERM"
    assert.equal(0, master:wait())
  end)

  it("serves by a server that was made before, over HTTP/1.1, HTTP/2 and TLS", function()
    local tls = certs.server()
    local master = masters.start { master = ([[
      io.stdout:setvbuf "line"
      local sse = require "sse"
      local server = sse.server { port = PORT, tls = { cert = %q, key = %q } }
      server:get("/", function(req, res)
        res:write(req.protocol)
        sse.sleep(1)
        res:write " and more"
      end)
      sse.sleep(1)
      assert(sse.workers { count = 2, listen = PORT, run = function(worker)
        require "spec.support.ready"(worker.id .. " 0 0")
        assert(server:run { within = 0 })
      end })
    ]]):format(tls.cert, tls.key) }
    master:workers(2)
    for _ = 1, 3 do
      for _, version in ipairs { "1.1", "2" } do
        local res = sse.fetch(("https://127.0.0.1:%d/"):format(master.port), {
          tls = certs.client(), httpVersion = version,
        })
        assert.truthy(res:text():find("^HTTP/" .. version:gsub("%.", "%%.") .. " and more$"))
      end
    end
    master:kill "TERM"
    assert.equal(0, master:wait())
  end)

  it("has as many workers as processors, without a count", function()
    local master = masters.start { master = [[
      io.stdout:setvbuf "line"
      local sse = require "sse"
      assert(sse.workers { listen = PORT, run = function(worker)
        print("count " .. worker.count)
        assert(sse.server { port = PORT }:run { within = 0 })
      end })
    ]] }
    local count = tonumber(master:till "count (%d+)")
    local pipe <close> = io.popen(child.UNLOADED .. " getconf _NPROCESSORS_ONLN")
    assert.is_true(count >= 1 and count <= pipe:read "n")
  end)

  it("gives each worker random numbers of its own", function()
    local master = masters.start { master = [[
      io.stdout:setvbuf "line"
      local sse = require "sse"
      math.randomseed(7)
      assert(sse.workers { count = 2, listen = PORT, run = function()
        print("drawn " .. math.random(0))
        assert(sse.server { port = PORT }:run { within = 0 })
      end })
    ]] }
    master:till_lines("drawn", 2)
    local one, two = master:output():match "drawn (%S+)\n.*drawn (%S+)\n"
    assert.not_equal(one, two)
  end)

  -- A master whose workers serve by this server and listen there.
  local function start(listen, server, calls)
    return masters.start { options = "", app = ([[
      local worker = ...
      local core, sse = require "sse.core", require "sse"
      local server = sse.server { %s }
      server:get("/", function(req, res)
        res:reply(200, ("%%s %%s %%s %%d"):format(req.remote_address, req.scheme, req.protocol,
          server.port))
      end)
      %s
      require "spec.support.ready"(("%%d %%d 1"):format(worker.id, core.process_id()))
      assert(server:run { within = 0 })
    ]]):format(server, calls or ""), master = ([[
      io.stdout:setvbuf "line"
      local sse = require "sse"
      print("over", sse.workers { count = 2, listen = %s, run = APP })
    ]]):format(listen) }
  end

  it("lets the system choose a port, which all workers have", function()
    local master = start("{ port = 0 }", "",
      'assert(server:listen()) print("port " .. server.port)')
    master:till_lines("port %d+", 2)
    local one, two = master:output():match "port (%d+)\n.*port (%d+)\n"
    assert.equal(one, two)
    assert.is_true(tonumber(one) > 0)
  end)

  it("listens on several addresses, and on paths, of which each server takes its own", function()
    local path = certs.path "workers.sock"
    local master = start(
      ("{ { port = PORT }, { host = '127.0.0.2', port = 0 }, { unix = %q, mode = '0600' } }")
        :format(path),
      "port = PORT", ([[
        assert(server:listen { unix = %q })
        assert(server:listen())
        local other = sse.server { host = "127.0.0.2", port = 0 }
        other:get("/", function(_, res) res:reply(200, "other") end)
        assert(other:listen())
        print("other " .. other.port)
      ]]):format(path))
    master:workers(2)
    assert.equal("127.0.0.1 http HTTP/1.1 " .. master.port, sse.fetch(master:url()):text())
    local own = sse.fetch("http://localhost/", { unixSocket = path }):text()
    assert.equal("unix http HTTP/1.1 " .. master.port, own)
    local port = master:output():match "other (%d+)"
    assert.equal("other", sse.fetch(("http://127.0.0.2:%d/"):format(port)):text())
    master:kill "TERM"
    assert.equal(0, master:wait())
    assert.is_nil((io.open(path)))
  end)

  it("serves all addresses of a name", function()
    local master = start("{ host = 'localhost', port = PORT }", "host = 'localhost', port = PORT")
    master:workers(2)
    for _, host in ipairs { "127.0.0.1", "[::1]" } do
      local res = sse.fetch(("http://%s:%d/"):format(host, master.port))
      assert.truthy(res:text():find "http HTTP/1.1")
    end
  end)

  it("serves TLS and HTTP/2", function()
    local tls = certs.server()
    local master = start("{ port = PORT }",
      ("port = PORT, tls = { cert = %q, key = %q }"):format(tls.cert, tls.key))
    master:workers(2)
    local url = ("https://127.0.0.1:%d/"):format(master.port)
    for _ = 1, 4 do
      assert.truthy(sse.fetch(url, { tls = certs.client() }):text():find "https HTTP/2")
    end
    assert.truthy(sse.fetch(url, { tls = certs.client(), httpVersion = "1.1" }):text()
      :find "https HTTP/1.1")
  end)

  it("resumes a TLS session in whichever worker, also in a new one", function()
    local tls = certs.server()
    local master = start("{ port = PORT }",
      ("port = PORT, tls = { cert = %q, key = %q }"):format(tls.cert, tls.key))
    -- How often a session is new, and resumed.
    local function connect(options)
      local command = "%s openssl s_client -connect 127.0.0.1:%d -tls1_2 %s </dev/null 2>/dev/null"
      local pipe <close> = io.popen(command:format(child.UNLOADED, master.port, options))
      local output = pipe:read "a"
      return select(2, output:gsub("New, TLSv1.2", "")), select(2, output:gsub("Reused, ", ""))
    end
    local old, session = master:workers(2), certs.path "session.pem"
    assert.same({ 1, 5 }, { connect "-reconnect" })
    assert.same({ 1, 0 }, { connect("-sess_out " .. session) })
    master:kill "HUP"
    master:workers(4)
    for _, worker in ipairs(old) do masters.till_dead(worker.pid) end
    assert.same({ 0, 1 }, { connect("-sess_in " .. session) })
  end)

  it("leaves a worker's other addresses to the worker", function()
    local master = start("PORT", "port = PORT", [[
      local admin = sse.server {}
      admin:get("/", function(_, res) res:reply(200, "admin " .. worker.id) end)
      assert(admin:listen())
      print(("admin %d %d"):format(worker.id, admin.port))
    ]])
    master:workers(2)
    for id, port in master:output():gmatch "admin (%d) (%d+)" do
      assert.equal("admin " .. id, sse.fetch(("http://127.0.0.1:%d/"):format(port)):text())
    end
  end)

  it("lets a server of a worker close and listen again", function()
    local master = start("PORT", "port = PORT",
      "assert(server:listen()) server:close() assert(server:listen())")
    master:workers(2)
    assert.truthy(sse.fetch(master:url()):text():find "http HTTP/1.1")
  end)

  it("runs without addresses, where workers serve nobody", function()
    local master = masters.start { master = [[
      io.stdout:setvbuf "line"
      local sse = require "sse"
      print("over", sse.workers { count = 2, run = function(worker)
        require "spec.support.ready"(worker.id .. " 0 0")
        local signal = sse.signal("SIGTERM", sse.stop)
        sse.every(1000, function() end)
        sse.run()
        print "stopped"
      end })
    ]] }
    master:workers(2)
    master:kill "TERM"
    assert.equal(0, master:wait())
    assert.truthy(master:output():find "stopped\n.*stopped\n.*over\ttrue")
  end)

  it("accepts a connection that was made before a worker listened", function()
    local master = masters.start { app = [[
      local worker = ...
      local core, sse = require "sse.core", require "sse"
      sse.run(function()
        while not io.open(APP .. ".go") do sse.sleep(5) end
      end)
    ]] .. masters.APP:gsub("^.-local VERSION", "local VERSION", 1) }
    local client = raw.pump(function()
      local ok, connected = pcall(raw.connect, master.port)
      return ok and connected
    end, "the master's sockets")
    client:send "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    io.open(master.app .. ".go", "w"):close()
    assert.equal(200, client:response().status)
    client:close()
    os.remove(master.app .. ".go")
  end)
end)
