-- Publishing, ids, bounds, and the event with which a follower begins, over real sockets.
local core = require "sse.core"
local following = require "spec.support.following"
local raw = require "spec.support.raw"
local sse = require "sse"
local wait = require "spec.support.wait"

local numbers = following.numbers

describe("channel", function()
  after_each(following.stop)

  describe("publish", function()
    it("gives the id, and every follower the event", function()
      local news = following.serve()
      local one, two = following.open(), following.open()
      following.followers(news, 2)
      local id = news:publish { event = "headline", data = { title = "x" }, retry = 5 }
      assert.truthy(id:match "^%w+%-1$")
      assert.equal(id, news.last_id)
      for _, client in ipairs { one, two } do
        client:till_data '{"title":"x"}'
        assert.same({ data = '{"title":"x"}', type = "headline", id = id }, client.events[1])
        assert.equal(5, client.retry)
      end
    end)

    it("line 45: refuses what a field can't carry, and numbers on", function()
      local news = following.serve()
      local client = following.open()
      following.followers(news, 1)
      for _, bad in ipairs { { event = "a\nb" }, { event = "a\rb" }, { event = "a\0b" },
        { id = "a\nb" }, { id = "a\0b" } } do
        bad.data = "x"
        local id, message, code = news:publish(bad)
        assert.is_nil(id)
        assert.equal("EINVAL", code)
        assert.is_string(message)
      end
      assert.truthy(news:publish("1"):match "-1$")
      assert.equal("1", client:all(news))
      assert.equal(5, news:stats().publishes.refused)
    end)

    it("refuses an id that clients could not send back", function()
      local news = following.channel()
      assert.equal(("x"):rep(1024), news:publish { id = ("x"):rep(1024), data = "x" })
      local id, message, code = news:publish { id = ("x"):rep(1025), data = "x" }
      assert.same({ nil, "ETOOBIG" }, { id, code })
      assert.truthy(message:find("field 'id' is longer than 1024 bytes", 1, true), message)
    end)

    it("line 45: sends data with any line ends and bytes as the format has it", function()
      local news = following.serve()
      local client = following.open()
      following.followers(news, 1)
      news:publish "a\rb\r\nc\n\nd\n"
      news:publish { data = "" }
      news:publish { data = " :x\0\u{2028}" }
      assert.equal("a\nb\nc\n\nd\n   :x\0\u{2028}", client:all(news))
    end)

    it("raises misuse", function()
      local news = following.channel()
      local function misuse(pattern, ...)
        local ok, message = pcall(news.publish, news, ...)
        assert.is_false(ok)
        assert.truthy(message:find(pattern), message)
      end
      misuse("no comments", { comment = "x" })
      misuse("needs data", { event = "x" })
      misuse("needs data", { id = "x" })
      misuse("must not be empty", { id = "", data = "x" })
      misuse("one event", "name", "data")
      misuse("unknown field 'dat'", { dat = "x" })
      misuse("field 'key' must be", { data = "x", key = "" })
      misuse("field 'dedupe' must be", { data = "x", dedupe = {} })
      misuse("expected an event", 5)
    end)

    it("ETOOBIG: nothing larger than history_bytes, and what is held stays", function()
      local news = following.serve { history_bytes = 200 }
      local client = following.open()
      following.followers(news, 1)
      news:publish "small"
      local got = { news:publish(("x"):rep(200)) }
      assert.same({ nil, "the event is larger than history_bytes", "ETOOBIG" }, got)
      assert.equal(1, news:stats().history.events)
      assert.equal("small", client:all(news))
    end)

    it("gets a burst larger than the history to followers that read", function()
      local news = following.serve { history = 3 }
      local client = following.open()
      following.followers(news, 1)
      following.count(news, 1, 50)
      assert.equal(numbers(1, 50), client:all(news))
      assert.equal(0, news:stats().slow.followers_closed)
      assert.equal(3, news:stats().history.events)
    end)

    it("holds at most history events and history_bytes bytes", function()
      local news = following.channel { history = 7, history_bytes = 500 }
      for n = 1, 100 do
        news:publish(("x"):rep(n % 20 * 10))
        local held = news:stats().history
        assert.is_true(held.events <= 7 and held.bytes <= 500 and held.events > 0)
      end
    end)
  end)

  describe("own ids", function()
    it("are found by replay, beside the log's", function()
      local news = following.serve { history = 4 }
      for _, id in ipairs { "a", "b", "c", "d", "e" } do
        assert.equal(id, news:publish { id = id, data = id })
      end
      local plain = news:publish "f"
      local want = { b = "c d e f", c = "d e f", e = "f", [plain] = "",
        a = "gap:unknown c d e f", x = "gap:unknown c d e f",
        [following.id(plain, 3)] = "d e f" }
      for id, text in pairs(want) do
        local client = following.open(id)
        client:till(function() return #client.events == #text:gsub("[^ ]+", "x"):gsub(" ", "") end)
        assert.equal(text, client:text(), id)
        client:close()
      end
    end)

    it("can't be given twice, nor look like the log's", function()
      local news = following.channel()
      assert(news:publish { id = "a", data = "1" })
      local id, message, code = news:publish { id = "a", data = "2" }
      assert.same({ nil, "EEXIST" }, { id, code })
      assert.truthy(message:find "held already")
      local own = following.id(news:publish "x", 99)
      assert.equal("EINVAL", select(3, news:publish { id = own, data = "3" }))
      assert.equal(2, news:stats().history.events)
    end)

    it("that have gone miss nothing just before the oldest held, and when all have aged", function()
      local news = following.serve { history = 2 }
      for _, id in ipairs { "a", "b", "c" } do news:publish { id = id, data = id } end
      assert.equal("b c", following.open("a"):till_data("c"):text())
      following.stop()
      local aged = following.serve { max_age = 1 }
      aged:publish { id = "z", data = "z" }
      raw.pump(function() return aged:stats().history.events == 0 end, "the event to age")
      assert.equal("", following.open("z"):all(aged))
    end)

    it("that look like several channels' are unknown once they are gone", function()
      local news = following.serve { history = 1 }
      news:publish { id = "message:order-41", data = "1" }
      assert.equal("", following.open("message:order-41"):all(news))
      news:publish { data = "2" }
      news:publish { data = "3" }
      assert.equal("gap:unknown 3", following.open("message:order-41"):till_data("3"):text())
    end)
  end)

  describe("dedupe", function()
    it("publishes once while it is held, and gives the first one's id", function()
      local news = following.serve { history = 2 }
      local client = following.open()
      following.followers(news, 1)
      local id = news:publish { data = "1", dedupe = "x" }
      assert.equal(id, news:publish { data = "1 again", dedupe = "x" })
      assert.equal(id, news:publish { data = "1 again", dedupe = "x", id = "own" })
      local other = news:publish { data = "2", dedupe = 7 }
      assert.equal(other, news:publish { data = "2 again", dedupe = "7" })
      news:publish "3" -- the first event is dropped
      assert.not_equal(id, news:publish { data = "4", dedupe = "x" })
      assert.equal("1 2 3 4", client:all(news))
      assert.equal(3, news:stats().publishes.repeated)
    end)
  end)

  describe("from", function()
    local function begins(from)
      local news = following.serve({ history = 4 }, function() return { from = from } end)
      following.count(news, 1, 6)
      return following.open():all(news)
    end

    it("is the newest unless told", function() assert.equal("", begins()) end)

    it("is where it begins without an id", function()
      local want = { [0] = "", [1] = "6", [3] = "4 5 6", [4] = "3 4 5 6", [5] = "3 4 5 6",
        [math.maxinteger] = "3 4 5 6", newest = "", oldest = "3 4 5 6" }
      for from, text in pairs(want) do
        assert.equal(text, begins(from), tostring(from))
        following.stop()
      end
    end)

    it("does not count where an id came", function()
      local news = following.serve({}, function() return { from = "oldest" } end)
      local ids = following.count(news, 1, 6)
      assert.equal("6", following.open(ids[5]):all(news))
    end)
  end)

  it("gap_event names the gap's type", function()
    local news = following.serve { gap_event = "lücke" }
    local client = following.open "strange"
    news:publish "x"
    client:till_data "x"
    assert.equal("lücke", client.events[1].type)
    assert.equal('{"lastEventId":"strange","reason":"unknown"}', client.events[1].data)
    assert.has_error(function() sse.channel("bad", { gap_event = "a\nb" }) end)
  end)

  it("takes bounds of any size", function()
    for _, most in ipairs { 1e15, 1e18, 1e300, math.maxinteger } do
      local news = following.channel { max_age = most }
      news:publish "x"
      wait.past(15)
      assert.equal(1, news:stats().history.events)
    end
    local news = following.channel { history = math.maxinteger, history_bytes = math.maxinteger,
      max_lag = math.maxinteger }
    following.count(news, 1, 100)
    assert.equal(100, news:stats().history.events)
  end)

  it("serves HTTP/1.0 and HEAD", function()
    local news = following.serve()
    local ids = following.count(news, 1, 5)
    local old = following.open(ids[2], { version = "1.0" })
    local head = following.open(ids[2], { method = "HEAD" })
    assert.equal("3 4 5", old:all(news))
    assert.is_false(old.chunked)
    assert.equal("", head.raw.buffer)
    assert.equal(1, news.followers)
  end)

  it("a stream follows at most 64, whose id fits into a request", function()
    local channels = {}
    for i = 1, 65 do channels[i] = following.channel() end
    local stream
    following.handle(function(_, res)
      stream = res:event_stream()
      for i = 1, 64 do assert(stream:follow(channels[i])) end
    end)
    local client = following.open()
    following.followers(channels[64], 1)
    local done, message, code = stream:follow(channels[65])
    assert.same({ nil, "ETOOBIG" }, { done, code })
    assert.truthy(message:find "at most 64", message)
    assert.equal(0, channels[65].followers)
    channels[64]:publish "x"
    client:till_data "x"
    assert.is_true(#client:last_id() < 4096)
    channels[1]:publish "y"
    assert.equal("y", following.open(client:last_id()):till_data("y"):text())
  end)

  it("a stream that is to follow 65 at once follows none, and stays open", function()
    local channels, stream, done, message, code = {}, nil, nil, nil, nil
    for i = 1, 65 do channels[i] = following.channel() end
    following.handle(function(_, res)
      stream = res:event_stream()
      done, message, code = stream:follow(table.unpack(channels))
    end)
    local client = following.open()
    assert.same({ nil, "ETOOBIG" }, { done, code })
    assert.truthy(message:find "at most 64", message)
    assert.equal(0, channels[1].followers)
    assert(stream:follow(channels[1]))
    channels[1]:publish "x"
    client:till_data "x"
  end)

  describe("names", function()
    it("find the open one", function()
      local name = "named " .. core.now()
      local news = sse.channel(name, { history = 3 })
      assert.equal(news, sse.channel(name))
      assert.equal(news, sse.channel(name, {}))
      news:close()
      assert.is_true(news.closed)
      local again = sse.channel(name)
      assert.not_equal(news, again)
      assert.equal(name, again.name)
      again:close()
    end)
  end)
end)
