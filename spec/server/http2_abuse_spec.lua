-- Floods and other abuse of HTTP/2: the connection or stream ends, the counter in stats rises, and
-- other clients are served.
local core = require "sse.core"
local frames = require "spec.support.frames"
local net = require "spec.support.net"
local raw = require "spec.support.raw"

local CALM = 11 -- ENHANCE_YOUR_CALM

local function start(options, settings)
  local server = net.start(function(x)
    if x.target == "/stream" then x:event_stream() else net.reply(x, "ok") end
  end, options)
  return frames.open(net.connect(), settings), server
end

-- Sends pieces until that kind of abuse is counted; another client is served. `piece`: a string, or
-- a function that returns the i-th one.
local function flood(client, piece, kind, server)
  local other = frames.open(net.connect())
  for i = 1, 200 do
    client.client:send(type(piece) == "function" and piece(i) or piece)
    local turns = 0
    raw.pump(function()
      turns = turns + 1
      return turns > 2
    end, "the server to read")
    if net.stats(server).http2.abuse[kind] > 0 then break end
  end
  assert.equal(1, net.stats(server).http2.abuse[kind])
  other:get(1, "GET /")
  assert.equal("ok", (other:body(1)))
end

local function calmed(client, piece, kind, server)
  flood(client, piece, kind, server)
  assert.equal(CALM, (client:goaway()))
  client:closed()
end

describe("http2 abuse", function()
  after_each(net.stop)

  it("by resetting streams one after the other", function()
    local client, server = start()
    local function piece(i)
      local pieces = {}
      for k = 0, 19 do
        local id = 40 * (i - 1) + 2 * k + 1
        pieces[#pieces + 1] = frames.encode("HEADERS", 5, id, frames.request "GET /stream")
        pieces[#pieces + 1] = frames.encode("RST_STREAM", 0, id, frames.u32(8))
      end
      return table.concat(pieces)
    end
    calmed(client, piece, "resets", server)
    assert.is_true(net.stats(server).requests.received <= 501)
  end)

  it("by a head that never ends, also while other requests are answered", function()
    local asked, answered = {}, 0
    net.start(function(x) asked[#asked + 1] = x end, { head_timeout = 200 })
    local client = frames.open(net.connect())
    for n = 1, 20 do client:get(2 * n - 1, "GET /") end
    raw.pump(function() return #asked == 20 end, "the requests")
    client:send("HEADERS", frames.END_STREAM, 41, frames.request "GET /")
    local timer = core.every(100, function()
      if answered < 20 and net.reply(asked[answered + 1], "ok") then answered = answered + 1 end
    end)
    assert.equal(CALM, (client:goaway()))
    client:closed()
    timer:stop()
    assert.is_true(answered < 20)
  end)

  it("by making the server reset them", function()
    local client, server = start()
    local function piece(i)
      local pieces = {}
      for k = 0, 19 do
        local id = 40 * (i - 1) + 2 * k + 1
        pieces[#pieces + 1] = frames.encode("HEADERS", 5, id, frames.request "GET /stream")
        pieces[#pieces + 1] = frames.encode("WINDOW_UPDATE", 0, id, frames.u32(2 ^ 31 - 1 | 0))
      end
      return table.concat(pieces)
    end
    calmed(client, piece, "resets", server)
  end)

  local empty = {
    { "PING", "PING", 1, 0, "........" }, -- with ACK, so that no response is due
    { "SETTINGS", "SETTINGS", 0, 0, "" },
    { "PRIORITY", "PRIORITY", 0, 1, "\0\0\0\0\16" },
    { "WINDOW_UPDATE", "WINDOW_UPDATE", 0, 0, frames.u32(1) },
  }
  for _, case in ipairs(empty) do
    it("by a flood of " .. case[1], function()
      local client, server = start()
      calmed(client, frames.encode(case[2], case[3], case[4], case[5]):rep(50), "floods",
        server)
    end)
  end

  it("by a flood of empty DATA", function()
    local client, server = start()
    client:get(1, "POST /", nil, true)
    calmed(client, frames.encode("DATA", 0, 1, ""):rep(50), "floods", server)
  end)

  it("by PINGs whose responses it doesn't take", function()
    local client, server = start()
    client:send("PING", 0, 0, "........")
    client:receive("PING") -- the last frame that the client reads
    flood(client, frames.encode("PING", 0, 0, "........"):rep(50), "floods", server)
  end)

  it("by a header block in very many frames", function()
    local client, server = start()
    client:send("HEADERS", 0, 1, frames.request "GET /")
    calmed(client, frames.encode("CONTINUATION", 0, 1, ""), "header_floods", server)
  end)

  it("by a header block without end", function()
    local client, server = start()
    client:send("HEADERS", 0, 1, frames.request "GET /")
    local block = frames.block { "x", ("x"):rep(16000) }
    calmed(client, frames.encode("CONTINUATION", 0, 1, block), "header_floods", server)
  end)

  it("by a header block that unfolds", function()
    local client, server = start()
    -- One large field enters HPACK's dynamic table, and one byte each refers to it 10,000 times.
    local value = ("v"):rep(3900)
    local literal = "\64\1x" .. "\127" .. "\189\29" .. value
    client:send("HEADERS", 5, 1, frames.request "GET /" .. literal .. ("\190"):rep(10000))
    assert.equal(CALM, (client:goaway()))
    client:closed()
    assert.equal(1, net.stats(server).http2.abuse.header_floods)
  end)

  it("by a window that stays closed ends the stream, which is told", function()
    local reason, stream
    local server = net.start(function(x)
      stream = x:event_stream { heartbeat = false }
      stream.on_close = function(why) reason = why end
    end, { write_timeout = 60 })
    local client = frames.open(net.connect(), frames.setting(4, 0))
    client:get(1, "GET /")
    client:receive("HEADERS", 1)
    stream:send "x"
    assert.equal(8, select(2, client:body(1)))
    raw.pump(function() return reason end, "on_close")
    assert.equal("timeout", reason)
    assert.equal(1, net.stats(server).http2.streams_starved)
    client:get(3, "GET /") -- the connection goes on
    client:receive("HEADERS", 3)
  end)

  it("by a window that opens byte by byte does not, as long as it does", function()
    local reason, stream
    net.start(function(x)
      stream = x:event_stream { heartbeat = false }
      stream.on_close = function(why) reason = why end
    end, { write_timeout = 200 })
    local client = frames.open(net.connect(), frames.setting(4, 0))
    client:get(1, "GET /")
    client:receive("HEADERS", 1)
    local text = ("x"):rep(30)
    stream:send(text)
    local got = ""
    while #got < 41 do
      client:send("WINDOW_UPDATE", 0, 1, frames.u32(1))
      got = got .. client:receive("DATA", 1).payload
    end
    assert.equal(":\n\ndata: " .. text .. "\n\n", got)
    assert.is_nil(reason)
  end)

  it("by responses that it doesn't take ends the connection", function()
    local text = ("x"):rep(2 ^ 20 | 0)
    local server = net.start(function(x) net.reply(x, text) end, { write_timeout = 100 })
    local client = frames.open(net.connect(), frames.setting(4, 2 ^ 31 - 1 | 0))
    client:send("WINDOW_UPDATE", 0, 0, frames.u32(2 ^ 30 | 0))
    for id = 1, 41, 2 do client:get(id, "GET /") end
    raw.pump(function()
      return net.stats(server).connections.open == 0
    end, "the connection's end", 10000)
  end)

  it("by a window past its limit", function()
    local client = start()
    client:send("WINDOW_UPDATE", 0, 0, frames.u32(2 ^ 31 - 1 | 0))
    assert.equal(3, (client:goaway()))
    client:closed()
  end)

  it("by a frame larger than allowed", function()
    local client = start()
    client:send("PING", 0, 0, ("x"):rep(20000))
    assert.equal(6, (client:goaway()))
    client:closed()
  end)

  it("by bytes that are no frames", function()
    local client, server = start()
    client.client:send(("\255\254\253garbage"):rep(100))
    client:closed()
    client.client:close() -- else the server lingers
    net.connections(0)
    assert.equal(0, net.stats(server).http2.connections)
  end)

  it("by connections that break off anywhere leaves nothing behind", function()
    local _, server = start()
    local bytes = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" .. frames.encode("SETTINGS", 0, 0, "") ..
      frames.encode("HEADERS", 4, 1, frames.request "POST /stream") ..
      frames.encode("DATA", 0, 1, "some") .. frames.encode("DATA", 1, 1, "more")
    for cut = 1, #bytes do
      local client = net.connect(bytes:sub(1, cut))
      core.turn()
      local leave = cut % 2 == 0 and client.reset or client.close
      leave(client)
    end
    net.connections(1)
    assert.equal(0, net.stats(server).http2.streams)
  end)
end)
