-- trusted_proxies: what a request says of its client, over each transport; and that nobody else can
-- say it.
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local keep = require "spec.support.kept"
local sse = require "sse"

local TRUSTED <const> = { "127.0.0.1", "10.0.0.0/8", "unix" }

local entries

-- Starts a server that tells what it knows of a request.
local function start(options)
  entries = {}
  options.on_response = function(entry) table.insert(entries, entry) end
  return serving.start(options, function(server)
    server:get("/", function(req, res)
      res:json { address = req.remote_address, host = req.host, scheme = req.scheme,
        secure = req.secure }
    end)
    server:get("/stream", function(req, res)
      local stream = keep(res:event_stream())
      stream:send(req.remote_address)
    end)
  end)
end

-- What the server says of a request with these fields.
local function told(fields)
  local got = serving.ask("GET /", fields)
  return assert(sse.json.decode(got.body))
end

serving.each("trusted_proxies", function(transport)
  after_each(serving.stop)

  it("lets a proxy tell the client, the scheme and the host", function()
    start { trusted_proxies = TRUSTED }
    local fields = { ["X-Forwarded-For"] = "6.6.6.6, 203.0.113.9, 10.1.2.3",
      ["X-Forwarded-Proto"] = transport.secure and "http" or "https",
      ["X-Forwarded-Host"] = "app.example:8080" }
    assert.same({ address = "203.0.113.9", host = "app.example:8080",
      scheme = transport.secure and "http" or "https", secure = not transport.secure },
        told(fields))
    fields = { Forwarded = 'for=6.6.6.6, for="[2001:db8::1]:80";proto=https;host=app.example' }
    assert.same({ address = "2001:db8::1", host = "app.example", scheme = "https", secure = true },
      told(fields))
    raw.pump(function() return #entries == 2 end, "both entries")
    assert.equal("203.0.113.9", entries[1].remote_address)
    assert.equal("203.0.113.9", entries[1].req.remote_address)
    assert.equal("2001:db8::1", entries[2].remote_address)
  end)

  it("leaves out what it does not say", function()
    local server = start { trusted_proxies = TRUSTED }
    local own = { address = "127.0.0.1", host = "127.0.0.1:" .. server.port,
      scheme = transport.scheme, secure = transport.secure }
    assert.same(own, told())
    assert.same(own, told { ["X-Forwarded-For"] = "unknown", ["X-Forwarded-Host"] = "a/b",
      ["X-Forwarded-Proto"] = "ftp" })
    own.address = "203.0.113.9"
    assert.same(own, told { ["X-Forwarded-For"] = "6.6.6.6,203.0.113.9" })
  end)

  local FORGED <const> = { ["X-Forwarded-For"] = "6.6.6.6", ["X-Forwarded-Proto"] = "https",
    ["X-Forwarded-Host"] = "evil.test", Forwarded = "for=6.6.6.6;proto=https;host=evil.test" }

  it("is not for those who are not trusted", function()
    for _, trusted in ipairs { false, {}, { "10.0.0.0/8", "unix", "::1", "127.0.0.2" } } do
      local port = start({ trusted_proxies = trusted or nil }).port
      assert.same({ address = "127.0.0.1", host = "127.0.0.1:" .. port,
        scheme = transport.scheme, secure = transport.secure }, told(FORGED))
      raw.pump(function() return #entries == 1 end, "the entry")
      assert.equal("127.0.0.1", entries[1].remote_address)
      serving.stop()
    end
  end)

  it("takes only the fields of proxy_headers", function()
    local port = start({ trusted_proxies = TRUSTED, proxy_headers = { "x-forwarded-for" } }).port
    assert.same({ address = "6.6.6.6", host = "127.0.0.1:" .. port,
      scheme = transport.scheme, secure = transport.secure }, told(FORGED))
    serving.stop()
    start { trusted_proxies = TRUSTED, proxy_headers = { "Forwarded" } }
    assert.same({ address = "203.0.113.9", host = "app.example", scheme = "http", secure = false },
      told { ["X-Forwarded-For"] = "6.6.6.6", ["X-Forwarded-Host"] = "evil.test",
        Forwarded = "for=203.0.113.9;proto=http;host=app.example" })
  end)

  it("counts a visitor's requests for max_connections_per_address", function()
    local server = start { trusted_proxies = TRUSTED, max_connections_per_address = 2 }
    local function visit(address, fields)
      return serving.listen("/stream", { ["X-Forwarded-For"] = address,
        table.unpack(fields or {}) })
    end
    for _ = 1, 2 do visit("203.0.113.9"):till "data: 203.0.113.9\n\n" end
    for _ = 1, 2 do visit("203.0.113.10"):till "data: 203.0.113.10\n\n" end
    visit("2001:db8:1:2::1"):till "data: 2001:db8:1:2::1\n\n"
    visit("2001:db8:1:2:ffff::1"):till "\n\n"
    local function refused(address)
      local fields = { ["X-Forwarded-For"] = address, Accept = "text/event-stream" }
      local event = serving.ask("GET /stream", fields)
      fields.Accept = nil
      local other = serving.ask("GET /", fields)
      return event.status == 200 and event.body:find "^: too many connections\nretry: %d+\n\n$"
        and other.status == 503 and other.headers["retry-after"] ~= nil
    end
    assert.is_true(refused "203.0.113.9")
    assert.is_true(refused "2001:db8:1:2::2")
    assert.equal(4, server:stats().connections.refused)
    assert.equal(6, server:stats().streams.open)
    assert.equal(200, serving.ask("GET /").status) -- the proxy itself has no limit
    assert.equal(200, serving.ask("GET /", { ["X-Forwarded-For"] = "2001:db8:1:3::1" }).status)
  end)

  it("gives a visitor's place to the next request when one has ended", function()
    local server = start { trusted_proxies = TRUSTED, max_connections_per_address = 1 }
    local fields = { ["X-Forwarded-For"] = "203.0.113.9" }
    for _ = 1, 20 do assert.equal(200, serving.ask("GET /", fields).status) end
    local listener = serving.listen("/stream", fields)
    listener:till "data: 203.0.113.9\n\n"
    assert.equal(503, serving.ask("GET /", fields).status)
    listener:close()
    raw.pump(function() return server:stats().streams.open == 0 end, "the stream's end")
    assert.equal(200, serving.ask("GET /", fields).status)
    assert.equal(404, serving.ask("GET /none", fields).status)
    assert.equal(200, serving.ask("GET /", fields).status)
  end)

  it("tells of the client also where the core answers", function()
    start { trusted_proxies = TRUSTED, max_body_size = 10 }
    local fields = { ["X-Forwarded-For"] = "203.0.113.9" }
    assert.equal(413, serving.ask("POST /", fields, ("x"):rep(11)).status)
    raw.pump(function() return #entries == 1 end, "the entry")
    assert.same({ 413, "203.0.113.9" }, { entries[1].status, entries[1].remote_address })
  end)
end)

describe("trusted_proxies and HTTP/1.1's fields", function()
  after_each(serving.stop)

  it("reads several fields of a name as one list", function()
    start { trusted_proxies = TRUSTED }
    local client = serving.connect()
    client:send("GET / HTTP/1.1\r\nHost: a\r\nx-forwarded-for: 6.6.6.6\r\nX-Forwarded-For: "
      .. "203.0.113.9 , 10.0.0.1\r\nX-FORWARDED-FOR:10.0.0.2\r\n\r\n")
    assert.equal("203.0.113.9", sse.json.decode(client:response().body).address)
  end)

  it("tells the connection's own client where nothing can be read of the request", function()
    start { trusted_proxies = TRUSTED }
    local client = serving.connect()
    client:send "GET / HTTP/1.1\r\nX-Forwarded-For: 203.0.113.9\r\nbad field\r\n\r\n"
    assert.equal(400, client:response().status)
    raw.pump(function() return #entries == 1 end, "the entry")
    assert.equal("127.0.0.1", entries[1].remote_address)
  end)

  it("has the host of an absolute target, and none where HTTP/1.0 names none", function()
    start {}
    local function host(bytes)
      local client = serving.connect()
      client:send(bytes)
      local body = client:response().body
      client:close()
      return sse.json.decode(body).host
    end
    assert.equal("a.example:81", host "GET http://a.example:81/ HTTP/1.0\r\n\r\n")
    assert.equal("a.example", host "GET / HTTP/1.1\r\nHost: A.example\r\n\r\n")
    assert.is_nil(host "GET / HTTP/1.0\r\n\r\n")
  end)
end)

describe("the option", function()
  local blames = require("spec.support.misuse").blames

  it("trusted_proxies is refused where it can't be read, with the text", function()
    for text, why in pairs {
      ["10.0.0.0/33"] = "a number from 0 to 32 is expected behind the '/'",
      ["10.0.0.1/8"] = "the address before the '/' is not the first one of that network",
      ["*"] = "expected an address", [""] = "expected an address", loopback = "expected an address",
    } do
      blames(("sse.server: option 'trusted_proxies': '%s': %s"):format(text, why),
        function() sse.server { trusted_proxies = { "127.0.0.1", text } } end)
    end
    for _, given in ipairs { "127.0.0.1", 1, true, { 1 }, { a = "127.0.0.1" }, { "unix",
      [3] = "::1" } } do
      blames("option 'trusted_proxies' must be a list of addresses, networks and \"unix\"",
        function() sse.server { trusted_proxies = given } end)
    end
  end)

  it("proxy_headers names the four fields, and no others", function()
    blames("sse.server: option 'proxy_headers': there are X-Forwarded-For, X-Forwarded-Proto, "
      .. "X-Forwarded-Host and Forwarded, not 'X-Real-IP'",
      function() sse.server { proxy_headers = { "X-Real-IP" } } end)
  end)

  it("proxy_protocol needs trusted_proxies", function()
    local message = "'proxy_protocol' needs 'trusted_proxies', the addresses of the proxies"
    blames("sse.server: " .. message, function() sse.server { proxy_protocol = true } end)
    blames("sse.server: " .. message,
      function() sse.server { proxy_protocol = true, trusted_proxies = {} } end)
    local server = sse.server {}
    blames("server:listen: " .. message, function() server:listen { proxy_protocol = true } end)
  end)
end)
