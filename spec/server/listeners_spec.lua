-- Several listeners on one server: their addresses, their TLS, their limits and their end.
local certs = require "spec.support.certs"
local core = require "sse.core"
local keep = require "spec.support.kept"
local misuse = require "spec.support.misuse"
local ports = require "spec.support.ports"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local shutdown = require "spec.support.shutdown"
local sse = require "sse"
local wait = require "spec.support.wait"

local blames = misuse.blames

local function routes(server)
  server:get("/", function(req, res) res:reply(200, req.secure and "secure" or "plain") end)
  server:get("/stream", function(_, res) keep(res:event_stream()):send "one" end)
end

-- The status and text of a GET.
local function get(scheme, port, tls)
  local res = sse.fetch(("%s://127.0.0.1:%d/"):format(scheme, port), { tls = tls })
  return res and res:text()
end

describe("server:listen", function()
  after_each(serving.stop)

  it("adds a listener each time, with the same routes", function()
    local other, third = ports.free(), ports.free()
    local server = serving.start(routes)
    local first = server.port
    assert.is_true(server:listen(other))
    assert.is_true(server:listen { port = third, host = "localhost" })
    for _, port in ipairs { first, other, third } do assert.equal("plain", get("http", port)) end
    assert.equal(first, server.port)
    assert.equal(3, server:stats().connections.accepted)
  end)

  it("without a port listens on a second one that the system chooses", function()
    local server = serving.start(routes)
    local port, fds = server.port, wait.fds()
    assert.is_true(server:listen())
    assert.equal(port, server.port)
    assert.equal(fds + 1, wait.fds())
  end)

  it("has its port from the call, whatever the options say", function()
    local port, first = ports.free(), ports.free()
    local server = serving.start({ port = first })
    assert.equal(first, server.port)
    assert(server:listen { port = port })
    local client = raw.connect(port)
    assert.equal(404, client:request("GET /").status)
    client:close()
  end)

  it("gives EADDRINUSE for an address that it has, and the others go on", function()
    local server = serving.start(routes)
    local message = ("address 127.0.0.1:%d is already in use; choose another port "
      .. "[docs/errors.md#eaddrinuse]")
    for _, options in ipairs { server.port, { port = server.port } } do
      assert.same({ nil, message:format(server.port), "EADDRINUSE" },
        { server:listen(options) })
    end
    assert.equal("EADDRNOTAVAIL", select(3, server:listen { host = "192.0.2.1", port = 0 }))
    assert.equal("ENOTFOUND", select(3, server:listen { host = "nobody.invalid" }))
    assert.equal("plain", get("http", server.port))
    local fixed = sse.server { port = ports.free() }
    assert.is_true(fixed:listen())
    assert.equal("EADDRINUSE", select(3, fixed:listen()))
    fixed:close()
  end)

  it("leaves a server that does not listen as it was where it fails", function()
    local server = serving.start(routes)
    local second = sse.server { port = server.port }
    assert.equal("EADDRINUSE", select(3, second:listen()))
    assert.equal(server.port, second.port)
    assert.is_true(second:shutdown())
    assert.is_true(second:listen(0))
    second:close()
  end)

  it("shares the limits of connections among all", function()
    local other = ports.free()
    local server = serving.start({ max_connections = 2 }, routes)
    assert(server:listen(other))
    local clients = { raw.connect(server.port), raw.connect(other), raw.connect(other) }
    assert.equal(503, clients[3]:request("GET /").status)
    for _, client in ipairs(clients) do client:close() end
    serving.idle()
    assert.equal(1, server:stats().connections.refused)
  end)

  it("is ended by close and by shutdown with all listeners, and may follow them", function()
    local other = ports.free()
    local server = serving.start(routes)
    for _, stop in ipairs { server.close, function() shutdown.finished(shutdown.start(server)) end }
    do
      local first = server.port
      assert(server:listen(other))
      core.forget_connections() -- a shutdown would wait for them
      stop(server)
      shutdown.refuses(first)
      shutdown.refuses(other)
      assert(server:listen())
      assert.equal("plain", get("http", server.port))
      shutdown.refuses(other)
    end
  end)

  it("accepts at a shutdown who waits at each of them", function()
    local other = ports.free()
    local server = serving.start(routes)
    assert(server:listen(other))
    local clients = { raw.connect(server.port), raw.connect(other) }
    for _, client in ipairs(clients) do client.socket:send("GET /" .. shutdown.HEAD) end
    local log = shutdown.start(server)
    for _, client in ipairs(clients) do
      assert.equal("plain", client:response().body)
      client:close()
    end
    shutdown.finished(log)
  end)

  it("raises for options that can't be, at the caller's line", function()
    local server = sse.server {}
    for message, value in pairs {
      ["option 'port' must be a whole number from 0 to 65535, got number 65536"] = 65536,
      ["option 'port' must be a whole number from 0 to 65535, got number 1.5"] = { port = 1.5 },
      ["expected a table of options, got string \"9522\""] = "9522",
      ["option 'host' must be a string without NUL"] = { host = "a\0" },
      ["unknown option 'address' (did you mean 'host'?)"] = { address = "::1" },
      ["unknown option 'backlog' (it is an option of sse.server)"] = { backlog = 5 },
      ["unknown option 'max_pending' (it is an option of sse.server)"] = { max_pending = 5 },
      ["option 'tls' must be a table such as { cert = 'cert.pem', key = 'key.pem' }, or false"]
        = { tls = true },
      ["tls needs 'cert'"] = { tls = {} },
      ["tls.min_version: expected"] = { tls = certs.server { min_version = "1.1" } },
    } do
      blames("server:listen: " .. message, function() server:listen(value) end)
    end
    blames("call it with ':' (server:listen)", function() server.listen(9522) end)
    assert.is_true(server:shutdown())
  end)
end)

describe("a server's listeners with TLS", function()
  setup(function()
    certs.server()
    certs.sign("second", "DNS:localhost,IP:127.0.0.1", "other_ca")
  end)
  after_each(serving.stop)

  local function second()
    return { cert = certs.path "second.pem", key = certs.path "second.key" }
  end
  local function trust(ca) return { ca = certs.path(ca) } end

  it("have a certificate of their own, the server's, or none", function()
    local own, plain, same = ports.free(), ports.free(), ports.free()
    local server = serving.start({ tls = certs.server() }, routes)
    assert(server:listen { port = own, tls = second() })
    assert(server:listen { port = plain, tls = false })
    assert(server:listen(same))
    for _, port in ipairs { server.port, same } do
      assert.equal("secure", get("https", port, trust "ca.pem"))
      assert.is_nil(get("https", port, trust "other_ca.pem"))
    end
    assert.equal("secure", get("https", own, trust "other_ca.pem"))
    assert.is_nil(get("https", own, trust "ca.pem"))
    assert.equal("plain", get("http", plain))
    assert.is_nil(get("https", plain, trust "ca.pem"))
    assert.is_true(server:stats().tls.handshakes >= 3)
  end)

  it("may be one beside plain ones, and speak HTTP/2", function()
    local own = ports.free()
    local server = serving.start(routes)
    assert(server:listen { port = own, tls = second() })
    local res = assert(sse.fetch(("https://127.0.0.1:%d/stream"):format(own),
      { tls = trust "other_ca.pem" }))
    assert.equal("HTTP/2", res.protocol)
    for ev in res:events() do
      assert.equal("one", ev.data)
      break
    end
    assert.equal("plain", get("http", server.port))
  end)

  it("tell a client without TLS to use it", function()
    local own = ports.free()
    local server = serving.start(routes)
    assert(server:listen { port = own, tls = second() })
    local client = raw.connect(own)
    client:send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert.truthy(client:receive_all():find("this port speaks HTTPS", 1, true))
    client:close()
    assert.equal("plain", get("http", server.port))
  end)

  it("are not there where a file can't be used, and the others go on", function()
    local own = ports.free()
    local server = serving.start(routes)
    local ok, message, code = server:listen { port = own, tls = { cert = "/nowhere/c.pem" } }
    assert.is_nil(ok)
    assert.equal("tls.cert: cannot read '/nowhere/c.pem': No such file or directory "
      .. "[docs/errors.md#ecert]", message)
    assert.equal("ECERT", code)
    shutdown.refuses(own)
    assert.equal("plain", get("http", server.port))
  end)

  -- A certificate under the name `moving`, which an authority has signed.
  local function move(ca)
    certs.sign("moving", "DNS:localhost,IP:127.0.0.1", ca)
    return { cert = certs.path "moving.pem", key = certs.path "moving.key" }
  end

  it("get new files by reload_tls together, or none of them", function()
    local own = ports.free()
    local server = serving.start({ tls = move "ca" }, routes)
    certs.sign("roving", "DNS:localhost,IP:127.0.0.1", "ca")
    assert(server:listen {
      port = own, tls = { cert = certs.path "roving.pem", key = certs.path "roving.key" },
    })
    move "other_ca"
    certs.write("roving.pem", "no certificate\n")
    local ok, _, code = server:reload_tls()
    assert.is_nil(ok)
    assert.equal("ECERT", code)
    assert.equal("secure", get("https", server.port, trust "ca.pem"))
    assert.equal("secure", get("https", own, trust "ca.pem"))
    certs.sign("roving", "DNS:localhost,IP:127.0.0.1", "other_ca")
    assert.is_true(server:reload_tls())
    assert.equal("secure", get("https", server.port, trust "other_ca.pem"))
    assert.equal("secure", get("https", own, trust "other_ca.pem"))
  end)

  it("are read anew also where only a listener has TLS", function()
    local own = ports.free()
    local server = serving.start(routes)
    blames("the server has no TLS", function() server:reload_tls() end)
    assert(server:listen { port = own, tls = move "ca" })
    move "other_ca"
    assert.is_true(server:reload_tls())
    assert.equal("secure", get("https", own, trust "other_ca.pem"))
  end)

  it("keep their connections when they are closed, and others follow", function()
    local own = ports.free()
    local server = serving.start(routes)
    assert(server:listen { port = own, tls = second() })
    local res = assert(sse.fetch(("https://127.0.0.1:%d/stream"):format(own),
      { tls = trust "other_ca.pem" }))
    local log = shutdown.start(server, { within = shutdown.LONG })
    shutdown.refuses(own)
    assert(server:listen { port = own, tls = certs.server() })
    assert.equal("secure", get("https", own, trust "ca.pem"))
    local events = res:events()
    assert.equal("one", events().data)
    assert.equal(1, server:stats().streams.open)
    res:close()
    server:close()
    shutdown.finished(log)
  end)
end)
