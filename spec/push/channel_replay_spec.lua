-- Which events a follower is sent because of its Last-Event-ID, over real sockets.
local child = require "spec.support.child"
local following = require "spec.support.following"
local json = require "sse.json"
local raw = require "spec.support.raw"

local numbers = following.numbers

describe("channel replay", function()
  after_each(following.stop)

  -- Publishes six events, of which the last four are held; returns what a client with that id
  -- receives.
  local function replay(id_of, options, given)
    local news = following.serve(options or { history = 4 })
    local ids = following.count(news, 1, 6)
    local client = following.open(id_of(ids), given)
    return client:all(news), client, news
  end

  local function position(n)
    return function(ids) return following.id(ids[1], n) end
  end

  describe("line 47: Last-Event-ID", function()
    it("line 47: none: live only", function()
      assert.equal("", replay(function() end))
    end)

    it("line 47: oldest - 1: all that is held, no gap", function()
      assert.equal("3 4 5 6", replay(position(2)))
    end)

    it("line 47: before that: a gap, and all that is held", function()
      local text, client = replay(position(1))
      assert.equal("gap:expired 3 4 5 6", text)
      local brought = following.id(client:last_id(), 1)
      assert.equal(brought, json.decode(client.events[1].data).lastEventId)
      assert.equal("", client.events[1].id)
    end)

    it("line 47: oldest", function() assert.equal("4 5 6", replay(position(3))) end)
    it("line 47: middle", function() assert.equal("5 6", replay(position(4))) end)
    it("line 47: newest", function() assert.equal("", replay(position(6))) end)
    it("line 47: 0: expired", function()
      assert.equal("gap:expired 3 4 5 6", replay(position(0)))
    end)

    it("line 47: newest + 1 and far beyond: one gap, then live", function()
      for _, n in ipairs { "7", "8", "18446744073709551615", "18446744073709551616",
        ("9"):rep(300) } do
        assert.equal("gap:unknown", (replay(function(ids) return (ids[1]:gsub("%d+$", n)) end)))
        following.stop()
      end
    end)

    it("line 47: wrong epoch: a gap, and all that is held", function()
      assert.equal("gap:unknown 3 4 5 6", replay(function() return "abcdefgh-4" end))
    end)

    it("line 47: garbage: a gap, and all that is held", function()
      for _, id in ipairs { "4", "x", "-", "-4", "abcdefgh", "*", "a b", "é", "1,2", "a:b-3",
        "%00", "undefined", "null", "abcdefg:abcdefgh-1", "abcdefg:abcdefgh-1,hijklmn:op-2" } do
        assert.equal("gap:unknown 3 4 5 6", (replay(function() return id end)))
        following.stop()
      end
    end)

    it("line 47: near misses of its own ids are strange", function()
      for _, of in ipairs { "%s-", "%s-x", "%s-4x", "%s-04", "%s- 4", "%s-+4", "%s--4", "%s4", "%s",
        "x%s-4", "%s-4,", "%s-4-4" } do
        assert.equal("gap:unknown 3 4 5 6", (replay(function(ids)
          return of:format((ids[1]:match "^%w+"))
        end)), of)
        following.stop()
      end
    end)

    it("line 47: empty: live only", function()
      assert.equal("", replay(function() return "" end))
    end)

    it("line 47: 4 KiB long: its beginning is repeated", function()
      local long = ("x"):rep(4096)
      local text, client = replay(function() return long end)
      assert.equal("gap:unknown 3 4 5 6", text)
      assert.equal(long:sub(1, 256), json.decode(client.events[1].data).lastEventId)
    end)

    it("line 47: not UTF-8, and what JSON must escape", function()
      local text, client = replay(function() return "a\xFFb\xC3\\\"\tc" end)
      assert.equal("gap:unknown 3 4 5 6", text)
      assert.equal("a\u{FFFD}b\u{FFFD}\\\"\tc", json.decode(client.events[1].data).lastEventId)
    end)

    it("line 47: as a query parameter, percent-encoded", function()
      local news = following.serve { history = 4 }
      local ids = following.count(news, 1, 6)
      local by_query = following.open(nil, { target = "/?lastEventId=" .. ids[4] })
      assert.equal("5 6", by_query:all(news))
      local strange = following.open(nil, { target = "/?lastEventId=%FF%20%22" })
      assert.truthy(strange:all(news):find "^gap:unknown")
      assert.equal("\u{FFFD} \"", json.decode(strange.events[1].data).lastEventId)
    end)

    it("line 47: the header wins over the query parameter; an empty one is none", function()
      local news = following.serve()
      local ids = following.count(news, 1, 6)
      local target = "/?lastEventId=" .. ids[2]
      local header = following.open(ids[4], { target = target })
      local empty = following.open("", { target = target })
      local both_empty = following.open("", { target = "/?lastEventId=" })
      news:publish "end"
      assert.equal("5 6 end", header:till_data("end"):text())
      assert.equal("3 4 5 6 end", empty:till_data("end"):text())
      assert.equal("end", both_empty:till_data("end"):text())
    end)
  end)

  it("goes on past one turn's share, whether or not anything is published meanwhile", function()
    local news = following.serve()
    for n = 1, 40 do news:publish { data = ("x"):rep(50000) .. n } end
    local client = following.open(following.id(news.last_id, 0))
    client:till(function() return #client.events == 40 end)
    for n = 1, 40 do assert.truthy(client.events[n].data:find("x" .. n .. "$")) end
  end)

  it("brings each event with its own id", function()
    local news = following.serve()
    local ids = following.count(news, 1, 3)
    local client = following.open(following.id(ids[1], 0))
    client:all(news)
    for n = 1, 3 do assert.equal(ids[n], client.events[n].id) end
    assert.equal(ids[3], following.id(ids[1], 3))
  end)

  describe("line 48: history", function()
    it("line 48: exactly full: nothing is missed", function()
      assert.equal(numbers(1, 6), replay(position(0), { history = 6 }))
    end)

    it("line 48: over by one: the first id is the one that misses nothing", function()
      assert.equal("gap:expired " .. numbers(2, 6), (replay(position(0), { history = 5 })))
      following.stop()
      assert.equal(numbers(2, 6), replay(position(1), { history = 5 }))
    end)

    it("line 48: by bytes: exactly full, and over by one byte", function()
      local news = following.serve()
      following.count(news, 1, 6)
      local bytes = news:stats().history.bytes
      following.stop()
      assert.equal(numbers(1, 6), (replay(position(0), { history_bytes = bytes })))
      following.stop()
      assert.equal("gap:expired " .. numbers(2, 6),
        (replay(position(0), { history_bytes = bytes - 1 })))
    end)

    it("line 48: all aged out: the newest id misses nothing, the one before it does", function()
      local news = following.serve { max_age = 1 }
      local ids = following.count(news, 1, 3)
      raw.pump(function() return news:stats().history.events == 0 end, "the events to age")
      local newest, before, none = following.open(ids[3]), following.open(ids[2]), following.open()
      news:publish "end"
      assert.equal("end", newest:till_data("end"):text())
      assert.equal("gap:expired end", before:till_data("end"):text())
      assert.equal("end", none:till_data("end"):text())
    end)

    it("line 48: expiring during a replay: what was begun goes on, or a gap tells", function()
      local news, streams = following.serve { history = 60, slow = "skip" }
      local data = ("x"):rep(20000)
      for _ = 1, 60 do news:publish(data) end
      local client = following.open(following.id(news.last_id, 0), { slow = true })
      raw.pump(function() return streams[1] and streams[1].pending > 0 end, "a replay under way")
      for n = 61, 130 do news:publish { data = n } end -- everything that was held is dropped
      client:till(function() return #client.events > 0 and client:last_id() == news.last_id end)
      local at, gap = 0, nil
      for i, event in ipairs(client.events) do
        local n = tonumber(event.id:match "%d+$")
        if event.type == "sse-gap" then
          gap = i
        else
          assert.is_true(n == at + 1 or i - 1 == gap and n > at, "event " .. i)
          at = n
        end
      end
      assert.is_number(gap)
      assert.equal(130, at)
      assert.equal("slow", json.decode(client.events[gap].data).reason)
    end)

    it("keeps nothing where it is 0", function()
      local function oldest() return { from = "oldest" } end
      local news, streams = following.serve({ history = 0 }, oldest)
      local first = following.open()
      following.followers(news, 1)
      following.count(news, 1, 3)
      assert.equal("1 2 3", first:all(news))
      raw.pump(function() return news:stats().history.events == 0 end, "the log to be empty")
      assert.is_nil(news.last_id)
      first:close()
      following.followers(news, 0)
      local id = news:publish "nobody is there"
      raw.pump(function() return news:stats().history.events == 0 end, "the log to be empty")
      local second, third = following.open(), following.open(id)
      following.followers(news, 2)
      assert.equal("", second:all(news))
      third:till_data "end"
      assert.equal("end", third:text())
      assert.equal(3, #streams)
    end)
  end)

  -- The tag of channel "a" in the ids of another process.
  local function tag_elsewhere()
    return child.script([[
      local sse = require "sse"
      local a, b = sse.channel "a", sse.channel "b"
      local server = sse.server()
      server:get("/", function(_, res)
        res:event_stream():follow(a, b)
        a:publish "x"
      end)
      assert(server:listen())
      sse.spawn(function()
        local res = assert(sse.fetch(("http://127.0.0.1:%d/"):format(server.port)))
        for ev in res:events() do
          print(ev.lastEventId)
          os.exit()
        end
      end)
      sse.run()
    ]]):till "(%w+):%w+%-1\n"
  end

  it("the tags of channels are the same in all processes", function()
    finally(child.stop)
    assert.equal(tag_elsewhere(), tag_elsewhere())
  end)
end)
