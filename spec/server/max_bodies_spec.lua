-- max_bodies: the bound for all that requests hold; past it, the newest body is refused.
local frames = require "spec.support.frames"
local net = require "spec.support.net"
local raw = require "spec.support.raw"

local server, held

local function start(options)
  held = {}
  server = net.start(function(x)
    if x.target == "/hold" then held[#held + 1] = x else net.reply(x, tostring(#x.body)) end
  end, options)
end

-- Begins a request with a body of `whole` bytes, and sends the first of them.
local function begin(whole, first, path)
  local client = net.connect(net.head("POST " .. (path or "/"),
    ("Content-Length: %d\r\n"):format(whole)))
  client:send(("x"):rep(first))
  return client
end

local function bodies_of(least)
  raw.pump(function() return net.stats(server).memory.body_bytes >= least end, "bytes of bodies")
end

local function refused(client)
  local got = client:response()
  assert.equal(503, got.status)
  assert.truthy(tonumber(got.headers["retry-after"]))
  assert.truthy(got.body:find("max_bodies", 1, true))
end

local function completes(client, more, all)
  client:send(("x"):rep(more))
  local got = client:response()
  assert.same({ 200, tostring(all) }, { got.status, got.body })
end

local function wait_for_no_bodies()
  raw.pump(function() return net.stats(server).memory.body_bytes == 0 end, "all bodies to be gone")
end

describe("max_bodies", function()
  after_each(function()
    held = nil
    net.stop()
  end)

  it("refuses the newest body where all hold too much", function()
    start { max_bodies = 140000, max_body_size = 60000 }
    local a = begin(60000, 50000)
    bodies_of(50000)
    local b = begin(60000, 50000)
    bodies_of(100000)
    refused(begin(60000, 50000))
    assert.equal(1, net.stats(server).requests.refused[503])
    completes(a, 10000, 60000)
    completes(b, 10000, 60000)
    wait_for_no_bodies()
  end)

  it("refuses the newest where an older one grows", function()
    start { max_bodies = 200000, max_body_size = 150000 }
    local a = begin(150000, 1)
    bodies_of(1)
    local b = begin(150000, 100000)
    bodies_of(100000)
    a:send(("x"):rep(100000))
    refused(b)
    completes(a, 49999, 150000)
    wait_for_no_bodies()
  end)

  it("counts bodies whose request is being answered, and lets requests without one by", function()
    start { max_bodies = 100000, max_body_size = 90000 }
    local a = begin(90000, 90000, "/hold")
    raw.pump(function() return held[1] end, "a request")
    refused(begin(90000, 90000))
    assert.equal(200, net.connect():request("GET /").status)
    net.reply(held[1], "held")
    assert.equal("held", a:response().body)
    wait_for_no_bodies()
    completes(begin(90000, 0), 90000, 90000)
    wait_for_no_bodies()
  end)

  it("drops what is pipelined behind a request when it is too much", function()
    start { max_bodies = 30000 }
    local client = net.connect(net.head("GET /hold"))
    raw.pump(function() return held[1] end, "a request")
    local more = net.head("GET /", "A: b\r\n"):rep(2000)
    client:send(more)
    raw.pump(function()
      return net.stats(server).traffic.received_bytes > #more
    end, "the server to read")
    assert.is_true(net.stats(server).memory.body_bytes < 1000) -- the head of the first request
    net.reply(held[1], "the first")
    assert.equal("the first", client:response().body)
    client:receive_all()
    assert.equal(1, net.stats(server).requests.received)
    wait_for_no_bodies()
  end)

  it("counts heads that arrive slowly", function()
    start { max_bodies = 100000 }
    local slow, answered = {}, 0
    for n = 1, 20 do
      slow[n] = net.connect("GET / HTTP/1.1\r\nHost: a\r\nB: " .. ("b"):rep(7000))
    end
    raw.pump(function() return net.stats(server).requests.refused[503] end, "refusals")
    assert.equal(200, net.connect():request("GET /").status)
    for _, client in ipairs(slow) do
      client:send "\r\n\r\n"
      local status = client:response().status
      assert.is_true(status == 200 or status == 503)
      if status == 200 then answered = answered + 1 end
    end
    assert.is_true(answered >= 5 and answered < 15)
    for _, client in ipairs(slow) do client:close() end
    wait_for_no_bodies()
  end)

  it("counts heads, whose fields HTTP/2 sends in a byte", function()
    start { max_bodies = 200000 }
    local client = frames.open(net.connect())
    local path = frames.request "POST /"
    local field = "\x40\x01a\x7f" .. string.char(3700 - 127 & 127 | 128, 3700 - 127 >> 7)
      .. ("x"):rep(3700) -- enters HPACK's table, where \xbe refers to it
    client:send("HEADERS", frames.END_HEADERS, 1, path .. field)
    for n = 1, 60 do
      client:send("HEADERS", frames.END_HEADERS, 2 * n + 1, path .. ("\xbe"):rep(4))
    end
    raw.pump(function() return net.stats(server).requests.refused[503] end, "refusals")
    assert.is_true(net.stats(server).memory.body_bytes < 220000)
    client:get(201, "GET /")
    assert.equal("0", (client:body(201)))
    client:send("DATA", frames.END_STREAM, 1, "x")
    assert.equal("1", (client:body(1)))
    client.client:close()
    wait_for_no_bodies()
  end)

  it("holds for the requests of HTTP/2", function()
    start { max_bodies = 140000, max_body_size = 60000 }
    local client = frames.open(net.connect())
    for id = 1, 5, 2 do
      client:get(id, "POST /", nil, true)
      for _ = 1, 5 do client:send("DATA", 0, id, ("x"):rep(10000)) end
    end
    local got = client:receive("HEADERS", 5)
    assert.truthy(got.payload:find("retry-after", 1, true) or #got.payload > 0)
    assert.truthy(client:body(5):find("max_bodies", 1, true))
    for id = 1, 3, 2 do
      client:send("DATA", frames.END_STREAM, id, ("x"):rep(10000))
      assert.equal("60000", (client:body(id)))
    end
    assert.equal(1, net.stats(server).requests.refused[503])
    wait_for_no_bodies()
  end)

  it("is four times max_body_size on one HTTP/2 connection, whatever it sends", function()
    start { max_body_size = 1 << 20 }
    local client = frames.open(net.connect()) -- reads no SETTINGS, so its windows are 64 KiB
    local most = 0
    for n = 0, 199 do
      client:get(2 * n + 1, "POST /", nil, true)
      for _ = 1, 3 do client:send("DATA", 0, 2 * n + 1, ("x"):rep(16384)) end
      most = math.max(most, net.stats(server).memory.body_bytes)
    end
    raw.pump(function()
      most = math.max(most, net.stats(server).memory.body_bytes)
      return (net.stats(server).requests.refused[503] or 0) > 0
    end, "refusals")
    assert.is_true(most > 3 << 20)
    assert.is_true(most <= 6 << 20) -- a buffer may be half again as large as what it holds
    client.client:close()
    wait_for_no_bodies()
  end)

  it("is an option like others", function()
    local sse = require "sse"
    for _, wrong in ipairs { 0, -1, 1.5, "1" } do
      local ok, message = pcall(sse.server, { max_bodies = wrong })
      assert.is_false(ok)
      assert.truthy(message:find("option 'max_bodies' must be a whole number", 1, true))
    end
  end)
end)
