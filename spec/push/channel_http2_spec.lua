-- Channels over HTTP/2: many followers on one connection, served by one write, and flow control.
local frames = require "spec.support.frames"
local new_channel = require("sse.channel").new
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"

local CANCEL = 8

-- A client with n streams that follow the channel on one connection, and their server.
local function following(channel, n, settings, options)
  local server = serving.start(options or {}, function(s)
    s:get("/", function(_, res)
      res:event_stream { heartbeat = false }:follow(channel, { from = "oldest" })
    end)
  end)
  local client = frames.open(serving.connect(), settings)
  for i = 1, n do client:get(2 * i - 1, "GET /") end
  raw.pump(function() return channel.followers == n end, "the followers")
  return client, server
end

-- Appends the DATA that has arrived to the bodies, by stream. Returns the number of frames.
local function gather(client, bodies)
  local count = 0
  for _, frame in ipairs(client:take()) do
    if frame.kind == "DATA" then
      bodies[frame.id] = (bodies[frame.id] or "") .. frame.payload
      count = count + 1
    end
  end
  return count
end

local function numbers(body)
  local list = {}
  for data in (body or ""):gmatch "data: (%d+)[^\n]*\n\n" do list[#list + 1] = tonumber(data) end
  return list
end

local function upto(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return list
end

describe("http2 channel", function()
  after_each(serving.stop)

  it("reaches 100 followers on one connection, many events in a frame", function()
    local channel <const> = new_channel("http2 many", { history = 100 })
    local client, server = following(channel, 100)
    local bodies, count = {}, 0
    local before = server:stats()
    for i = 1, 10 do channel:publish { data = tostring(i) } end
    raw.pump(function()
      count = count + gather(client, bodies)
      return #numbers(bodies[199]) == 10
    end, "the events")
    raw.pump(function()
      count = count + gather(client, bodies)
      for i = 1, 100 do
        if #numbers(bodies[2 * i - 1]) < 10 then return false end
      end
      return true
    end, "all events")
    for i = 1, 100 do assert.same(upto(10), numbers(bodies[2 * i - 1])) end
    assert.equal(200, count) -- an id each, and then ten events each
    assert.equal(1, before.http2.connections)
    assert.equal(100, before.http2.streams)
    channel:close()
  end)

  it("follows at the pace of each one's window, and loses nothing", function()
    local channel <const> = new_channel("http2 windows", { history = 1000 })
    local client = following(channel, 2, frames.setting(4, 100))
    client:send("WINDOW_UPDATE", 0, 3, frames.u32(2 ^ 20 | 0)) -- the other one's stays small
    local bodies, text = {}, ("x"):rep(50)
    for i = 1, 300 do channel:publish { data = i .. text } end
    raw.pump(function()
      gather(client, bodies)
      return #numbers(bodies[3]) == 300
    end, "the fast one's events")
    assert.is_true(#numbers(bodies[1]) < 3)
    raw.pump(function()
      client:send("WINDOW_UPDATE", 0, 1, frames.u32(1000))
      client:send("WINDOW_UPDATE", 0, 0, frames.u32(1000))
      gather(client, bodies)
      return #numbers(bodies[1]) == 300
    end, "the slow one's events")
    assert.same(upto(300), numbers(bodies[1]))
    assert.same(upto(300), numbers(bodies[3]))
    channel:close()
  end)

  it("ends one that is too slow, and leaves its neighbour", function()
    local channel <const> = new_channel("http2 slow", { history = 10, slow = "close" })
    local client = following(channel, 2, frames.setting(4, 100))
    client:send("WINDOW_UPDATE", 0, 3, frames.u32(2 ^ 20 | 0))
    local bodies, n, text = {}, 0, ("x"):rep(200)
    raw.pump(function()
      n = n + 1
      channel:publish { data = n .. text }
      gather(client, bodies)
      return channel.followers == 1
    end, "the slow one's end")
    local code = select(2, client:body(1)) -- no END_STREAM: its window never opens
    assert.equal(CANCEL, code)
    raw.pump(function()
      gather(client, bodies)
      return #numbers(bodies[3]) == n
    end, "the other one's events")
    assert.same(upto(n), numbers(bodies[3]))
    channel:close()
  end)

  it("ends one that would need more than max_pending_total, and leaves its neighbour", function()
    local channel <const> = new_channel("http2 buffered", { history = 10 })
    local client, server = following(channel, 2, frames.setting(4, 100), { max_pending_total = 50000
    })
    client:send("WINDOW_UPDATE", 0, 3, frames.u32(2 ^ 20 | 0))
    client:send("WINDOW_UPDATE", 0, 0, frames.u32(2 ^ 20 | 0))
    local bodies = {}
    channel:publish { data = "1" .. ("x"):rep(60000) }
    raw.pump(function()
      gather(client, bodies)
      return channel.followers == 1 and #numbers(bodies[3]) == 1
    end, "the slow one's end")
    assert.equal(1, server:stats().memory.overflows)
    assert.equal(1, server:stats().streams.ended.slow)
    channel:close()
  end)

  it("replays to a stream that comes later, and closes all", function()
    local channel <const> = new_channel("http2 replay", { history = 100 })
    for i = 1, 50 do channel:publish { data = tostring(i) } end
    local client = following(channel, 3)
    channel:close()
    for id = 1, 5, 2 do assert.same(upto(50), numbers((client:body(id)))) end
  end)
end)
