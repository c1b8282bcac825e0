-- The core's HTTP/2, frame by frame: responses, event streams, flow control, ends of streams.
local frames = require "spec.support.frames"
local keep = require "spec.support.kept"
local net = require "spec.support.net"
local raw = require "spec.support.raw"

local CANCEL, INTERNAL_ERROR, NO_ERROR = 8, 2, 0

-- Returns a client, the event stream of its request on stream 1, and the server.
local function open(options, settings)
  local stream
  local function handler(x) stream = x:event_stream(options) end
  local client, server = frames.start(handler, nil, settings)
  client:get(1, "GET /")
  client:receive("HEADERS", 1)
  return client, stream, server
end

local function until_true(fn, what) return raw.pump(fn, what) end

describe("http2", function()
  after_each(net.stop)

  describe("a response", function()
    it("to HEAD has no body", function()
      local client = frames.start(function(x) net.reply(x, "text") end)
      client:get(1, "HEAD /")
      assert.equal("", (client:body(1)))
    end)

    it("of an event stream to HEAD ends at once", function()
      local client = frames.start(function(x) x:event_stream():send "x" end)
      client:get(1, "HEAD /")
      assert.equal("", (client:body(1)))
    end)

    it("of 204 has no body", function()
      local client = frames.start(function(x) x:reply(204, {}) end)
      client:get(1, "GET /")
      assert.equal("", (client:body(1)))
    end)

    it("refuses a field that can't be sent", function()
      local ok, message
      local client = frames.start(function(x)
        ok, message = pcall(x.reply, x, 200, { "X-A", "a\nb" }, "")
        net.reply(x, "ok")
      end)
      client:get(1, "GET /")
      assert.equal("ok", (client:body(1)))
      assert.is_false(ok)
      assert.truthy(message:find "X%-A")
    end)

    it("that broke off before it went is a 500, and a reset after that", function()
      local exchange
      local client = frames.start(function(x)
        exchange = x
        x:start(200, {})
        x:write "half"
        if x.target == "/now" then x:abort() end
      end)
      client:get(1, "GET /now")
      assert.equal("500 ", client:body(1):sub(1, 4))
      client:get(3, "GET /later")
      assert.equal("half", client:receive("DATA", 3).payload)
      exchange:abort()
      assert.equal(INTERNAL_ERROR, select(2, client:body(3)))
    end)

    it("of any size passes small windows whole", function()
      local text = ("0123456789"):rep(30000)
      local client = frames.start(function(x) net.reply(x, text) end, nil, frames.setting(4, 1000))
      client:get(1, "GET /")
      local pieces, len = {}, 0
      while len < #text do
        local frame = client:receive("DATA", 1)
        pieces[#pieces + 1] = frame.payload
        len = len + #frame.payload
        client:send("WINDOW_UPDATE", 0, 1, frames.u32(#frame.payload))
        client:send("WINDOW_UPDATE", 0, 0, frames.u32(#frame.payload))
      end
      assert.equal(text, table.concat(pieces))
    end)

    it("larger than what a flush takes passes whole", function()
      local text = ("0123456789"):rep(300000)
      local client = frames.start(function(x) net.reply(x, text) end, nil,
        frames.setting(4, 2 ^ 31 - 1 | 0))
      client:send("WINDOW_UPDATE", 0, 0, frames.u32(2 ^ 30 | 0))
      client:get(1, "GET /")
      assert.equal(text, (client:body(1)))
    end)
  end)

  describe("an event stream", function()
    it("carries many events in one frame", function()
      local client, stream = open()
      assert.equal(":\n\n", client:receive("DATA", 1).payload)
      for i = 1, 20 do assert(stream:send(tostring(i))) end
      local payload = client:receive("DATA", 1).payload
      assert.equal(20, select(2, payload:gsub("data: %d+\n\n", "")))
    end)

    it("ends by close() with the end of the stream, and on nobody else", function()
      local streams = {}
      local client = frames.start(function(x) streams[x.target] = x:event_stream() end)
      client:get(1, "GET /a")
      client:get(3, "GET /b")
      client:receive("HEADERS", 3)
      streams["/a"]:send "last"
      streams["/a"]:close()
      assert.equal(":\n\ndata: last\n\n", (client:body(1)))
      assert.equal(":\n\n", client:receive("DATA", 3).payload)
      streams["/b"]:send "still"
      assert.equal("data: still\n\n", client:receive("DATA", 3).payload)
    end)

    it("that the client resets ends alone", function()
      local reasons, streams = {}, {}
      local client = frames.start(function(x)
        local target = x.target
        streams[target] = x:event_stream()
        streams[target].on_close = function(why) reasons[target] = why end
      end)
      client:get(1, "GET /a")
      client:get(3, "GET /b")
      client:receive("HEADERS", 3)
      client:send("RST_STREAM", 0, 1, frames.u32(CANCEL))
      until_true(function() return reasons["/a"] end, "on_close")
      assert.same({ ["/a"] = "client" }, reasons)
      assert.is_nil((streams["/a"]:send "x"))
      assert(streams["/b"]:send "x")
      assert.equal(":\n\n", client:receive("DATA", 3).payload)
      assert.equal("data: x\n\n", client:receive("DATA", 3).payload)
    end)

    it("broken off where the engine had begun a frame of it leaves the others whole", function()
      local most = 1 << 30
      local exchange
      local client = frames.start(function(x)
        if x.target == "/long" then
          exchange = x
          x:start(200, {})
        else
          net.reply(x, "ok")
        end
      end, { max_pending = 64 << 20 }, frames.setting(4, most))
      client:send("WINDOW_UPDATE", 0, 0, frames.u32(most))
      client:get(1, "GET /long")
      client:get(3, "GET /")
      client:receive("HEADERS", 1)
      assert.equal("ok", (client:body(3)))
      local piece = ("x"):rep(1 << 20) -- far more than a flush or the socket takes
      for _ = 1, 40 do assert.is_true(exchange:write(piece)) end
      exchange:abort()
      client:get(5, "GET /")
      local _, code = client:body(1)
      assert.equal(INTERNAL_ERROR, code)
      assert.equal("ok", (client:body(5)))
    end)

    it("ends with its connection, as all others on it", function()
      local reasons = {}
      local client, server = frames.start(function(x)
        keep(x:event_stream()).on_close = function(why) reasons[#reasons + 1] = why end
      end)
      for id = 1, 9, 2 do client:get(id, "GET /") end
      client:receive("HEADERS", 9)
      assert.equal(5, net.stats(server).http2.streams)
      client.client:reset()
      until_true(function() return #reasons == 5 end, "the ends")
      assert.equal("client client client client client", table.concat(reasons, " "))
      net.connections(0)
      local stats = net.stats(server)
      assert.same({ 0, 0 }, { stats.http2.streams, stats.http2.connections })
    end)

    it("waits for the client's window, up to max_pending, and drains", function()
      local client, stream = open({ max_pending = 1000 }, frames.setting(4, 0))
      local drained = 0
      stream.on_drain = function() drained = drained + 1 end
      local sent = 0
      while stream:send(("x"):rep(100)) do sent = sent + 1 end
      assert.is_true(sent >= 8 and sent <= 9)
      assert.is_true(stream.pending > 800)
      client:send("PING", 0, 0, "........")
      client:receive("PING", 0)
      drained = 0 -- on_drain also came when the head was sent
      client:send("WINDOW_UPDATE", 0, 1, frames.u32(5000))
      until_true(function() return drained > 0 end, "the drain")
      assert.equal(0, stream.pending)
      assert(stream:send "more")
    end)

    it("is no way back in: all that a callback may do is safe", function()
      local streams, ended = {}, 0
      local client = frames.start(function(x)
        local stream = x:event_stream()
        streams[#streams + 1] = stream
        stream.on_close = function() ended = ended + 1 end
        stream.on_drain = function()
          for _, other in ipairs(streams) do
            other:send(("x"):rep(70000))
            other:close()
          end
        end
      end)
      for id = 1, 9, 2 do client:get(id, "GET /") end
      until_true(function() return ended == 5 end, "the ends")
    end)
  end)

  describe("the end", function()
    it("by close() is told by GOAWAY", function()
      local client, stream, server = open()
      local reason
      stream.on_close = function(why) reason = why end
      server:close()
      assert.equal(NO_ERROR, (client:goaway()))
      until_true(function() return reason end, "on_close")
      assert.equal("server", reason)
    end)

    it("by drain comes in two steps, behind what is under way", function()
      local client, stream, server = open()
      server:shutdown(60000, 1000, 60000)
      local code, last = client:goaway()
      assert.same({ NO_ERROR, 2 ^ 31 - 1 | 0 }, { code, last })
      local ping = client:receive("PING").payload -- its ACK says that GOAWAY has arrived
      client:get(3, "GET /")
      client:receive("HEADERS", 3)
      client:send("PING", frames.ACK, 0, ping)
      code, last = client:goaway()
      assert.same({ NO_ERROR, 3 }, { code, last })
      stream:send "still"
      assert.truthy(client:receive("DATA").payload)
    end)

    it("by drain closes an idle connection, though its client says nothing", function()
      local client, _, server = open()
      client:send("RST_STREAM", 0, 1, frames.u32(CANCEL))
      until_true(function() return net.stats(server).http2.streams == 0 end, "the stream's end")
      server:shutdown(1000, 1000, 60000)
      client:goaway()
      client:goaway()
      client:closed()
    end)

    it("of input is the client's: streams and requests end", function()
      local reasons = {}
      local client = frames.start(function(x)
        local object = x.target == "/later" and x or keep(x:event_stream())
        object.on_close = function(why) reasons[#reasons + 1] = why end
      end)
      client:get(1, "GET /later")
      client:get(3, "GET /stream")
      client:receive("HEADERS", 3)
      client.client:shut()
      until_true(function() return #reasons == 2 end, "on_close")
      assert.same({ "client", "client" }, reasons)
      client:closed()
    end)
  end)
end)
