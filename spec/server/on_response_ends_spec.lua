-- server.on_response: when an entry comes, and how much of a response it says was sent, by how the
-- response ends.
local entries = require "spec.support.entries"
local frames = require "spec.support.frames"
local keep = require "spec.support.kept"
local net = require "spec.support.net"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

local check, start = entries.check, entries.start

local SIZE = 8000000 -- bytes, more than sockets take

-- Starts a server whose replies are SIZE bytes long. Returns a client that has read a head alone.
local function ask_for_much()
  start(function(server)
    server:get("/", function(_, res) res:reply(200, ("x"):rep(SIZE)) end)
  end)
  local client = serving.connect(4096)
  client:send "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
  client:head()
  return client
end

describe("server.on_response", function()
  after_each(function()
    serving.stop()
    net.stop()
  end)

  it("comes when the client has taken a whole reply, not before", function()
    local client = ask_for_much()
    wait.past(30)
    assert.same({}, entries.list)
    client:receive_bytes(SIZE)
    check(1, { status = 200, bytes = SIZE, reason = "finished" })
  end)

  it("tells how much of a whole reply a client took that left", function()
    local client = ask_for_much()
    client:reset()
    local entry = check(1, { status = 200, reason = "client" })
    assert.truthy(entry.bytes > 0 and entry.bytes < SIZE, entry.bytes)
    assert.equal(1, #entries.list)
  end)

  it("tells of an HTTP/2 stream that the client resets, with its queue", function()
    start(function(server)
      server:get("/", function(_, res) res:reply(200, ("x"):rep(100000)) end)
      server:get("/stream", function(_, res) keep(res:event_stream()):send "tick" end)
    end)
    local client = frames.open(serving.connect(), frames.setting(4, 1000))
    client:get(1, "GET /")
    client:receive("DATA", 1)
    client:send("RST_STREAM", 0, 1, frames.u32(8))
    check(1, { status = 200, bytes = 1000, reason = "client", protocol = "HTTP/2" })
    client:get(3, "GET /stream")
    client:receive("DATA", 3)
    client:send("RST_STREAM", 0, 3, frames.u32(8))
    check(2, { status = 200, bytes = 12, reason = "client", target = "/stream" })
    client:get(5, "GET /")
    client:receive("DATA", 5)
    client.client:close() -- the connection, with the reply in the stream's queue
    check(3, { status = 200, bytes = 1000, reason = "client" })
  end)

  it("comes for pipelined requests in their order", function()
    start(function(server)
      server:get("/:n", function(req, res) res:reply(200, req.params.n) end)
    end)
    local client = serving.connect()
    for n = 1, 20 do client:send(("GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"):format(n)) end
    for n = 1, 20 do check(n, { target = "/" .. n, status = 200, reason = "finished" }) end
  end)

  it("tells of a stream that is too slow", function()
    local channel = sse.channel("log of the slow", { slow = "close", history = 10 })
    start(function(server)
      server:get("/", function(_, res) res:event_stream { compress = false }:follow(channel) end)
    end)
    local client = serving.connect(4096)
    client:send "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    client:head()
    raw.pump(function()
      channel:publish(("x"):rep(200000))
      return channel.followers == 0
    end, "the slow one's end")
    raw.pump(function() return entries.list[1] end, "the end of the stream")
    check(1, { status = 200, reason = "slow" })
    channel:close()
  end)

  it("tells of a timeout", function()
    entries.clear()
    local server = net.start(function(x) x:reply(200, {}, ("x"):rep(20000000)) end,
      { write_timeout = 60 })
    server:set_on_response(entries.keep)
    net.connect "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    assert.truthy(check(1, { status = 200, reason = "timeout" }).bytes < 20000000)
    assert.is_nil(entries.list[1].req)
  end)
end)
