-- req.client_certificate: what the certificate of a client says, also that of a hostile one.
local certs = require "spec.support.certs"
local child = require "spec.support.child"
local der = require "spec.support.der"
local serving = require "spec.support.serving"
local sse = require "sse"
local transports = require "spec.support.transports"

local CLOSE = "GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n"

for _, transport in ipairs { transports.https, transports.h2 } do
  serving.over(transport, "req.client_certificate over " .. transport.name, function()
    local seen

    local function start()
      certs.authority "people"
      seen = {}
      return serving.start({ tls = certs.server { client_ca = certs.path "people.pem" } },
        function(server)
          server:get("/", function(req, res)
            seen[#seen + 1] = req.client_certificate
            res:reply(200, "fine")
          end)
        end)
    end

    -- What the server sees of the certificate NAME.pem.
    local function ask(name)
      local options = transport.client()
      options.tls.cert, options.tls.key = certs.path(name .. ".pem"), certs.path(name .. ".key")
      local res = assert(sse.fetch(serving.url "/", options))
      assert.equal(transport.protocol, res.protocol)
      assert(res:text())
      return seen[#seen]
    end

    -- What the server sees of one that is signed as it is.
    local function see(name, fields)
      der.sign(name, "people", fields)
      return ask(name)
    end

    after_each(function()
      child.stop()
      serving.stop()
    end)

    it("tells subject, issuer, serial, the last second and the fingerprint", function()
      start()
      certs.sign("me", "DNS:me", "people", "/O=Ö/CN=me, myself")
      local certificate = ask "me"
      local names = {}
      for name in pairs(certificate) do names[#names + 1] = name end
      table.sort(names)
      assert.same({ "fingerprint", "issuer", "not_after", "serial", "subject" }, names)
      assert.equal("CN=me\\, myself,O=Ö", certificate.subject)
      assert.equal("CN=people", certificate.issuer)
      certs.openssl("x509 -in me.pem -noout -serial -enddate -fingerprint -sha256 -out told")
      local told = certs.read "told"
      assert.equal(told:match("serial=(%x+)"):lower(), certificate.serial)
      assert.equal(told:match("Fingerprint=([%x:]+)"):gsub(":", ""):lower(),
        certificate.fingerprint)
      assert.equal("integer", math.type(certificate.not_after))
      local left = certificate.not_after - os.time()
      assert.truthy(left > 2 * 86400 - 600 and left <= 2 * 86400, left)
    end)

    it("gives each request of a connection a table of its own", function()
      local server = start()
      certs.sign("me", "DNS:me", "people")
      ask "me"
      seen[1].subject = "CN=somebody else"
      ask "me"
      assert.equal(1, server:stats().connections.accepted)
      assert.equal("CN=me", seen[2].subject)
      assert.equal(seen[1].fingerprint, seen[2].fingerprint)
    end)

    it("escapes what a subject holds", function()
      start()
      assert.equal([[CN=a\00b\0D\0Ac\,CN=root]],
        see("nul", { subject = { { "CN", "a\0b\r\nc,CN=root" } } }).subject)
      assert.equal("", see("empty", { subject = {} }).subject)
      assert.equal("CN=ab", see("wide", { subject = { { "CN", "\0a\0b", der.BMP } } }).subject)
      assert.equal("CN=é", see("old", { subject = { { "CN", "\xe9", der.T61 } } }).subject)
    end)

    it("cuts a huge subject, and not within a character", function()
      start()
      local parts = {}
      for i = 1, 300 do parts[i] = { "O", ("é"):rep(60) } end
      local subject = see("huge", { subject = parts }).subject
      assert.truthy(#subject > 4090 and #subject <= 4095, #subject)
      assert.truthy(utf8.len(subject))
    end)

    it("tells every serial number up to 64 bytes", function()
      start()
      assert.equal("00", see("zero", { serial = "\0" }).serial)
      assert.equal("-01", see("negative", { serial = "\xff" }).serial)
      assert.equal("-0100", see("below", { serial = "\xff\0" }).serial)
      assert.equal(("7f"):rep(64), see("long", { serial = ("\x7f"):rep(64) }).serial)
      local certificate = see("longer", { serial = ("\x7f"):rep(65) })
      assert.is_nil(certificate.serial)
      assert.equal("CN=longer", certificate.subject)
    end)

    it("tells far dates, in seconds of UTC", function()
      start()
      for i, case in ipairs {
        { "99991231235959Z", 253402300799 }, { "20380119031408Z", 2 ^ 31 | 0 },
        { "21000301000000Z", 4107542400 }, { "20400229120000Z", 2214129600 },
      } do
        assert.equal(case[2], see("far" .. i, { not_after = case[1] }).not_after, case[1])
      end
    end)
  end)
end

serving.over(transports.https, "req.client_certificate", function()
  after_each(function()
    child.stop()
    serving.stop()
  end)

  it("is known after a session was resumed, and after the connection is gone", function()
    certs.authority "people"
    certs.sign("me", "DNS:me", "people", "/CN=me")
    local requests = {}
    local server = serving.start({ tls = certs.server { client_ca = certs.path "people.pem" } },
      function(s)
        s:get("/", function(req, res)
          requests[#requests + 1] = req
          res:reply(200, "fine")
        end)
      end)
    for _, version in ipairs { "-tls1_2", "-tls1_3" } do
      for _, use in ipairs { "-sess_out", "-sess_in" } do
        local command = "sh -c 'printf \"%s\" | openssl s_client -ign_eof -connect 127.0.0.1:%d "
          .. "-CAfile %s -cert %s -key %s %s %s %s'"
        local run = child.program(command:format(CLOSE, server.port, certs.path "ca.pem",
          certs.path "me.pem", certs.path "me.key", version, use, certs.path "session"))
        run:wait()
        assert.equal(use == "-sess_in", run:output():find("Reused", 1, true) ~= nil)
      end
    end
    serving.idle()
    assert.equal(2, server:stats().tls.handshakes_resumed)
    assert.equal(4, #requests)
    for _, req in ipairs(requests) do
      assert.equal("CN=me", req.client_certificate.subject)
      assert.equal(64, #req.client_certificate.fingerprint)
      assert.equal(req.client_certificate, req.client_certificate)
    end
  end)
end)
