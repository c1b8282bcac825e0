-- RFC 9113 section 6: on which streams frames may be sent. A frame elsewhere ends the connection.
local frames = require "spec.support.frames"
local net = require "spec.support.net"

local PROTOCOL_ERROR = 1
local PRIORITY = ("\0"):rep(4) .. "\1"

local function start()
  local seen = {}
  local client = frames.start(function(x)
    seen[#seen + 1] = x.target
    if x.target == "/stream" then x:event_stream() else net.reply(x, "ok") end
  end)
  return client, seen
end

describe("http2", function()
  after_each(net.stop)

  for what, frame in pairs {
    ["DATA on stream 0"] = { "DATA", 0, 0, "x" },
    ["HEADERS on stream 0"] = { "HEADERS", 5, 0, frames.request "GET /" },
    ["PRIORITY on stream 0"] = { "PRIORITY", 0, 0, PRIORITY },
    ["RST_STREAM on stream 0"] = { "RST_STREAM", 0, 0, frames.u32(8) },
    ["PUSH_PROMISE on stream 0"] = { "PUSH_PROMISE", 4, 0, frames.u32(2) },
    ["CONTINUATION on stream 0"] = { "CONTINUATION", 4, 0, "" },
    ["SETTINGS on a stream"] = { "SETTINGS", 0, 1, "" },
    ["PING on a stream"] = { "PING", 0, 1, "abcdefgh" },
    ["GOAWAY on a stream"] = { "GOAWAY", 0, 1, frames.u32(0) .. frames.u32(0) },
  } do
    it(what .. " is a PROTOCOL_ERROR, and nothing behind it is read", function()
      local client, seen = start()
      client:get(1, "GET /stream")
      client:receive("HEADERS", 1)
      client.client:send(frames.encode(table.unpack(frame))
        .. frames.encode("HEADERS", 5, 3, frames.request "GET /behind"))
      assert.equal(PROTOCOL_ERROR, (client:goaway()))
      client:closed()
      assert.same({ "/stream" }, seen)
    end)
  end

  it("PRIORITY on a stream, open or not, is passed over", function()
    local client = start()
    client:send("PRIORITY", 0, 3, PRIORITY)
    client:get(1, "GET /")
    client:send("PRIORITY", 0, 1, PRIORITY)
    assert.equal("ok", (client:body(1)))
    client:send("PRIORITY", 0, 1, PRIORITY)
    client:get(3, "GET /")
    assert.equal("ok", (client:body(3)))
  end)
end)
