-- The core's HTTP/1, byte by byte: pipelines, versions, framing, Expect, half-closed clients.
local core = require "sse.core"
local net = require "spec.support.net"
local raw = require "spec.support.raw"
local wait = require "spec.support.wait"

-- Answers a request with its target, in the next turn of the loop.
local function later(exchange)
  local target = exchange.target
  core.defer(function() net.reply(exchange, target) end)
end

local function now(exchange) net.reply(exchange, exchange.target) end

local function gets(n, fields)
  local list = {}
  for i = 1, n do list[i] = net.head("GET /" .. i, fields) end
  return table.concat(list)
end

local function expect_row(client, n)
  for i = 1, n do assert.equal("/" .. i, client:response().body) end
end

describe("http1 connection", function()
  after_each(net.stop)

  for name, handler in pairs { ["at once"] = now, ["later"] = later } do
    it("answers a pipeline in order, " .. name .. ", also if no more is sent", function()
      net.start(handler)
      local client = net.connect(gets(50))
      client:shut()
      expect_row(client, 50)
      assert.equal("", client:receive_all())
    end)

    it("answers a pipeline that comes byte by byte, " .. name, function()
      net.start(handler)
      local client = net.connect()
      for byte in gets(3):gmatch "." do
        client:send(byte)
        core.defer(function() end)
        core.turn()
      end
      expect_row(client, 3)
    end)

    it("answers a bad request behind good ones in its turn, " .. name, function()
      net.start(handler)
      local client = net.connect(gets(3) .. "BAD\r\n\r\n" .. gets(1))
      expect_row(client, 3)
      assert.equal(400, client:response().status)
      assert.equal("", client:receive_all())
    end)
  end

  it("answers others between the requests of a pipeline", function()
    local order = {}
    net.start(function(exchange)
      order[#order + 1] = exchange.target
      now(exchange)
    end)
    local greedy, other = net.connect(gets(1000)), net.connect(net.head "GET /other")
    assert.equal("/other", other:response().body)
    expect_row(greedy, 1000)
    local between = 0
    while order[between + 1] ~= "/other" do between = between + 1 end
    assert.is_true(between < 100, between .. " requests were answered before the other's")
  end)

  it("reads no further than a bound while a request is being answered", function()
    local first
    local server = net.start(function(exchange)
      if exchange.target == "/1" then first = exchange else now(exchange) end
    end)
    local client = net.connect()
    local bytes, at = gets(600, ("X: %s\r\n"):format(("x"):rep(1000))), 0
    raw.pump(function()
      local last, _, partial = client.socket:send(bytes, at + 1)
      at = last or partial
      return first
    end, "the first request")
    local received = wait.unchanged(function() return net.stats(server).traffic.received_bytes end)
    assert.is_true(received < 200000)
    core.defer(function() net.reply(first, "/1") end)
    client:send(bytes:sub(at + 1))
    expect_row(client, 600)
  end)

  it("takes four empty lines before a request, and no longer chunk extensions for them", function()
    net.start(now, { max_head_size = 256 })
    local client = net.connect("\r\n\r\n" .. gets(1) .. "\r\n" .. net.head "GET /2")
    expect_row(client, 2)
    local head = net.head("POST /", "Transfer-Encoding: chunked\r\nX: %s\r\n")
    head = head:format(("x"):rep(256 - #head + 2))
    assert.equal(256, #head)
    local greedy = net.connect("\r\n\r\n\r\n\r\n" .. head .. "1;x=" .. ("y"):rep(10000))
    assert.equal(431, greedy:response().status)
  end)

  it("keeps HTTP/1.0 alive where it is asked to, and 1.1 not where it isn't wanted", function()
    net.start(now)
    local client = net.connect(net.head("GET /1", "Connection: keep-alive\r\n", "1.0"))
    local got = client:response()
    assert.equal("keep-alive", got.headers.connection)
    assert.equal("2", got.headers["content-length"])
    client:send(net.head("GET /2", nil, "1.0"))
    got = client:response()
    assert.equal("close", got.headers.connection)
    assert.equal("", client:receive_all())
    client = net.connect(net.head("GET /1", "Connection: close\r\n") .. gets(1))
    assert.equal("close", client:response().headers.connection)
    assert.equal("", client:receive_all())
  end)

  it("delimits a streamed response by its end for HTTP/1.0, even if it asked for more", function()
    net.start(function(exchange)
      exchange:start(200, {})
      exchange:write "one"
      exchange:write "two"
      exchange:finish()
    end)
    local client = net.connect(net.head("GET /", "Connection: keep-alive\r\n", "1.0"))
    local got = client:response()
    assert.equal("close", got.headers.connection)
    assert.is_nil(got.headers["transfer-encoding"])
    assert.equal("onetwo", got.body)
  end)

  for _, case in ipairs { { "HEAD /", 200 }, { "GET /", 204 }, { "GET /", 304 } } do
    it(("sends no body of a streamed %d to %s, and the next request is served"):format(
      case[2], case[1]), function()
      net.start(function(exchange)
        if exchange.target == "/next" then return now(exchange) end
        assert(exchange:start(case[2], {}))
        assert(exchange:write "nothing of this")
        exchange:finish()
      end)
      local client = net.connect(net.head(case[1]))
      assert.equal(case[2], client:head().status)
      client:send(net.head "GET /next")
      assert.equal("/next", client:response().body)
    end)
  end

  it("sends 100 Continue to clients that wait for it, and only to them", function()
    net.start(function(exchange) net.reply(exchange, exchange.body) end, { max_body_size = 10 })
    local expects = "Expect: 100-continue\r\nContent-Length: "
    local client = net.connect(net.head("POST /", expects .. "4\r\n"))
    assert.equal("HTTP/1.1 100 Continue\r\n\r\n", client:receive_until("\r\n\r\n"))
    client:send "body"
    assert.equal("body", client:response().body)
    client:send(net.head("POST /", expects .. "4\r\n") .. "with")
    assert.equal("with", client:response().body)
    client:send(net.head("POST /", expects .. "0\r\n"))
    assert.equal(200, client:response().status)
    client:send(net.head("POST /", expects .. "11\r\n"))
    assert.equal(413, client:response().status)
    client = net.connect(net.head("POST /", expects .. "3\r\n", "1.0") .. "old")
    assert.equal("old", client:response().body)
  end)

  it("takes a long body behind half a head", function()
    net.start(function(exchange) net.reply(exchange, tostring(#exchange.body)) end)
    local head = net.head("POST /", "Content-Length: 800000\r\n")
    local client = net.connect(head:sub(1, 10))
    wait.past(5)
    client:send(head:sub(11) .. ("x"):rep(800000))
    assert.equal("800000", client:response().body)
  end)

  it("closes on half a body behind a last response", function()
    net.start(later)
    local client = net.connect(gets(1) .. net.head("POST /2",
      "Expect: 100-continue\r\nContent-Length: 9\r\n"))
    client:shut()
    expect_row(client, 1)
    client:receive_all()
    net.connections(0)
  end)

  it("hands over headers, names in small letters and repeated ones joined", function()
    local seen
    net.start(function(exchange)
      seen = { exchange:headers(), exchange:header "X-A", exchange:header "X-B" }
      now(exchange)
    end)
    net.connect(net.head("GET /", "X-a: 1\r\nx-A: 2\r\n")):response()
    assert.same({ { host = "a", ["x-a"] = "1, 2" }, "1, 2" }, seen)
  end)

  it("refuses a second response and fields that can't be sent, and the first stands", function()
    local errors = {}
    net.start(function(exchange)
      errors[1] = select(2, pcall(exchange.reply, exchange, 200, { "X", "a\nb" }, "bad"))
      errors[2] = select(2, pcall(exchange.reply, exchange, 99, {}, "bad"))
      assert(exchange:reply(200, {}, "good"))
      errors[3] = select(2, pcall(exchange.reply, exchange, 200, {}, "again"))
      errors[4] = select(2, pcall(exchange.event_stream, exchange))
    end)
    local client = net.connect(gets(1))
    assert.equal("good", client:response().body)
    assert.truthy(errors[1]:find("header 'X' can't be sent", 1, true))
    assert.truthy(errors[2]:find("a status from 200 to 599", 1, true))
    assert.truthy(errors[3]:find("answered already", 1, true))
    assert.truthy(errors[4]:find("answered already", 1, true))
  end)

  it("breaks off: a response that was begun, and one that was not", function()
    net.start(function(exchange)
      if exchange.target == "/begun" then
        exchange:start(200, {})
        exchange:write "half"
      end
      core.defer(function() exchange:abort() end)
    end)
    local client = net.connect(net.head "GET /begun")
    client:head()
    assert.equal("4\r\nhalf\r\n", client:receive_all())
    assert.equal("", net.connect(net.head "GET /"):receive_all())
  end)

  it("resets a connection whose end would be that of the response", function()
    net.start(function(exchange)
      exchange:start(200, {})
      exchange:write "half"
      core.after(1, function()
        if exchange.target == "/whole" then exchange:finish() else exchange:abort() end
      end)
    end)
    for _, path in ipairs { "/whole", "/broken" } do
      local client = net.connect(net.head("GET " .. path, nil, "1.0"))
      client:head()
      assert.equal("half", client:receive_all())
      local can_send = client.socket:send "x" -- a reset takes no more
      assert.equal(path == "/whole", can_send ~= nil)
    end
  end)

  it("lets a client that sent too much read the response", function()
    net.start(now, { max_body_size = 1000 })
    local size = 5000000
    local client = net.connect(net.head("POST /", ("Content-Length: %d\r\n"):format(size)))
    client:send(("x"):rep(size))
    assert.equal(413, client:response().status)
  end)

  it("lets go of clients that reset at any moment", function()
    local server = net.start(function(exchange)
      if exchange.target == "/wait" then
        core.after(5, function() exchange:reply(200, {}, "late") end)
      elseif exchange.target == "/pieces" then
        exchange:start(200, {})
        for _ = 1, 20 do exchange:write(("x"):rep(40000)) end
      else
        now(exchange)
      end
    end)
    for _, bytes in ipairs {
      "", "G", gets(1), gets(20), net.head "GET /wait", net.head "GET /pieces",
      net.head("POST /", "Content-Length: 9\r\n") .. "half", "BAD\r\n\r\n",
      net.head "GET /wait" .. gets(3),
    } do
      for turns = 0, 3 do
        local client = net.connect(bytes)
        for _ = 1, turns do
          core.defer(function() end)
          core.turn()
        end
        client:reset()
      end
    end
    net.connections(0)
    assert.equal("/1", (net.connect(gets(1)):response()).body)
    assert.equal(1, net.stats(server).connections.open)
  end)
end)
