-- Gap events: what they quote of the client's id, how many there are, and their bounds.
local following = require "spec.support.following"
local frames = require "spec.support.frames"
local json = require "sse.json"
local new_channel = require("sse.channel").new
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"

local QUOTED = 256 -- most bytes of an id that a gap event quotes

local function gaps(client)
  local list = {}
  for _, event in ipairs(client.events) do
    if event.type:find "gap$" then
      list[#list + 1] = json.decode(event.data)
      list[#list].type = event.type
    end
  end
  return list
end

-- The gap events that a client with that id receives before the first event.
local function told(id)
  local client = following.open(id)
  client:till_data "x"
  return gaps(client)
end

describe("channel gap", function()
  after_each(following.stop)

  it("repeats so many bytes of an id, and ends with a whole character", function()
    following.serve():publish "x"
    for _, case in ipairs {
      { ("a"):rep(QUOTED), ("a"):rep(QUOTED) },
      { ("a"):rep(QUOTED + 1), ("a"):rep(QUOTED) },
      { ("a"):rep(9000), ("a"):rep(QUOTED) },
      { "a" .. ("é"):rep(200), "a" .. ("é"):rep(127) },
      { "a" .. ("é"):rep(127) .. "b" .. ("é"):rep(9), "a" .. ("é"):rep(127) .. "b" },
      { "a" .. ("😀"):rep(3000), "a" .. ("😀"):rep(63) },
      { ("\x80"):rep(9000), ("\u{FFFD}"):rep(QUOTED - 3) },
    } do
      local list = told(case[1])
      assert.equal(1, #list)
      assert.equal(case[2], list[1].lastEventId)
    end
  end)

  -- A server whose GET / follows n channels that hold one event each.
  local function serve_many(n, options)
    local channels = {}
    for i = 1, n do
      channels[i] = following.channel(options and options(i))
      channels[i]:publish "x"
    end
    local server = following.handle(function(_, res)
      channels.stream = res:event_stream():follow(table.unpack(channels))
    end, { max_head_size = 16000 })
    return channels, server
  end

  it("tells an id that none of the channels knows once for all", function()
    local channels = serve_many(64)
    local client = following.open(("\xff"):rep(15000))
    client:till(function() return #client.events == 65 end)
    local quoted = ("\u{FFFD}"):rep(QUOTED)
    assert.same({ { lastEventId = quoted, reason = "unknown", type = "sse-gap" } }, gaps(client))
    assert.equal("sse-gap", client.events[1].type)
    local missed, sent = 0, 0
    for _, channel in ipairs(channels) do
      missed = missed + channel:stats().replays.miss
      sent = sent + channel:stats().gaps.unknown
    end
    assert.equal(64, missed)
    assert.equal(1, sent)
  end)

  it("tells it once in several calls, and once for each type of gap events", function()
    local channels = {}
    for i = 1, 6 do
      channels[i] = following.channel { gap_event = i % 2 == 0 and "even-gap" or "odd-gap" }
      channels[i]:publish "x"
    end
    following.handle(function(_, res)
      local stream = res:event_stream():follow(channels[1])
      stream:follow(channels[2], channels[3], channels[4])
      stream:follow(channels[5], channels[6])
    end)
    local client = following.open "strange"
    client:till(function() return #client.events == 8 end)
    local list = gaps(client)
    assert.equal("odd-gap even-gap", list[1].type .. " " .. list[2].type)
    assert.equal(2, #list)
  end)

  -- The id of a client that has an event of each channel, since when all channels have lost events.
  local function expired(channels)
    local client = following.open()
    for _, channel in ipairs(channels) do assert(channel:publish "y") end
    client:till(function() return #client.events == #channels end)
    local id = client:last_id()
    client:close()
    following.followers(channels[1], 0)
    for _, channel in ipairs(channels) do
      for _ = 1, 3 do assert(channel:publish "x") end
    end
    return id
  end

  it("waits within max_pending, or its client is slow", function()
    local MOST <const> = 4000
    local channels, reasons, pending = {}, {}, 0
    for i = 1, 30 do channels[i] = new_channel("gap " .. i, { history = 1 }) end
    following.handle(function(_, res)
      local stream = res:event_stream { max_pending = MOST, heartbeat = false }
      stream.on_close = function(why) reasons[#reasons + 1] = why end
      stream:follow(table.unpack(channels))
      pending = math.max(pending, stream.pending)
    end)
    local id = expired(channels)
    local client = frames.open(serving.connect(), frames.setting(4, 0)) -- a window of 0
    client:get(1, "GET /", { "last-event-id", id })
    raw.pump(function() return #reasons == 2 end, "the stream's end")
    assert.equal("slow", reasons[2])
    assert.is_true(pending <= MOST, pending)
    assert.is_true(channels[1]:stats().gaps.expired == 1)
    assert.is_true(channels[30]:stats().gaps.expired == 0)
    client.client:close()
    for _, channel in ipairs(channels) do channel:close() end
  end)

  it("is told whole where it is larger than max_pending alone", function()
    local channel = following.channel()
    channel:publish "x"
    following.handle(function(_, res)
      res:event_stream { max_pending = 100 }:follow(channel)
    end)
    local list = told(("a"):rep(500))
    assert.equal(("a"):rep(QUOTED), list[1].lastEventId)
  end)
end)
