-- How the server writes over TLS: records, slow readers, bytes that OpenSSL holds.
local certs = require "spec.support.certs"
local raw = require "spec.support.raw"
local relay = require "spec.support.relay"
local secure = require "spec.support.secure"
local serving = require "spec.support.serving"
local sse = require "sse"
local transports = require "spec.support.transports"

local APPLICATION = 23
-- Under stress each callback costs a full collection: fewer events, which must still fill a socket.
local SCALE = os.getenv "SSE_STRESS_GC" and 8 or 1
local EVENTS = 40000 // SCALE

serving.over(transports.https, "server over TLS", function()
  after_each(secure.stop)

  it("makes few records of many small events", function()
    secure.start()
    local between = serving.through()
    local listener = serving.listen "/stream/many"
    between.log.down = {}
    for n = 1, 2000 do secure.streams.many:send("event " .. n) end
    listener:till "event 2000\n\n"
    local records = relay.records(between.log.down)
    assert.is_true(#records < 20, #records .. " records")
    for _, kind in ipairs(records) do assert.equal(APPLICATION, kind) end
  end)

  it("goes on where a slow reader let it stop, and loses nothing", function()
    local server = secure.start()
    local listener = serving.listen "/stream/slow"
    listener:pause()
    local n, full = 0, 0
    local stream = secure.streams.slow
    local function more()
      while n < EVENTS do
        if not stream:send { id = tostring(n + 1), data = ("x"):rep(n % 300 * SCALE + 1) } then
          full = full + 1
          return
        end
        n = n + 1
      end
      stream:close()
    end
    stream.on_drain = more
    more()
    raw.pump(function() return full > 0 and stream.pending > 0 end, "a full stream")
    secure.undisturbed()
    listener:resume()
    local text = listener:rest()
    local whole, seen = 0, 0
    for id, data in text:gmatch "id: (%d+)\ndata: (x*)\n\n" do
      seen = seen + 1
      if tonumber(id) ~= seen or #data ~= (seen - 1) % 300 * SCALE + 1 then break end
      whole = whole + 1
    end
    assert.equal(EVENTS, whole)
    assert.equal(2, server:stats().tls.handshakes)
  end)

  it("is given up with a client that takes nothing", function()
    secure.start()
    serving.listen("/stream/stuck"):pause()
    while secure.streams.stuck:send(("x"):rep(50000)) do end
    secure.streams.stuck:close()
    serving.listen("/stream/gone"):pause()
    while secure.streams.gone:send(("x"):rep(50000)) do end
    secure.undisturbed()
  end)

  it("takes nothing back that is encrypted already", function()
    local stuck
    local server = serving.start(function(s)
      s:get("/", function(_, res)
        res:write(("y"):rep(15000)) -- one record, with the head
        for _ = 1, 5 do sse.sleep(1) end -- turns of the loop, which write
        if res.pending > 0 then
          stuck = true
          error "in the middle of the first record"
        end
        res:finish()
      end)
    end)
    local run = secure.client(server, "-ign_eof")
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
    assert.truthy(text:find("unexpected eof", 1, true)) -- the response broke off
    assert.equal(1, #serving.errors)
  end)

  for slow, history in pairs { close = 100000, skip = 50 } do
    it("brings a channel's events whole to a slow follower, policy " .. slow, function()
      local news = sse.channel("news", { history = history, slow = slow })
      local stream
      serving.start(function(server)
        server:get("/", function(_, res)
          stream = res:event_stream { compress = false }
          stream:follow(news)
        end)
      end)
      local listener = serving.listen()
      listener:pause()
      local n = 0
      raw.pump(function()
        for _ = 1, 500 // SCALE do
          n = n + 1
          news:publish { data = ("%d %s"):format(n, ("x"):rep(n % 500 * SCALE)) }
        end
        return stream.pending > 0 and n >= EVENTS // 4
      end, "a full stream", 20000)
      listener:resume()
      news:publish { data = "the last" }
      local text, last, gaps = listener:till "data: the last\n\n", 0, 0
      for block in text:gmatch "(.-)\n\n" do
        local number, data = block:match "^id: [^\n]+\ndata: (%d+) (x*)$"
        if block:find "^event: sse%-gap" then
          gaps = gaps + 1
        elseif number then
          number = tonumber(number)
          assert(number > last and (slow == "skip" or number == last + 1), block)
          assert(#data == number % 500 * SCALE, block)
          last = number
        end
      end
      assert.is_true(slow == "skip" and gaps > 0 or last == n, last .. " of " .. n)
      news:close()
    end)
  end

  it("counts no client as behind whose socket takes an event of many records", function()
    local news = sse.channel("news", {})
    local server = serving.start({ max_pending_total = 60000 }, function(s)
      s:get("/", function(_, res) res:event_stream({ compress = false }):follow(news) end)
    end)
    local listeners = {}
    for n = 1, 6 do listeners[n] = serving.listen() end
    raw.pump(function() return news.followers == 6 end, "six followers")
    news:publish { data = ("x"):rep(40000) }
    assert.equal(0, server:stats().memory.overflows)
    for n = 1, 6 do
      assert.truthy(listeners[n]:till "x\n\n":find(("x"):rep(40000), 1, true))
    end
    assert.equal(0, server:stats().memory.overflows)
    assert.equal(6, news.followers)
    news:close()
  end)

  it("may be stopped by the server in the middle of a record", function()
    local server = secure.start()
    local stuck = serving.listen "/stream/stuck"
    stuck:pause()
    while secure.streams.stuck:send(("x"):rep(50000)) do end
    server:close()
    stuck:resume()
    assert.truthy(select(2, stuck:rest()))
    assert.truthy(select(2, secure.witness:rest()))
    raw.pump(function() return secure.reasons.stuck and secure.reasons.witness end, "both ends")
    assert.same({ stuck = "server", witness = "server" }, secure.reasons)
  end)

  it("serves many that come and go", function()
    local server = secure.start()
    local responses = 0
    for _ = 1, 100 do
      sse.spawn(function()
        local options = { httpVersion = "1.1", tls = certs.client() }
        local res = assert(sse.fetch(serving.url "/", options))
        assert(res:text() == "fine")
        responses = responses + 1
      end)
    end
    raw.pump(function() return responses == 100 end, "the responses", 20000)
    assert.equal(0, server:stats().tls.handshakes_failed)
    secure.undisturbed()
  end)
end)
