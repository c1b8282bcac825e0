-- The addresses that a server listens on, of both families, and those that its clients have.
local certs = require "spec.support.certs"
local ports = require "spec.support.ports"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local shutdown = require "spec.support.shutdown"
local socket = require "socket"
local sse = require "sse"

-- A listening socket of that address; nil where the machine has no such address.
local function occupy(address, port)
  local s = assert((address:find ":" and socket.tcp6 or socket.tcp4)())
  s:setoption("reuseaddr", true)
  if address:find ":" then s:setoption("ipv6-v6only", true) end
  if s:bind(address, port) and s:listen() then return s end
  s:close()
end

local function has_ipv6()
  local s = occupy("::1", 0)
  if s then s:close() end
  return s ~= nil
end

-- The client's address as req and the entry of on_response have it, of a request from an address.
local entries
local function ask(address, port)
  local s = assert((address:find ":" and socket.tcp6 or socket.tcp4)())
  s:settimeout(2)
  assert(s:connect(address, port))
  s:settimeout(0)
  local client = setmetatable({ socket = s, buffer = "" }, raw)
  local before = #entries
  local got = client:request "GET /"
  client:close()
  raw.pump(function() return entries[before + 1] end, "the entry")
  return got.body, entries[before + 1].remote_address
end

local function start(options)
  entries = {}
  options.on_response = function(entry) entries[#entries + 1] = entry end
  return serving.start(options, function(server)
    server:get("/", function(req, res) res:reply(200, req.remote_address) end)
  end)
end

describe("a server's addresses", function()
  if not has_ipv6() then return pending "this machine has no IPv6" end
  after_each(serving.stop)

  it("are both of localhost, with one port, however it is written", function()
    for _, host in ipairs { "localhost", "LocalHost", "localhost." } do
      local port = start({ host = host }).port
      for _, address in ipairs { "127.0.0.1", "::1" } do
        assert.same({ address, address }, { ask(address, port) })
      end
      serving.stop()
    end
  end)

  it("are none of localhost where one is taken, and the message says which", function()
    for _, address in ipairs { "127.0.0.1", "::1" } do
      local taken = assert(occupy(address, 0))
      local _, port = taken:getsockname()
      port = math.tointeger(tonumber(port))
      local server = sse.server { host = "localhost", port = port }
      local shown = address == "::1" and "[::1]" or address
      assert.same({ nil, ("address %s:%d is already in use; choose another port "
        .. "[docs/errors.md#eaddrinuse]"):format(shown, port), "EADDRINUSE" }, { server:listen() })
      local other = assert(occupy(address == "::1" and "127.0.0.1" or "::1", port))
      other:close()
      taken:close()
      assert.is_true(server:listen())
      server:close()
    end
  end)

  it("are of a further listener, too, and all end together", function()
    local server = start {}
    local port = ports.free()
    local first = server.port
    assert(server:listen { host = "localhost", port = port })
    assert.equal(first, server.port)
    assert.equal("::1", ask("::1", port))
    assert.equal("127.0.0.1", ask("127.0.0.1", first))
    shutdown.finished(shutdown.start(server))
    for _, address in ipairs { "::1", "127.0.0.1" } do
      assert(occupy(address, port)):close()
    end
  end)

  it("share certificates, which reload_tls renews for both", function()
    certs.server()
    local function move(ca)
      certs.sign("both", "DNS:localhost,IP:127.0.0.1,IP:::1", ca)
      return { cert = certs.path "both.pem", key = certs.path "both.key" }
    end
    local server = start { host = "localhost", tls = move "ca" }
    local own = sse.server { host = "localhost" }
    own:get("/", function(_, res) res:reply(200, "own") end)
    assert(own:listen { port = 0, tls = move "ca" })
    certs.authority "third_ca"
    move "third_ca"
    assert.is_true(server:reload_tls())
    assert.is_true(own:reload_tls())
    for _, port in ipairs { server.port, own.port } do
      for _, address in ipairs { "127.0.0.1", "[::1]" } do
        local url = ("https://%s:%d/"):format(address, port)
        assert(assert(sse.fetch(url, { tls = { ca = certs.path "third_ca.pem" } })):text())
        assert.is_nil((sse.fetch(url, { tls = { ca = certs.path "ca.pem" } })))
      end
    end
    own:close()
  end)

  it("of a client over IPv4 is the IPv4 one, whichever listener it came over", function()
    local server = start { host = "::" }
    assert.same({ "127.0.0.1", "127.0.0.1" }, { ask("127.0.0.1", server.port) })
    assert.same({ "::1", "::1" }, { ask("::1", server.port) })
  end)

  it("count as one for max_connections_per_address, mapped or not", function()
    local server = start { host = "::", max_connections_per_address = 1 }
    local second = math.tointeger(server.port)
    local first = serving.connect()
    raw.pump(function() return server:stats().connections.open == 1 end, "the first connection")
    local got = serving.request "GET /"
    assert.equal(503, got.status)
    assert.equal("::1", ask("::1", second))
    first:close()
  end)
end)
