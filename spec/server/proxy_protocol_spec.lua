-- The PROXY protocol, before each transport: who the client is, what is refused, and what counts.
local keep = require "spec.support.kept"
local proxy_headers = require "spec.support.proxy_headers"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"

local v2, FOUR = proxy_headers.v2, proxy_headers.FOUR
local LINE <const> = "PROXY TCP4 203.0.113.9 127.0.0.1 4711 80\r\n"
local REQUEST <const> = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

local entries

local function start(options)
  entries = {}
  options = options or {}
  options.proxy_protocol = true
  options.trusted_proxies = options.trusted_proxies or { "127.0.0.1", "10.0.0.0/8" }
  options.on_response = function(entry) table.insert(entries, entry) end
  return serving.start(options, function(server)
    server:get("/", function(req, res)
      res:reply(200, ("%s %s"):format(req.remote_address, req.scheme))
    end)
    server:get("/stream", function(_, res) keep(res:event_stream()):send "one" end)
  end)
end

-- Waits until all connections have ended that the server had.
local function unproxied(server, count)
  raw.pump(function()
    local connections = server:stats().connections
    return connections.unproxied == count and connections.open == 0
  end, count .. " connections without a header")
end

serving.each("proxy_protocol", function(transport)
  after_each(serving.stop)

  local function ask(header, fields)
    serving.through().first = header
    return serving.ask("GET /", fields).body
  end

  it("tells the client, in version 1 and 2", function()
    for _, header in ipairs { LINE, v2(0x21, 0x11, FOUR) } do
      start()
      assert.equal("203.0.113.9 " .. transport.scheme, ask(header))
      raw.pump(function() return #entries == 1 end, "the entry")
      assert.equal("203.0.113.9", entries[1].remote_address)
      serving.stop()
    end
  end)

  it("leaves the client to the connection where the header says nothing", function()
    for _, header in ipairs { "PROXY UNKNOWN\r\n", v2(0x20, 0, ""), v2(0x21, 0, "x") } do
      start()
      assert.equal("127.0.0.1 " .. transport.scheme, ask(header))
      serving.stop()
    end
  end)

  it("tells whether the client talks TLS to the proxy", function()
    start()
    assert.equal("203.0.113.9 https", ask(v2(0x21, 0x11, FOUR .. proxy_headers.TLS)))
    serving.stop()
    start()
    assert.equal("203.0.113.9 " .. transport.scheme,
      ask(v2(0x21, 0x11, FOUR .. proxy_headers.NO_TLS)))
  end)

  it("takes fields of the client that it names only if that is trusted, too", function()
    start()
    local fields = { ["X-Forwarded-For"] = "6.6.6.6", ["X-Forwarded-Proto"] = "https" }
    assert.equal("203.0.113.9 " .. transport.scheme, ask(LINE, fields))
    serving.stop()
    start()
    assert.equal("6.6.6.6 https", ask("PROXY TCP4 10.1.1.1 127.0.0.1 1 2\r\n", fields))
    serving.stop()
    start()
    assert.equal("6.6.6.6 https", ask(v2(0x20, 0, ""), fields))
  end)

  it("takes no fields of a client that it passes on without a name", function()
    local fields = { ["X-Forwarded-For"] = "6.6.6.6", ["X-Forwarded-Proto"] = "https" }
    for _, header in ipairs { "PROXY UNKNOWN\r\n", v2(0x21, 0, ""),
      v2(0x21, 0x31, ("\0"):rep(216)) } do
      start()
      assert.equal("127.0.0.1 " .. transport.scheme, ask(header, fields))
      serving.stop()
    end
  end)

  it("closes a connection without one, and from where nobody is trusted", function()
    local server = start()
    assert.is_nil((serving.send "GET /"))
    unproxied(server, 1)
  end)

  it("closes a connection from where nobody is trusted, whatever it says", function()
    local server = start { trusted_proxies = { "10.0.0.0/8" } }
    serving.through().first = LINE
    assert.is_nil((serving.send "GET /"))
    unproxied(server, 1)
    assert.equal(0, server:stats().connections.accepted)
  end)

  it("counts for max_connections_per_address by the address that it tells", function()
    local server = start { max_connections_per_address = 1 }
    -- Each relay has a port of its own, so our client makes a connection of its own.
    serving.through().first = LINE
    serving.listen("/stream"):till "data: one\n\n"
    local other = "PROXY TCP4 203.0.113.10 127.0.0.1 4711 80\r\n"
    assert.equal("203.0.113.10 " .. transport.scheme, ask(other))
    serving.through().first = LINE
    local got = serving.ask("GET /stream", { Accept = "text/event-stream" })
    assert.truthy(got.body:find "^: too many connections\nretry: %d+\n\n$")
    serving.through().first = LINE
    assert.equal(503, serving.ask("GET /").status)
    assert.equal(2, server:stats().connections.refused)
    assert.equal(0, server:stats().connections.unproxied)
  end)
end)

describe("a PROXY header", function()
  after_each(serving.stop)

  for _, case in ipairs(proxy_headers.right) do
    local name, header, address, secure = table.unpack(case)

    it(("is taken: %s"):format(name), function()
      start()
      local client = serving.connect()
      client:send(header .. REQUEST)
      assert.equal(("%s %s"):format(address or "127.0.0.1", secure and "https" or "http"),
        client:response().body)
    end)
  end

  for name, header in pairs(proxy_headers.wrong) do
    it(("is refused, and no byte is answered: %s"):format(name), function()
      local server = start()
      local client = serving.connect()
      client:send(header .. REQUEST)
      assert.equal("", client:receive_all())
      unproxied(server, 1)
      assert.same({}, entries)
    end)
  end

  for _, header in ipairs { LINE, v2(0x21, 0x11, FOUR .. proxy_headers.TLS) } do
    local kind = header:find "^PROXY" and 1 or 2

    it(("of version %d may come in two pieces, cut anywhere"):format(kind), function()
      local server = start()
      for at = 1, #header + 4 do
        local client, bytes = serving.connect(), header .. REQUEST
        local before = server:stats().traffic.received_bytes
        client:send(bytes:sub(1, at))
        raw.pump(function() return server:stats().traffic.received_bytes >= before + at end,
          "the first piece")
        client:send(bytes:sub(at + 1))
        assert.truthy(client:response().body:find "^203.0.113.9 ")
        client:close()
      end
    end)

    it(("of version %d that ends early ends the connection"):format(kind), function()
      local server = start()
      for at = 0, #header - 1 do
        local client = serving.connect()
        client:send(header:sub(1, at))
        client:shut()
        assert.equal("", client:receive_all())
        client:close()
      end
      unproxied(server, #header - 1) -- one that sends nothing only looks
    end)
  end

  it("has head_timeout to come", function()
    local server = start { head_timeout = 50 }
    local client = serving.connect()
    client:send "PROXY TCP4 "
    assert.equal("", client:receive_all())
    unproxied(server, 1)
    assert.equal(1, server:stats().connections.closed.timeout)
  end)

  it("in the middle of a shutdown, or of close, costs nothing", function()
    for _, finish in ipairs { "shutdown", "close" } do
      local function finished()
        local server = start()
        local client = serving.connect()
        client:send "PROXY TCP4 "
        raw.pump(function() return server:stats().connections.open == 1 end, "the connection")
        sse.spawn(function() server[finish](server) end)
        assert.equal("", client:receive_all())
      end
      finished()
      serving.stop()
    end
  end)

  it("is read also past max_connections, before the client is told", function()
    start { max_connections = 1 }
    local first = serving.connect()
    first:send(LINE .. "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
    first:receive_until "data: one\n\n"
    local second = serving.connect()
    second:send(LINE .. REQUEST)
    assert.equal(503, second:response().status)
    raw.pump(function() return #entries == 1 end, "the entry")
    assert.equal("203.0.113.9", entries[1].remote_address)
  end)

  it("is asked for by listener", function()
    local server = serving.start({ trusted_proxies = { "127.0.0.1" } }, function(s)
      s:get("/", function(req, res) res:reply(200, req.remote_address) end)
    end)
    local first = server.port
    local spare = require("socket").bind("127.0.0.1", 0)
    local port = math.tointeger(tonumber((select(2, spare:getsockname()))))
    spare:close()
    assert(server:listen { port = port, proxy_protocol = true })
    for listener, header in pairs { [first] = "", [port] = LINE } do
      local client = raw.connect(listener)
      client:send(header .. REQUEST)
      assert.equal(header == "" and "127.0.0.1" or "203.0.113.9", client:response().body)
      client:close()
    end
  end)
end)
