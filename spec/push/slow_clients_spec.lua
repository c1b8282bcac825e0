-- The core's event streams: slow clients, silence, clients that have left, very many streams.
local core = require "sse.core"
local net = require "spec.support.net"
local raw = require "spec.support.raw"
local task = require "sse.task"
local wait = require "spec.support.wait"
require "sse.stream"

-- The number of streams that one process can hold together with their clients.
local function most_streams(wanted)
  local pipe = io.popen("ulimit -n")
  local limit = tonumber(pipe:read "l") or wanted
  pipe:close()
  return math.min(net.stress and wanted // 20 or wanted, (limit - 100) // 2)
end

-- Returns the stream of the next request, and its client.
local function open(options, server_options)
  local stream
  net.start(function(exchange) stream = exchange:event_stream(options) end, server_options)
  local client = net.listener()
  return stream, client
end

-- The data of the events in whole chunks.
local function data_of(text)
  local list = {}
  for data in text:gmatch "data: ?(%w+)\n\n\r\n" do list[#list + 1] = data end
  return list
end

describe("event streams", function()
  after_each(net.stop)

  it("are many: one event reaches 2,000 of them, and nothing is left when they go", function()
    local streams, ended = {}, 0
    local many = most_streams(2000)
    local server = net.start(function(exchange)
      local stream = exchange:event_stream()
      streams[#streams + 1] = stream
      stream.on_close = function() ended = ended + 1 end
    end)
    local clients = {}
    for i = 1, many do clients[i] = net.connect(net.head "GET /") end
    raw.pump(function() return #streams == many end, "all streams", 60000)
    assert.equal(many, net.stats(server).streams.open)
    for _, stream in ipairs(streams) do assert(stream:send "once") end
    for _, stream in ipairs(streams) do assert.is_true(stream.pending > 0) end
    for _, client in ipairs(clients) do
      assert.equal(1, #data_of(client:receive_until("once\n\n\r\n")))
    end
    for i, client in ipairs(clients) do
      local leave = i % 2 == 0 and client.close or client.reset
      leave(client)
    end
    raw.pump(function() return ended == many end, "all ends", 60000)
    assert.equal(0, net.stats(server).streams.open)
    assert.equal(many, net.stats(server).streams.opened)
  end)

  it("share the turns of the loop: an on_drain that sends more does not keep it", function()
    local stream = open { max_pending = 1000 }
    local drains, turns = 0, 0
    stream.on_drain = function()
      drains = drains + 1
      stream:send "more"
    end
    stream:send "first"
    while turns < 50 do
      core.turn()
      turns = turns + 1
    end
    assert.is_true(drains > 5 and drains <= turns, ("%d drains in %d turns"):format(drains, turns))
    stream:close()
  end)

  it("take all of an event or nothing, and say so", function()
    local stream, client = open { max_pending = 50000 }
    local sent, refused = {}, 0
    for round = 1, 5 do
      local ok, message, code = true, nil, nil
      while ok do
        local text = ("r%dn%d"):format(round, #sent) .. ("x"):rep(9000)
        ok, message, code = stream:send(text)
        if ok then sent[#sent + 1] = text end
        assert.is_true(stream.pending <= 50000)
      end
      assert.same({ "full", "EFULL" }, { message, code })
      refused = refused + 1
      raw.pump(function()
        client:take()
        return stream.pending == 0
      end, "the client to take all")
    end
    assert.equal(5, refused)
    local ok, _, code = stream:send(("x"):rep(50001))
    assert.same({ nil, "ETOOBIG" }, { ok, code })
    stream:close()
    assert.same(sent, data_of(client:receive_until("\r\n0\r\n\r\n")))
  end)

  it("comment after silence, which traffic postpones", function()
    local stream, client = open { heartbeat = 200 }
    local began, last, longest = core.now(), core.now(), 0
    while core.now() - began < 600 do
      stream:send "tick"
      wait.past(20)
      longest = math.max(longest, core.now() - last)
      last = core.now()
    end
    client:take()
    local comments = select(2, client.buffer:gsub("\r\n:", ""))
    assert.is_true(comments == 1 or longest >= 200, comments .. " comments")
    client:receive_until "\r\n:[^\n]*\n\n\r\n"
  end)

  it("end when the client sends no more, and drop what it sends meanwhile", function()
    local reason
    local stream, client = open()
    stream.on_close = function(why) reason = why end
    client:send(net.head "GET /next" .. ("x"):rep(300000))
    stream:send "still"
    client:receive_until "still"
    client:shut()
    raw.pump(function() return reason end, "the end")
    assert.equal("client", reason)
  end)

  it("end at once where the client had said that it sends no more", function()
    local exchange, reason
    net.start(function(x) exchange = x end)
    local client = net.connect(net.head "GET /")
    client:shut()
    raw.pump(function() return exchange end, "the request")
    wait.past(20)
    exchange:event_stream().on_close = function(why) reason = why end
    raw.pump(function() return reason end, "the end")
    assert.equal("client", reason)
  end)

  it("are the last response of a connection whose client said more", function()
    local stream, client = open()
    client:send(net.head "GET /next")
    wait.past(20)
    stream:close()
    assert.equal("3\r\n:\n\n\r\n0\r\n\r\n", client:receive_all())
  end)

  it("are not the last where the client waited", function()
    local streams = {}
    net.start(function(exchange) streams[#streams + 1] = exchange:event_stream() end)
    local client = net.listener()
    streams[1]:close()
    client:receive_until "0\r\n\r\n"
    client:send(net.head "GET /")
    assert.equal(200, client:head().status)
    assert.equal(2, #streams)
  end)

  it("notice that a client left whose pipeline is too long to be read", function()
    local exchange, reason
    local server = net.start(function(x) exchange = x end)
    local client = net.connect(net.head "GET /" .. net.head "GET /next":rep(4000))
    raw.pump(function() return exchange end, "the request")
    wait.unchanged(function() return net.stats(server).traffic.received_bytes end)
    local stream = exchange:event_stream()
    stream.on_close = function(why) reason = why end
    client:head()
    client:shut()
    raw.pump(function() return reason end, "the end")
    assert.equal("client", reason)
  end)

  it("report the end once, to on_close and to drains, errors or not", function()
    local calls = {}
    local stream, client = open()
    while stream:send(("x"):rep(50000)) do end
    task.spawn(function()
      stream:drain()
      calls[#calls + 1] = "drained"
    end)
    core.turn()
    stream.on_drain = function() calls[#calls + 1] = "on_drain" end
    stream.on_close = function(reason)
      calls[#calls + 1] = reason
      stream:close()
      assert(stream.closed and stream.pending == 0)
      assert(not stream:send "x")
      error "in on_close"
    end
    client:reset()
    local ok, err = pcall(net.connections, 0)
    assert.is_false(ok)
    assert.truthy(tostring(err):find("in on_close", 1, true))
    raw.pump(function() return #calls == 2 end, "the drain's end")
    assert.same({ "client", "drained" }, calls)
  end)

  it("wake drains though on_drain is set meanwhile", function()
    local drained, on_drain
    local stream, client = open()
    while stream:send(("x"):rep(50000)) do end
    task.spawn(function() drained = stream:drain() end)
    core.turn()
    stream.on_drain = function() on_drain = true end
    raw.pump(function()
      client:take()
      client.buffer = ""
      return drained
    end, "the drain")
    assert.is_true(on_drain)
  end)

  it("may be closed and aborted in their own callbacks", function()
    local ended = {}
    net.start(function(exchange)
      local target = exchange.target
      local stream = exchange:event_stream()
      stream.on_close = function(reason)
        ended[target] = reason
        core.break_off(stream)
        stream.on_close = nil
        collectgarbage()
      end
      stream.on_drain = function()
        if target == "/close" then stream:close() else core.break_off(stream) end
        assert(stream.closed)
        stream.on_drain = nil
        collectgarbage()
      end
    end)
    net.connect(net.head "GET /close"):receive_until "0\r\n\r\n"
    net.connect(net.head "GET /abort"):receive_all()
    raw.pump(function() return ended["/close"] and ended["/abort"] end, "both ends")
    assert.same({ ["/close"] = "server", ["/abort"] = "error" }, ended)
  end)

  it("go on while they are referred to, and comment", function()
    local held
    net.start(function(exchange) held = exchange:event_stream { heartbeat = 20 } end)
    local client = net.listener()
    for _ = 1, 3 do
      wait.collect()
      client:receive_until "\n\n\r\n"
    end
    assert.is_false(held.closed)
  end)
end)
