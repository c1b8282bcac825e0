-- TLS on the accepting side when things go wrong: stalls, garbage, truncation, renegotiation, slow
-- readers. Whatever one client does, another one's stream goes on.
local certs = require "spec.support.certs"
local child = require "spec.support.child"
local raw = require "spec.support.raw"
local relay = require "spec.support.relay"
local serving = require "spec.support.serving"
local sse = require "sse"
local transports = require "spec.support.transports"
local wait = require "spec.support.wait"

local APPLICATION = 23

-- What a client says first, as a recording would have it: up to the cut.
local HELLO = "\22\3\1\2\0\1\0\1\252\3\3" .. ("\7"):rep(32)

-- s_client as a child that takes what it is to send, once its handshake is done.
local function s_client(to, arguments)
  local command = ("openssl s_client -connect 127.0.0.1:%d %s"):format(to.port, arguments or "")
  local run = child.program(command, true)
  run:till "Verify return code"
  return run
end

serving.over(transports.https, "server over TLS", function()
  local streams, reasons, witness

  local function start(options)
    streams, reasons = {}, {}
    local server = serving.start(options or {}, function(s)
      s:get("/", function(_, res) res:reply(200, "fine") end)
      s:get("/stream/:who", function(req, res)
        local who, stream = req.params.who, res:event_stream()
        streams[who] = stream
        stream.onclose = function(reason) reasons[who] = reason end
      end)
    end)
    witness = serving.listen "/stream/witness"
    return server
  end

  -- The other client's stream is as it was.
  local function undisturbed()
    streams.witness:send "tick"
    witness:till "data: tick\n\n"
    assert.is_nil(reasons.witness)
    assert.same({}, serving.errors)
  end

  after_each(function()
    child.stop()
    serving.stop()
  end)

  local function failures(server, n)
    raw.pump(function() return server:stats().handshake_failures == n end, "failed handshakes")
    undisturbed()
  end

  describe("before the handshake", function()
    it("closes whom it keeps waiting, by the limit of a head", function()
      local server = start { head_timeout = 30 }
      local silent, cut = serving.connect(), serving.connect()
      cut:send(HELLO)
      assert.equal("", silent:receive_all())
      assert.equal("", cut:receive_all())
      failures(server, 2)
    end)

    it("does not wait longer for one that sends a byte now and then", function()
      local server = start { head_timeout = 60 }
      local slow = serving.connect()
      local at = 0
      raw.pump(function()
        at = at % #HELLO + 1
        return not slow:send(HELLO:sub(at, at)) or slow:take() or slow.eof
      end, "the close")
      failures(server, 1)
    end)

    it("closes on garbage, and counts it", function()
      local server = start()
      for _, bytes in ipairs { "\0\1\2\3\4\5\6\7", ("\255"):rep(100000), "\22\3\1\255\255x",
        HELLO .. ("\0"):rep(600), "\128\46\1\0\2" .. ("\0"):rep(43) } do
        local client = serving.connect()
        client:send(bytes)
        client:receive_all()
      end
      failures(server, 5)
    end)

    it("tells a client that forgot the s", function()
      local server = start()
      for _, line in ipairs { "GET / HTTP/1.1", "OPTIONS * HTTP/1.1", "BREW / HTTP/1.1" } do
        local client = serving.connect()
        client:send(line .. "\r\nHost: a\r\n\r\n")
        local answer = client:response()
        assert.equal(400, answer.status)
        assert.truthy(answer.body:find("this port speaks HTTPS: use https://", 1, true))
        assert.equal("close", answer.headers.connection)
        assert.equal("", client:receive_all())
      end
      failures(server, 3)
    end)

    it("counts who leaves", function()
      local server = start()
      serving.connect():close()
      serving.connect():reset()
      failures(server, 2)
    end)

    it("is refused a protocol too old", function()
      local server = start()
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
      local server = start(options)
      between = serving.through()
      local listener = serving.listen "/stream/victim"
      streams.victim:send "hello"
      listener:till "hello\n\n"
      return listener, server
    end

    local function victim_ends(reason)
      raw.pump(function() return reasons.victim end, "onclose")
      assert.equal(reason, reasons.victim)
      undisturbed()
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
      assert.is_nil(reasons.victim)
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
      start()
      between = serving.through()
      local run = s_client(between)
      local up = between.pairs[1].up
      up.blocked, up.mute = true, true
      run:write "GET /stream/victim HTTP/1.1\r\nHost: a\r\n\r\n"
      raw.pump(function() return up.held ~= "" end, "the request")
      run:shut() -- it says so, and leaves
      raw.pump(function() return up.shut end, "its end")
      up.blocked = false
      victim_ends "client"
    end)

    it("does not renegotiate", function()
      local server = start()
      local run = s_client(server, "-tls1_2")
      run:write "R\n"
      run:till "no renegotiation"
      run:shut()
      run:wait()
      assert.equal(2, server:stats().handshakes)
      undisturbed()
    end)

    it("follows a change of keys", function()
      local server = start()
      local run = s_client(server, "-tls1_3")
      run:write "K\n"
      run:till "KEYUPDATE"
      run:write "GET /stream/keys HTTP/1.1\r\nHost: a\r\n\r\n"
      run:till "text/event%-stream"
      streams.keys:send "with new keys"
      run:till "with new keys"
      undisturbed()
    end)

    it("keeps one that asks for nothing as long as an idle one", function()
      local server = start { head_timeout = 20, idle_timeout = 60 }
      local run = s_client(server)
      wait.past(30)
      assert.is_nil(run:status())
      run:wait()
      assert.is_nil(run:output():find("unexpected eof", 1, true))
      assert.equal(0, server:stats().handshake_failures)
      undisturbed()
    end)
  end)

  describe("writing", function()
    it("makes few records of many small events", function()
      start()
      local between = serving.through()
      local listener = serving.listen "/stream/many"
      between.log.down = {}
      for n = 1, 2000 do streams.many:send("event " .. n) end
      listener:till "event 2000\n\n"
      local records = relay.records(between.log.down)
      assert.is_true(#records < 20, #records .. " records")
      for _, kind in ipairs(records) do assert.equal(APPLICATION, kind) end
    end)

    it("goes on where a slow reader let it stop, and loses nothing", function()
      local server = start()
      local listener = serving.listen "/stream/slow"
      listener:pause()
      local n, full = 0, 0
      local stream = streams.slow
      local function more()
        while n < 60000 do
          if not stream:send { id = tostring(n + 1), data = ("x"):rep(n % 300 + 1) } then
            full = full + 1
            return
          end
          n = n + 1
        end
        stream:close()
      end
      stream.ondrain = more
      more()
      raw.pump(function() return full > 0 and stream.pending > 0 end, "a full stream")
      undisturbed()
      listener:resume()
      local text = listener:rest()
      local whole, seen = 0, 0
      for id, data in text:gmatch "id: (%d+)\ndata: (x*)\n\n" do
        seen = seen + 1
        if tonumber(id) ~= seen or #data ~= (seen - 1) % 300 + 1 then break end
        whole = whole + 1
      end
      assert.equal(60000, whole)
      assert.equal(2, server:stats().handshakes)
    end)

    it("is given up with a client that takes nothing", function()
      start()
      serving.listen("/stream/stuck"):pause()
      while streams.stuck:send(("x"):rep(50000)) do end
      streams.stuck:close()
      serving.listen("/stream/gone"):pause()
      while streams.gone:send(("x"):rep(50000)) do end
      undisturbed()
    end)

    it("takes nothing back that is encrypted already", function()
      local stuck
      local server = serving.start(function(s)
        s:get("/", function(_, res)
          res:write(("y"):rep(15000)) -- one record with its head
          sse.sleep(1)
          if res.pending > 0 then
            stuck = true
            error "in the middle of the first record"
          end
          res:finish()
        end)
      end)
      local run = s_client(server, "-ign_eof")
      run:kill "STOP"
      run:write(("GET / HTTP/1.1\r\nHost: a\r\n\r\n"):rep(800))
      run:kill "CONT"
      run:till "yyy"
      run:kill "STOP"
      raw.pump(function() return stuck end, "a full socket", 20000)
      run:kill "CONT"
      run:wait()
      local text = run:output()
      for _, wrong in ipairs { "500 Internal", "bad record", "decryption failed" } do
        assert.is_nil(text:find(wrong, 1, true), wrong)
      end
      assert.truthy(text:find("unexpected eof", 1, true)) -- the answer broke off
      assert.equal(1, #serving.errors)
    end)

    it("may be stopped by the server in the middle of a record", function()
      local server = start()
      local stuck = serving.listen "/stream/stuck"
      stuck:pause()
      while streams.stuck:send(("x"):rep(50000)) do end
      server:close()
      stuck:resume()
      assert.truthy(select(2, stuck:rest()))
      assert.truthy(select(2, witness:rest()))
      raw.pump(function() return reasons.stuck and reasons.witness end, "both ends")
      assert.same({ stuck = "server", witness = "server" }, reasons)
    end)
  end)

  describe("many at once", function()
    it("come and go", function()
      local server = start()
      local answers = 0
      for _ = 1, 100 do
        sse.spawn(function()
          local res = assert(sse.fetch(serving.url "/", { http2 = false, tls = certs.client() }))
          assert(res:text() == "fine")
          answers = answers + 1
        end)
      end
      raw.pump(function() return answers == 100 end, "the answers", 20000)
      assert.equal(0, server:stats().handshake_failures)
      undisturbed()
    end)
  end)
end)
