-- The main features of channels over each transport: new events, replay, gaps, several channels,
-- slow followers, drain. The other channel specs use HTTP/1.1 only.
local json = require "sse.json"
local new_channel = require("sse.channel").new
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"

serving.each("channel", function(transport)
  local made, reasons = {}, {}

  after_each(function()
    serving.stop()
    for _, channel in ipairs(made) do channel:close() end
    made, reasons = {}, {}
    assert.same({}, serving.errors)
  end)

  local function channel(name, options)
    made[#made + 1] = new_channel(name, options or {})
    return made[#made]
  end

  -- A server whose GET / follows the channels.
  local function serve(...)
    local list = { ... }
    return serving.start(function(s)
      s:get("/", function(req, res)
        assert.equal(transport.protocol, req.protocol)
        local stream = res:event_stream { compress = false }
        stream.on_close = function(reason) reasons[#reasons + 1] = reason end
        stream:follow(table.unpack(list))
      end)
    end)
  end

  local function open(id, followed, count)
    local client = serving.listen("/", id and { ["Last-Event-ID"] = id })
    assert.equal(200, client.status)
    raw.pump(function() return followed.followers == (count or 1) end, "the follower")
    return client
  end

  local function publish(to, first, last)
    local ids = {}
    for n = first, last do ids[n] = assert(to:publish { data = n }) end
    return ids
  end

  -- The data of the events up to the one with `last`.
  local function data_till(client, last)
    local list = {}
    local text = client:till("data: " .. last .. "\n\n")
    for data in text:gmatch "data: ([^\n]*)\n" do list[#list + 1] = data end
    return table.concat(list, " ")
  end

  it("sends what is published to all, and replays what one has missed", function()
    local news = channel "live"
    serve(news)
    local first, second = open(nil, news), open(nil, news, 2)
    local ids = publish(news, 1, 5)
    assert.equal("1 2 3 4 5", data_till(first, 5))
    assert.equal("1 2 3 4 5", data_till(second, 5))
    second:close()
    -- libcurl reports the end of an aborted stream only when another one receives something.
    publish(news, 6, 6)
    raw.pump(function() return news.followers == 1 end, "the second to leave")
    publish(news, 7, 8)
    second = open(ids[5], news, 2)
    publish(news, 9, 9)
    assert.equal("6 7 8 9", data_till(second, 9))
    assert.equal("6 7 8 9", data_till(first, 9))
    assert.equal(1, news:stats().replays.hit)
  end)

  it("tells of a gap, and goes on with what is held", function()
    local news = channel("gap", { history = 3 })
    serve(news)
    local ids = publish(news, 1, 10)
    local client = open(ids[2], news)
    local gap = client:till "event: sse%-gap\n.-\n\n"
    assert.equal("expired", json.decode(gap:match "data: ([^\n]*)\n").reason)
    assert.equal("8 9 10", data_till(client, 10))
  end)

  it("carries several channels on one stream, and resumes in each", function()
    local a, b = channel "several a", channel "several b"
    serve(a, b)
    local client = open(nil, a)
    publish(a, 1, 2)
    publish(b, 3, 4)
    local text = client:till "data: 4\n\n"
    if not text:find "data: 2\n" then text = text .. client:till "data: 2\n\n" end
    local id
    for one in text:gmatch "id: ([^\n]*)\n" do id = one end
    client:close()
    raw.pump(function() return a.followers == 0 and b.followers == 0 end, "it to leave")
    publish(a, 5, 5)
    publish(b, 6, 6)
    client = open(id, a)
    publish(a, 7, 7)
    text = client:till "data: 7\n\n"
    if not text:find "data: 6\n" then text = text .. client:till "data: 6\n\n" end
    local got = {}
    for data in text:gmatch "data: (%d)\n" do got[#got + 1] = data end
    table.sort(got)
    assert.same({ "5", "6", "7" }, got)
  end)

  it("closes one that is too slow, which comes back; nobody else notices", function()
    local news = channel("slow", { history = 10 })
    local server = serve(news)
    local reader, slow = open(nil, news), open(nil, news, 2)
    slow:pause()
    local n, text = 0, ("x"):rep(60000)
    raw.pump(function()
      n = n + 1
      assert(news:publish { data = n .. text })
      reader:till(("\ndata: %dx+\n\n"):format(n))
      return news.followers == 1
    end, "the slow one's end")
    raw.pump(function() return reasons[1] end, "its reason")
    assert.same({ "slow" }, reasons)
    assert.equal(1, news:stats().slow.followers_closed)
    slow:resume()
    local got = slow:rest()
    local last, id = 0, nil
    for one, number in got:gmatch "id: ([^\n]*)\ndata: (%d+)x+\n\n" do
      assert.equal(last + 1, tonumber(number)) -- no event is missing before the stream's end
      last, id = tonumber(number), one
    end
    assert.is_true(last > 0 and last < n)
    slow = open(id, news, 2)
    publish(news, n + 1, n + 1)
    local missed = slow:till(("data: %d\n\n"):format(n + 1))
    local next_one = tonumber(missed:match "data: (%d+)x")
    assert.is_true(next_one == last + 1 or missed:find "event: sse%-gap\n" ~= nil)
    assert.equal(1, server:stats().streams.ended.slow)
  end)

  it("wakes a drain once what the channel sent has gone out", function()
    local news, held = channel "news", channel "held"
    local stream
    serving.start(function(s)
      s:get("/", function(_, res) stream = res:event_stream():follow(news) end)
    end)
    local client = open(nil, news)
    publish(news, 1, 1)
    client:till "data: 1\n\n"
    publish(held, 2, 20)
    local drained
    sse.spawn(function() -- the stream itself has sent nothing
      stream:follow(held, { from = "oldest" })
      drained = stream:drain()
    end)
    raw.pump(function() return drained ~= nil end, "the drain")
    assert.is_true(drained)
    client:till "data: 20\n\n"
  end)

  it("lets all go when the server drains, each with a retry", function()
    local news = channel "drain"
    local server = serve(news)
    local clients = {}
    for i = 1, 3 do clients[i] = open(nil, news, i) end
    publish(news, 1, 1)
    for _, client in ipairs(clients) do client:till "data: 1\n\n" end
    local result
    sse.spawn(function() result = server:shutdown { within = 30, retry = 500 } end)
    for _, client in ipairs(clients) do
      local rest, failure = client:rest()
      assert.is_nil(failure)
      local retry = tonumber(rest:match "^retry: (%d+)\n\n$")
      assert.is_true(retry >= 500 and retry <= 750)
    end
    raw.pump(function() return result ~= nil end, "the drain")
    assert.is_true(result)
    assert.same({ "server", "server", "server" }, reasons)
    assert.equal(0, news.followers)
  end)
end)
