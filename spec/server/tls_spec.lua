-- The server's TLS: certificates, versions, names, clients' certificates, reloading; by our client,
-- curl and `openssl s_client`. (Options that can't be used: tls_option_spec.lua; faults of clients:
-- tls_trouble_spec.lua.)
local certs = require "spec.support.certs"
local child = require "spec.support.child"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"
local transports = require "spec.support.transports"
local wait = require "spec.support.wait"

local function routes(server)
  server:get("/", function(req, res)
    res:reply(200, { secure = req.secure, client = (req.client_certificate or {}).subject })
  end)
  server:post("/echo", function(req, res) res:reply(200, req.body) end)
  server:get("/stream", function(_, res) res:event_stream():send "one" end)
  server:get("/once", function(_, res)
    local stream = res:event_stream()
    stream:send "one"
    stream:close()
  end)
end

local function get(path, tls)
  return sse.fetch(serving.url(path), { httpVersion = "1.1", tls = certs.client(tls) })
end

-- Runs s_client against the server to its end; returns its output.
local function s_client(server, arguments, request)
  local command = ("sh -c 'printf \"%s\" | openssl s_client -connect 127.0.0.1:%d -CAfile %s %s'")
  local run = child.program(command:format(request or "", server.port, certs.path "ca.pem",
    arguments or ""))
  run:wait()
  return run:output()
end

local function curl(server, arguments)
  local run = child.program(("curl -sS --cacert %s %s https://127.0.0.1:%d/"):format(
    certs.path "ca.pem", arguments or "", server.port))
  run:wait()
  return run:output()
end

local CLOSE = "GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n"

serving.over(transports.https, "server over TLS", function()
  after_each(function()
    child.stop()
    serving.stop()
  end)

  it("serves our client, and counts", function()
    local server = serving.start(routes)
    local res = assert(get "/")
    assert.equal("HTTP/1.1", res.protocol)
    assert.equal("TLSv1.3", res.tls.version)
    assert.same({ secure = true }, res:json())
    assert.equal("one", serving.listen("/stream"):till("data: one\n\n"):match "(%a+)\n")
    local stats = server:stats()
    assert.equal(1, stats.tls.handshakes) -- both requests used one connection
    assert.equal(0, stats.tls.handshakes_failed)
  end)

  it("serves curl, with TLS 1.2 and with 1.3", function()
    local server = serving.start(routes)
    assert.equal('{"secure":true}', curl(server, "--tls-max 1.2"))
    assert.equal('{"secure":true}', curl(server, "--tlsv1.3"))
    assert.equal(2, server:stats().tls.handshakes)
  end)

  it("carries big bodies both ways", function()
    serving.start({ max_body_size = 8 << 20 }, routes)
    local body = {}
    for i = 1, 500000 do body[i] = ("%08x"):format(i) end
    body = table.concat(body)
    assert.is_true(serving.ask("POST /echo", {}, body).body == body)
  end)

  it("ends with close_notify", function()
    local server = serving.start(routes)
    local text = s_client(server, "-ign_eof", CLOSE)
    assert.truthy(text:find('{"secure":true}', 1, true), text)
    assert.is_nil(text:find("unexpected eof", 1, true), text)
    -- The body ends with the connection.
    text = s_client(server, "-ign_eof", "GET /once HTTP/1.0\\r\\n\\r\\n")
    assert.truthy(text:find("data: one\n\n.*closed\n$"), text)
    assert.is_nil(text:find("unexpected eof", 1, true), text)
  end)

  it("negotiates by ALPN, and refuses clients without a protocol it knows", function()
    local server = serving.start(routes)
    local text = s_client(server, "-ign_eof -alpn foo,http/1.1", CLOSE)
    assert.truthy(text:find("ALPN protocol: http/1.1", 1, true), text)
    text = s_client(server, "-ign_eof -alpn foo", CLOSE)
    assert.truthy(text:find("alert no application protocol", 1, true), text)
    assert.equal(1, server:stats().tls.handshakes_failed)
  end)

  it("takes no version below min_version", function()
    local server = serving.start({ tls = certs.server { min_version = "1.3" } }, routes)
    assert.truthy(curl(server, "--tls-max 1.2"):find("alert", 1, true))
    assert.equal('{"secure":true}', curl(server))
  end)

  it("uses no cipher but those that are listed, for both versions", function()
    local ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305:TLS_AES_256_GCM_SHA384"
    local server = serving.start({ tls = certs.server { ciphers = ciphers } }, routes)
    local function chosen(arguments)
      return s_client(server, "-ign_eof " .. arguments, CLOSE):match "Cipher is ([%w_-]+)"
    end
    assert.equal("ECDHE-ECDSA-CHACHA20-POLY1305", chosen "-tls1_2")
    assert.equal("TLS_AES_256_GCM_SHA384", chosen "-tls1_3")
  end)

  it("sends the certificates of its chain", function()
    certs.authority "root2"
    certs.sign("leaf", "DNS:leaf.example")
    local both = certs.read "good.pem" .. certs.read "ca.pem"
    local server = serving.start({ tls = { cert = certs.write("both.pem", both),
      key = certs.path "good.key", chain = certs.path "root2.pem" } }, routes)
    local text = s_client(server, "-ign_eof -showcerts", CLOSE)
    assert.equal(3, select(2, text:gsub("BEGIN CERTIFICATE", "")))
  end)

  it("takes a key that lies in the certificate's file", function()
    local both = certs.read "good.key" .. certs.read "good.pem"
    serving.start({ tls = { cert = certs.write("pair.pem", both) } }, routes)
    assert.equal(200, serving.ask("GET /").status)
  end)

  it("chooses a certificate by the name that is asked for", function()
    certs.sign("plain", "DNS:b.example")
    certs.sign("wild", "DNS:*.c.example")
    local function pair(name)
      return { cert = certs.path(name .. ".pem"), key = certs.path(name .. ".key") }
    end
    local server = serving.start({ tls = certs.server { names = {
      ["B.example"] = pair "plain", ["*.c.example"] = pair "wild",
    } } }, routes)
    for name, subject in pairs {
      ["b.example"] = "plain", ["a.c.example"] = "wild", ["A.C.Example"] = "wild",
      ["c.example"] = "good", ["x.a.c.example"] = "good", ["d.example"] = "good",
    } do
      local text = s_client(server, "-ign_eof -servername " .. name, CLOSE)
      assert.equal(subject, text:match "subject=CN = (%w+)", name)
    end
    local text = s_client(server, "-ign_eof -noservername", CLOSE)
    assert.equal("good", text:match "subject=CN = (%w+)")
  end)

  it("answers one client too many with 503", function()
    local server = serving.start({ max_connections = 1 }, routes)
    serving.listen "/stream"
    local response = serving.ask "GET /"
    assert.equal(503, response.status)
    assert.truthy(response.headers["retry-after"])
    assert.equal(1, server:stats().connections.refused)
  end)

  describe("with client_ca", function()
    local function start()
      certs.authority "people"
      certs.sign("me", "DNS:me", "people", "/O=Ö/CN=me, myself")
      certs.sign("stranger", "DNS:me")
      return serving.start({ tls = certs.server { client_ca = certs.path "people.pem" } }, routes)
    end

    local function as(name)
      return { cert = certs.path(name .. ".pem"), key = certs.path(name .. ".key") }
    end

    it("serves a client with a certificate, and tells its subject", function()
      start()
      assert.equal("CN=me\\, myself,O=Ö", assert(get("/", as "me")):json().client)
    end)

    it("refuses a client without one, or with another authority's", function()
      local server = start()
      for _, tls in ipairs { {}, as "stranger" } do
        local res, _, code = get("/", tls)
        assert.is_nil(res)
        assert.truthy(code == "ETLS" or code == "ECONNRESET" or code == "ECERT", code)
      end
      raw.pump(function() return server:stats().tls.handshakes_failed == 2 end, "the failures")
      assert.equal(0, server:stats().requests.received)
    end)

    it("resumes no session of a client that another authority signed", function()
      certs.authority "elsewhere"
      local server = start()
      local before = certs.read "people.pem"
      local session, pair = certs.path "session", "-cert %s -key %s"
      local arguments = "-ign_eof " .. pair:format(certs.path "me.pem", certs.path "me.key")
      s_client(server, arguments .. " -sess_out " .. session, CLOSE)
      local again = arguments .. " -sess_in " .. session
      assert.truthy(s_client(server, again, CLOSE):find("Reused", 1, true))
      certs.write("people.pem", certs.read "elsewhere.pem")
      assert(server:reload_tls())
      local text = s_client(server, again, CLOSE)
      certs.write("people.pem", before)
      assert.is_nil(text:find("Reused", 1, true), text)
      assert.is_nil(text:find("HTTP/1.1 200", 1, true), text)
    end)
  end)

  describe("reload_tls", function()
    local tls
    before_each(function()
      certs.sign("first", "DNS:localhost,IP:127.0.0.1")
      certs.sign("second", "DNS:localhost,IP:127.0.0.1")
      certs.write("now.pem", certs.read "first.pem")
      certs.write("now.key", certs.read "first.key")
      tls = { cert = certs.path "now.pem", key = certs.path "now.key" }
    end)

    local function subject(server)
      return s_client(server, "-ign_eof", CLOSE):match "subject=CN = (%w+)"
    end

    it("serves the new certificate, and open streams go on", function()
      local stream
      local server = serving.start({ tls = tls }, function(s)
        routes(s)
        s:get("/held", function(_, res) stream = res:event_stream() end)
      end)
      local listener = serving.listen "/held"
      assert.equal("first", subject(server))
      certs.write("now.pem", certs.read "second.pem")
      certs.write("now.key", certs.read "second.key")
      assert.equal("first", subject(server))
      assert.is_true(server:reload_tls())
      assert.equal("second", subject(server))
      stream:send "still here"
      listener:till "still here\n\n"
    end)

    it("keeps the old one where the new one can't be used", function()
      local server = serving.start({ tls = tls }, routes)
      certs.write("now.key", certs.read "second.key")
      local ok, message, code = server:reload_tls()
      assert.is_nil(ok)
      assert.truthy(message:find("^tls.key: .*mismatch"), message)
      assert.equal("ECERT", code)
      os.remove(certs.path "now.pem")
      assert.equal("ECERT", select(3, server:reload_tls()))
      assert.equal("first", subject(server))
    end)

    for version, option in pairs { ["1.2"] = "-tls1_2", ["1.3"] = "-tls1_3" } do
      it("lets sessions of before be resumed, by TLS " .. version, function()
        local server = serving.start({ tls = tls }, routes)
        local session = certs.path "session"
        s_client(server, ("-ign_eof %s -sess_out %s"):format(option, session), CLOSE)
        assert(server:reload_tls())
        local arguments = ("-ign_eof %s -sess_in %s -sess_out %s"):format(option, session, session)
        assert.truthy(s_client(server, arguments, CLOSE):find("Reused", 1, true))
        assert.truthy(s_client(server, arguments, CLOSE):find("Reused", 1, true))
        assert.equal(2, server:stats().tls.handshakes_resumed)
        assert.equal(3, server:stats().tls.handshakes)
      end)
    end

    it("is misuse without the option", function()
      local server = sse.server()
      local ok, err = pcall(server.reload_tls, server)
      assert.is_false(ok)
      assert.truthy(err:find("option 'tls'", 1, true), err)
    end)
  end)

  it("is resumed by our own client", function()
    local server = serving.start({ idle_timeout = 20 }, routes)
    assert.equal(200, serving.ask("GET /").status)
    wait.till(function() return server:stats().connections.open == 0 end, "the connection's end")
    assert.equal(200, serving.ask("GET /").status)
    assert.equal(1, server:stats().tls.handshakes_resumed)
  end)
end)
