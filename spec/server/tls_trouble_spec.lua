-- Clients that stall, send garbage, cut off or renegotiate TLS. Whatever one client does, another
-- one's stream goes on. (Writing: tls_write_spec.lua.)
local child = require "spec.support.child"
local raw = require "spec.support.raw"
local secure = require "spec.support.secure"
local serving = require "spec.support.serving"
local transports = require "spec.support.transports"
local wait = require "spec.support.wait"

-- ms in which a handshake completes, in slow builds too.
local SOON = 250 * (tonumber(os.getenv "SSE_TEST_PATIENCE" or "") or 1)

-- The beginning of a recorded ClientHello.
local HELLO = "\22\3\1\2\0\1\0\1\252\3\3" .. ("\7"):rep(32)

serving.over(transports.https, "server over TLS", function()
  after_each(secure.stop)

  local function failures(server, n)
    raw.pump(function() return server:stats().tls.handshakes_failed == n end, "failed handshakes")
    secure.undisturbed()
  end

  describe("before the handshake", function()
    it("closes silent clients after head_timeout", function()
      local server = secure.start { head_timeout = SOON }
      local silent, cut = serving.connect(), serving.connect()
      cut:send(HELLO)
      assert.equal("", silent:receive_all())
      assert.equal("", cut:receive_all())
      failures(server, 2)
    end)

    it("does not wait longer for one that sends a byte now and then", function()
      local server = secure.start { head_timeout = SOON }
      local slow = serving.connect()
      local at = 0
      raw.pump(function()
        at = at % #HELLO + 1
        return not slow:send(HELLO:sub(at, at)) or slow:take() or slow.eof
      end, "the close")
      failures(server, 1)
    end)

    it("closes on garbage, and counts it", function()
      local server = secure.start()
      for _, bytes in ipairs { "\0\1\2\3\4\5\6\7", ("\255"):rep(100000), "\22\3\1\255\255x",
        HELLO .. ("\0"):rep(600), "\128\46\1\0\2" .. ("\0"):rep(43) } do
        local client = serving.connect()
        client:send(bytes)
        client:receive_all()
      end
      failures(server, 5)
    end)

    it("tells a client that used http:// to use https://", function()
      local server = secure.start()
      for _, line in ipairs { "GET / HTTP/1.1", "OPTIONS * HTTP/1.1", "BREW / HTTP/1.1" } do
        local client = serving.connect()
        client:send(line .. "\r\nHost: a\r\n\r\n")
        local response = client:response()
        assert.equal(400, response.status)
        assert.truthy(response.body:find("this port speaks HTTPS: use https://", 1, true))
        assert.equal("close", response.headers.connection)
        assert.equal("", client:receive_all())
      end
      failures(server, 3)
    end)

    it("counts clients that leave", function()
      local server = secure.start()
      serving.connect():close()
      serving.connect():reset()
      failures(server, 2)
    end)

    it("is refused a protocol too old", function()
      local server = secure.start()
      local run = child.program(("openssl s_client -connect 127.0.0.1:%d -tls1_1 -cipher "
        .. "ALL:@SECLEVEL=0"):format(server.port))
      run:wait()
      assert.truthy(run:output():find("protocol version", 1, true), run:output())
      failures(server, 1)
    end)
  end)

  describe("behind the handshake", function()
    local between

    -- A client's stream through a relay that can spoil it.
    local function victim(options)
      local server = secure.start(options)
      between = serving.through()
      local listener = serving.listen "/stream/victim"
      secure.streams.victim:send "hello"
      listener:till "hello\n\n"
      return listener, server
    end

    local function victim_ends(reason)
      raw.pump(function() return secure.reasons.victim end, "on_close")
      assert.equal(reason, secure.reasons.victim)
      secure.undisturbed()
    end

    for name, bytes in pairs {
      ["garbage"] = "\1\2\3\4\5\6\7\8\9",
      ["a record that was tampered with"] = "\23\3\3\0\40" .. ("\5"):rep(40),
      ["a record that is too long"] = "\23\3\3\255\255" .. ("\5"):rep(70000),
      ["HTTP without TLS"] = "GET / HTTP/1.1\r\n\r\n",
    } do
      it("ends the connection on " .. name, function()
        victim()
        between:inject(bytes)
        victim_ends "client"
      end)
    end

    it("takes a cut record for the client's leaving", function()
      victim()
      between:inject "\23\3\3\1\0half of it"
      raw.pump(function() return between.pairs[1].up.held == "" end, "the bytes to pass")
      assert.is_nil(secure.reasons.victim)
      between:cut()
      victim_ends "client"
    end)

    it("takes an end without close_notify for the client's leaving", function()
      victim()
      between:cut()
      victim_ends "client"
    end)

    it("takes close_notify for the client's leaving", function()
      local listener = victim()
      listener:close()
      victim_ends "client"
    end)

    it("hears close_notify behind a request, though the socket stays open", function()
      secure.start()
      between = serving.through()
      local run = secure.client(between)
      local up = between.pairs[1].up
      up.blocked, up.mute = true, true
      run:write "GET /stream/victim HTTP/1.1\r\nHost: a\r\n\r\n"
      raw.pump(function() return up.held ~= "" end, "the request")
      run:shut() -- sends close_notify and leaves
      raw.pump(function() return up.shut end, "its end")
      up.blocked = false
      victim_ends "client"
    end)

    it("does not renegotiate", function()
      local server = secure.start()
      local run = secure.client(server, "-tls1_2")
      run:write "R\n"
      run:till "no renegotiation"
      run:shut()
      run:wait()
      assert.equal(2, server:stats().tls.handshakes)
      secure.undisturbed()
    end)

    it("follows a change of keys", function()
      local server = secure.start()
      local run = secure.client(server, "-tls1_3")
      run:write "K\n"
      run:till "KEYUPDATE"
      run:write "GET /stream/keys HTTP/1.1\r\nHost: a\r\n\r\n"
      run:till "text/event%-stream"
      secure.streams.keys:send "with new keys"
      run:till "with new keys"
      secure.undisturbed()
    end)

    it("drains while clients are idle or in the handshake", function()
      local server = secure.start { head_timeout = SOON }
      local run, silent = secure.client(server), serving.connect()
      raw.pump(function() return server:stats().connections.accepted == 3 end, "three connections")
      assert.is_true(server:shutdown { within = 10, grace = 60000 })
      assert.equal("", silent:receive_all())
      run:wait()
      assert.is_nil(run:output():find("unexpected eof", 1, true))
      assert.equal("server", secure.reasons.witness)
    end)

    it("keeps a client without a request as long as an idle one", function()
      local server = secure.start { head_timeout = SOON, idle_timeout = 2 * SOON }
      local run = secure.client(server)
      wait.past(SOON + 50)
      assert.is_nil(run:status())
      run:wait()
      assert.is_nil(run:output():find("unexpected eof", 1, true))
      assert.equal(0, server:stats().tls.handshakes_failed)
      secure.undisturbed()
    end)
  end)
end)
