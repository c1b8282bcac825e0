-- The core's HTTP/2, frame by frame: connections, requests and their bodies.
local core = require "sse.core"
local frames = require "spec.support.frames"
local keep = require "spec.support.kept"
local net = require "spec.support.net"
local raw = require "spec.support.raw"

local NO_ERROR = 0
local PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

local function until_true(fn, what) return raw.pump(fn, what) end

describe("http2", function()
  after_each(net.stop)

  describe("a connection", function()
    it("is told from HTTP/1.1 by its preface, in pieces too", function()
      local server = net.start(function(x) net.reply(x, x.protocol) end)
      local client = net.connect()
      for byte in (PREFACE .. frames.encode("SETTINGS", 0, 0, "")):gmatch "." do
        client:send(byte)
        core.turn()
      end
      local h2 = setmetatable({ client = client, got = {} }, frames)
      h2:get(1, "GET /")
      assert.equal("HTTP/2", (h2:body(1)))
      assert.equal(1, net.stats(server).http2.connections)
      assert.equal("HTTP/1.1", net.connect(net.head "GET /"):response().body)
      assert.equal(1, net.stats(server).http2.connections)
    end)

    it("has eight requests begun at a time, then others have their turn", function()
      local order = {}
      net.start(function(x)
        order[#order + 1] = x.target
        net.reply(x, "ok")
      end)
      local greedy, pieces = frames.open(net.connect()), {}
      for i = 1, 200 do
        pieces[i] = frames.encode("HEADERS", 5, 2 * i - 1, frames.request("GET /" .. i))
      end
      greedy.client:send(table.concat(pieces))
      assert.equal("ok", net.connect(net.head "GET /other"):response().body)
      assert.equal("ok", (greedy:body(399)))
      local between = 0
      while order[between + 1] ~= "/other" do between = between + 1 end
      assert.is_true(between < 100, between .. " requests were begun before the other's")
    end)

    for cut = 1, #PREFACE - 1, 5 do
      it("that goes on otherwise after " .. cut .. " bytes of it is HTTP/1.1", function()
        net.start(function(x) net.reply(x, x.protocol) end)
        local client = net.connect(PREFACE:sub(1, cut))
        core.turn()
        client:send "POST / HTTP/1.1\r\nHost: a\r\n\r\n"
        assert.equal(cut == 1 and 200 or cut < 12 and 400 or 505, client:response().status)
      end)
    end

    it("whose preface breaks off is let go of", function()
      net.start(function() end, { head_timeout = 40 })
      assert.equal(408, net.connect(PREFACE:sub(1, 3)):response().status)
      local client = net.connect(PREFACE:sub(1, 3))
      client:shut()
      assert.equal("", client:receive_all())
    end)

    it("tells its limits, and answers PING", function()
      local client = frames.start(function() end, { max_concurrent_requests = 7, max_head_size =
      5000 })
      local settings = {}
      for id, value in string.gmatch(client:receive("SETTINGS").payload, "(..)(....)") do
        settings[string.unpack(">I2", id)] = string.unpack(">I4", value)
      end
      assert.equal(7, settings[3])
      assert.equal(5000, settings[6])
      client:send("PING", 0, 0, "abcdefgh")
      assert.equal("abcdefgh", client:receive("PING", 0, frames.ACK).payload)
    end)

    it("without a request is let go of, with a word", function()
      local client = frames.start(function() end, { idle_timeout = 40 })
      assert.equal(NO_ERROR, (client:goaway()))
      client:closed()
    end)

    it("that breaks the protocol is told so, and its streams end", function()
      local reason
      local client = frames.start(function(x)
        keep(x:event_stream()).on_close = function(why) reason = why end
      end)
      client:get(1, "GET /")
      client:receive("HEADERS", 1)
      client:send("PING", 0, 0, "short")
      assert.equal(6, (client:goaway()))
      until_true(function() return reason end, "on_close")
      assert.equal("error", reason)
    end)
  end)

  describe("a request", function()
    it("is what HTTP/1.1's would be", function()
      local seen
      local client = frames.start(function(x)
        seen = {
          x.method, x.target, x.protocol, x.body, x:header "host", x:header "cookie",
          x:header "x-a",
        }
        net.reply(x, "ok")
      end)
      client:get(1, "POST /p?q=1",
        { "cookie", "a=1", "x-a", "1", "cookie", "b=2", "x-a", "2", "content-length", "4" }, true)
      client:send("DATA", 0, 1, "bo")
      client:send("DATA", frames.END_STREAM, 1, "dy")
      assert.equal("ok", (client:body(1)))
      assert.same({ "POST", "/p?q=1", "HTTP/2", "body", "a", "a=1; b=2", "1, 2" }, seen)
    end)

    it("may come in many frames, with padding and trailers", function()
      local client = frames.start(function(x) net.reply(x, x:header "x-a" .. x.body) end)
      local block = frames.request("POST /", { "x-a", "value" })
      client:send("HEADERS", 0, 1, block:sub(1, 5))
      client:send("CONTINUATION", 0, 1, block:sub(6, 9))
      client:send("CONTINUATION", frames.END_HEADERS, 1, block:sub(10))
      client:send("DATA", 8, 1, "\3body\0\0\0")
      client:send("HEADERS", frames.END_HEADERS | frames.END_STREAM, 1,
        frames.block { "x-a", "trailer" })
      assert.equal("valuebody", (client:body(1)))
    end)

    it("is one of many at a time, answered in any order", function()
      local exchanges = {}
      local client = frames.start(function(x) exchanges[x.target] = x end)
      for i = 0, 9 do client:get(2 * i + 1, "GET /" .. i) end
      until_true(function() return exchanges["/9"] end, "the requests")
      for i = 9, 0, -1 do net.reply(exchanges["/" .. i], "answer " .. i) end
      for i = 9, 0, -1 do
        assert.equal("answer " .. i, (client:body(2 * i + 1)))
        if i == 5 then client:send("PING", 0, 0, "........") end
      end
    end)

    it("that waits for 100 Continue gets it", function()
      local client = frames.start(function(x) net.reply(x, x.body) end)
      client:get(1, "POST /", { "expect", "100-continue" }, true)
      assert.equal(0, client:receive("HEADERS", 1).flags & frames.END_STREAM)
      client:send("DATA", frames.END_STREAM, 1, "body")
      assert.equal("body", (client:body(1)))
    end)

    local refused = {
      { "400 ", "with another Host", "GET /", { "host", "b" } },
      { "400 ", "with a target that isn't one", "GET nowhere" },
      { "400 ", "with a blank in its target", "GET /a b" },
      { "414 ", "with a target past its limit", "GET /" .. ("x"):rep(8200) },
      { "414 ", "with a target past every limit", "GET /" .. ("x"):rep(20000) },
      { "417 ", "that expects something else", "GET /", { "expect", "more" } },
      { "431 ", "with a field past the head's limit", "GET /", { "x", ("x"):rep(17000) } },
      { "501 ", "with a method too long to be known", ("M"):rep(100) .. " /" },
    }
    for _, case in ipairs(refused) do
      it(case[2] .. " is refused: " .. case[1], function()
        local called = false
        local client = frames.start(function() called = true end)
        client:send("SETTINGS", 0, 0, "")
        local block = frames.request(case[3], case[4])
        client:send("HEADERS", frames.END_STREAM | (#block <= 16384 and frames.END_HEADERS or 0), 1,
          block:sub(1, 16384))
        if #block > 16384 then
          client:send("CONTINUATION", frames.END_HEADERS, 1, block:sub(16385))
        end
        local text, code = client:body(1)
        if code then -- nghttp2 itself has reset the stream
          assert.equal(1, code)
        else
          assert.equal(case[1], text:sub(1, 4))
        end
        assert.is_false(called)
      end)
    end

    it("with too many fields is refused: 431", function()
      local client = frames.start(function() end)
      local fields = {}
      for i = 1, 101 do table.move({ "x-" .. i, "v" }, 1, 2, 2 * i - 1, fields) end
      client:get(1, "GET /", fields)
      assert.equal("431 ", client:body(1):sub(1, 4))
    end)

    it("of CONNECT is refused: 501", function()
      local client = frames.start(function() end)
      client:send("HEADERS", frames.END_HEADERS | frames.END_STREAM, 1,
        frames.block { ":method", "CONNECT", ":authority", "a:80" })
      assert.equal("501 ", client:body(1):sub(1, 4))
    end)

    it("with a body too large is refused as soon as that shows: 413", function()
      local client = frames.start(function() end, { max_body_size = 10 })
      client:get(1, "POST /", { "content-length", "11" }, true)
      assert.equal("413 ", client:body(1):sub(1, 4))
      client:get(3, "POST /", nil, true)
      client:send("DATA", 0, 3, "12345678901")
      assert.equal("413 ", client:body(3):sub(1, 4))
      assert.equal(NO_ERROR, string.unpack(">I4", client:receive("RST_STREAM", 1).payload))
    end)

    it("that breaks the rules resets its stream only", function()
      local client = frames.start(function(x) net.reply(x, "ok") end)
      client:send("HEADERS", 5, 1, frames.block { ":method", "GET", ":path", "/" })
      assert.equal(1, select(2, client:body(1)))
      client:get(3, "GET /", { "connection", "close" })
      assert.equal(1, select(2, client:body(3)))
      client:get(5, "GET /")
      assert.equal("ok", (client:body(5)))
    end)

    it("past max_concurrent_requests is refused, and may come again", function()
      local exchanges = {}
      local client = frames.start(function(x) exchanges[#exchanges + 1] = x end,
        { max_concurrent_requests = 2 })
      for id = 1, 5, 2 do client:get(id, "GET /") end
      assert.equal(7, select(2, client:body(5)))
      net.reply(exchanges[1], "one")
      assert.equal("one", (client:body(1)))
      client:get(7, "GET /")
      until_true(function() return exchanges[3] end, "the next request")
    end)

    it("whose body doesn't come in time is told so: 408", function()
      local client = frames.start(function() end, { body_timeout = 40 })
      client:get(1, "POST /", nil, true)
      assert.equal("408 ", client:body(1):sub(1, 4))
    end)

    it("whose head doesn't come in time ends the connection", function()
      local client = frames.start(function() end, { head_timeout = 40 })
      client:send("HEADERS", 0, 1, frames.request "GET /")
      assert.equal(11, (client:goaway()))
      client:closed()
    end)

    it("has room for its body as that is taken, and for the oldest always", function()
      local client = frames.start(function(x) net.reply(x, tostring(#x.body)) end,
        { max_body_size = 100000 })
      local piece, room, responses = ("x"):rep(10000), {}, {}
      local function take()
        for _, frame in ipairs(client:take()) do
          if frame.kind == "WINDOW_UPDATE" and frame.id > 0 then
            room[frame.id] = room[frame.id] + string.unpack(">I4", frame.payload)
          elseif frame.kind == "DATA" then
            responses[frame.id] = frame.payload
          end
        end
      end
      local function send(flags, id)
        until_true(function() take() return room[id] >= #piece end, "room for stream " .. id)
        room[id] = room[id] - #piece
        client:send("DATA", flags, id, piece)
      end
      for id = 1, 19, 2 do
        client:get(id, "POST /", nil, true)
        room[id] = 65535
      end
      for _ = 1, 6 do
        for id = 1, 19, 2 do send(0, id) end
      end
      client:send("PING", 0, 0, "........")
      until_true(function() take() return room[1] > 30000 end, "room for the oldest")
      assert.is_true(room[19] < 30000) -- 600,000 bytes are buffered
      for id = 1, 19, 2 do
        send(0, id)
        send(frames.END_STREAM, id)
        until_true(function() take() return responses[id] end, "the response")
        assert.equal("80000", responses[id])
      end
    end)
  end)
end)
