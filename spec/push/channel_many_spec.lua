-- Several channels on one stream: an id tells the client's position in each channel.
local following = require "spec.support.following"
local json = require "sse.json"

local function by_channel(channels, names)
  return function(req, res)
    local list = {}
    for name in (req.query.of or names):gmatch "%w" do list[#list + 1] = channels[name] end
    channels.stream = res:event_stream():follow(table.unpack(list))
  end
end

-- Channels a, b and c; GET /?of=ab follows those two.
local function serve(options)
  local channels = {}
  for _, name in ipairs { "a", "b", "c" } do channels[name] = following.channel(options) end
  following.handle(by_channel(channels, "ab"))
  return channels
end

local function open(id, of) return following.open(id, { target = of and "/?of=" .. of }) end

-- Publishes "a1" and so on.
local function publish(channels, name, first, last)
  for n = first, last or first do assert(channels[name]:publish(name .. n)) end
end

-- Reads up to an event with that data; returns the text of all events in order.
local function upto(client, data)
  return client:till_data(data):text()
end

local function sorted(text)
  local words = {}
  for word in text:gmatch "%S+" do words[#words + 1] = word end
  table.sort(words)
  return table.concat(words, " ")
end

describe("channel many", function()
  after_each(following.stop)

  -- A client that has received a1, a2 and b1; returns the id that it would send.
  local function begun(options)
    local channels = serve(options)
    local client = open()
    following.followers(channels.b, 1)
    for _, data in ipairs { "a1", "b1", "a2" } do
      publish(channels, data:sub(1, 1), tonumber(data:sub(2)))
      upto(client, data)
    end
    local id = client:last_id()
    client:close()
    following.followers(channels.b, 0)
    return channels, id
  end

  it("replays each channel from where the client stood in it", function()
    local channels, id = begun()
    publish(channels, "a", 3, 4)
    publish(channels, "b", 2, 5)
    local client = open(id)
    client:till(function() return #client.events == 6 end)
    assert.equal("a3 a4 b2 b3 b4 b5", sorted(client:text()))
    publish(channels, "a", 5)
    upto(client, "a5")
    publish(channels, "b", 6)
    upto(client, "b6")
    local again = open(client:last_id())
    publish(channels, "a", 6)
    assert.equal("a6", upto(again, "a6"))
  end)

  it("is right whichever event was the last that came through", function()
    local channels, id = begun()
    publish(channels, "a", 3, 6)
    publish(channels, "b", 2, 6)
    local whole = open(id)
    whole:till(function() return #whole.events == 9 end)
    for at = 1, 9 do
      local seen = {}
      for i = 1, at do seen[whole.events[i].data] = true end
      local rest = open(whole.events[at].id)
      rest:till(function() return #rest.events == 9 - at end)
      channels.stream:send "end" -- after everything the stream had to be sent
      upto(rest, "end")
      for i = 1, #rest.events - 1 do
        assert.is_nil(seen[rest.events[i].data], at)
        seen[rest.events[i].data] = true
      end
      rest:close()
      local count = 0
      for _ in pairs(seen) do count = count + 1 end
      assert.equal(9, count)
    end
  end)

  it("tells one gap for each channel that has one, with its name", function()
    local channels, id = begun { history = 2 }
    publish(channels, "a", 3, 5)
    publish(channels, "b", 2, 3)
    local client = open(id)
    client:till(function() return #client.events == 5 end)
    assert.equal("a4 a5 b2 b3 gap:expired", sorted(client:text()))
    local gap
    for _, event in ipairs(client.events) do
      if event.type == "sse-gap" then gap = json.decode(event.data) end
    end
    assert.same({ lastEventId = id, reason = "expired", channel = channels.a.name }, gap)
  end)

  it("tells the restart of one channel, and goes on with the other", function()
    local channels, id = begun()
    local name = channels.a.name
    channels.a:close()
    channels.a = require("sse.channel").new(name, {})
    publish(channels, "a", 91, 92)
    publish(channels, "b", 2)
    local client = open(id)
    client:till(function() return #client.events == 4 end)
    assert.equal("a91 a92 b2 gap:unknown", sorted(client:text()))
    client:close()
    following.followers(channels.a, 0)
    channels.a:close()
  end)

  it("begins live with a channel that was added since", function()
    local channels, id = begun()
    publish(channels, "c", 1, 3)
    publish(channels, "a", 3)
    local client = open(id, "abc")
    assert.equal("a3", upto(client, "a3"))
    publish(channels, "c", 4)
    assert.equal("a3 c4", upto(client, "c4"))
    local again = open(client:last_id(), "abc")
    publish(channels, "c", 5)
    assert.equal("c5", upto(again, "c5"))
  end)

  it("leaves out one that is no longer followed", function()
    local channels, id = begun()
    publish(channels, "a", 3)
    publish(channels, "b", 2)
    local client = open(id, "b")
    assert.equal("b2", upto(client, "b2"))
    assert.equal(channels.b.last_id, client:last_id()) -- one channel is followed again: its own id
  end)

  it("an id of none of the channels followed is unknown", function()
    local channels, id = begun()
    publish(channels, "c", 1, 2)
    assert.equal("gap:unknown c1 c2", upto(open(id, "c"), "c2"))
  end)

  it("a plain id says nothing about the other channels", function()
    local channels = serve()
    publish(channels, "a", 1, 3)
    publish(channels, "b", 1, 3)
    local id = following.id(channels.b.last_id, 2)
    assert.equal("b3", upto(open(id), "b3"))
    assert.equal("b3", upto(open(id, "ba"), "b3"))
    channels.a:publish { id = "own", data = "a4" }
    publish(channels, "a", 5)
    assert.equal("a5", upto(open "own", "a5"))
    local strange = open "strange"
    strange:till(function() return #strange.events == 9 end)
    assert.equal("a1 a2 a3 a4 a5 b1 b2 b3 gap:unknown", sorted(strange:text()))
  end)

  it("unfollow while live: the others go on, and ids are plain again", function()
    local channels = serve()
    local client = open()
    following.followers(channels.b, 1)
    publish(channels, "a", 1)
    upto(client, "a1")
    assert.is_true(channels.stream:unfollow(channels.a))
    assert.is_false(channels.stream:unfollow(channels.a))
    assert.equal(0, channels.a.followers)
    publish(channels, "a", 2)
    publish(channels, "b", 1)
    assert.equal("a1 b1", upto(client, "b1"))
    assert.equal(channels.b.last_id, client:last_id())
    assert.equal(channels.stream, channels.stream:follow(channels.a))
    publish(channels, "a", 3)
    assert.equal("a1 b1 a3", upto(client, "a3"))
    assert.truthy(client:last_id():find ",")
    channels.stream:unfollow(channels.a)
    channels.stream:unfollow(channels.b)
    assert.is_true(channels.stream:send "alone")
    upto(client, "alone")
    assert.is_false(channels.stream.closed)
  end)

  it("follow again begins anew: what the client brought an id for was sent", function()
    local channels, id = begun()
    publish(channels, "a", 3)
    publish(channels, "b", 2)
    local client = open(id)
    client:till(function() return #client.events == 2 end)
    channels.stream:unfollow(channels.a)
    publish(channels, "a", 4)
    channels.stream:follow(channels.a)
    publish(channels, "a", 5)
    assert.equal("a3 b2 a5", upto(client, "a5"))
    channels.stream:unfollow(channels.a)
    channels.stream:unfollow(channels.b)
    channels.stream:follow(channels.b, channels.a, { from = 1 })
    client:till(function() return #client.events == 5 end)
    assert.equal("a3 a5 a5 b2 b2", sorted(client:text()))
  end)

  it("channel:close() ends its part; the stream ends with its last channel", function()
    local channels = serve()
    local client = open()
    following.followers(channels.b, 1)
    publish(channels, "a", 1)
    channels.a:close()
    assert.equal(0, channels.a.followers)
    publish(channels, "b", 1)
    assert.equal("a1 b1", upto(client, "b1"))
    assert.is_false(channels.stream.closed)
    publish(channels, "b", 2)
    channels.b:close()
    assert.equal("a1 b1 b2", client:till_end():text())
    assert.is_true(client.ended)
  end)

  it("is the same in several calls", function()
    local a, b = following.channel(), following.channel()
    following.handle(function(_, res)
      local stream = res:event_stream()
      assert(stream:follow(a))
      assert(stream:follow(b, { from = 1 }))
      local ok, message = pcall(stream.follow, stream, b)
      assert(not ok and message:find "already", message)
    end)
    a:publish "a1"
    b:publish "b1"
    local client = following.open()
    assert.equal("b1", upto(client, "b1"))
    b:publish "b2"
    upto(client, "b2")
    a:publish "a2"
    assert.equal("b1 b2 a2", upto(client, "a2"))
    a:publish "a3"
    b:publish "b3"
    client:till(function() return #client.events == 5 end)
    local again = following.open(client.events[3].id)
    again:till(function() return #again.events == 2 end)
    assert.equal("a3 b3", sorted(again:text()))
  end)

  it("slow: each channel's policy holds for its own part", function()
    local channels = { a = following.channel { history = 5, slow = "skip" },
      b = following.channel { history = 1000 } }
    following.handle(by_channel(channels, "ab"))
    local client = following.open(nil, { slow = true })
    following.followers(channels.b, 1)
    following.fill(channels.a, channels.stream)
    publish(channels, "a", 1, 100)
    publish(channels, "b", 1, 100)
    client:till(function() return client:text():find "b100" and client:text():find "a100" end)
    local text = client:text()
    assert.truthy(text:find "gap:slow")
    local _, n = text:gsub("b%d+", "")
    assert.equal(100, n)
    for _, event in ipairs(client.events) do
      if event.type == "sse-gap" then
        assert.equal(channels.a.name, json.decode(event.data).channel)
      end
    end
  end)
  it("raises misuse, and follows all or none", function()
    local channels = serve()
    open(nil, "a")
    following.followers(channels.a, 1)
    local stream = channels.stream
    assert.has_error(function() stream:follow() end)
    assert.has_error(function() stream:follow(channels.b, "x") end)
    assert.has_error(function() stream:follow(channels.b, channels.b) end)
    assert.has_error(function() stream:follow(channels.b, channels.a) end)
    assert.has_error(function() stream:follow(channels.b, { from = -1 }) end)
    assert.has_error(function() stream:follow(channels.b, { where = 5 }) end)
    assert.equal(0, channels.b.followers)
    channels.c:close()
    assert.same({ nil, "the channel is closed", "ECLOSED" },
      { stream:follow(channels.b, channels.c) })
    assert.equal(0, channels.b.followers)
    stream:close()
    assert.same({ nil, "closed", "ECLOSED" }, { stream:follow(channels.b) })
    assert.is_false(stream:unfollow(channels.a))
  end)
end)
