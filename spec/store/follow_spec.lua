-- Streams that follow a channel whose log a store keeps: replay, pages, other processes, lost logs.
local following = require "spec.support.following"
local net = require "spec.support.net"
local raw = require "spec.support.raw"
local stores = require "spec.support.stores"

local numbers = following.numbers

-- More events than a window holds, by several pages.
local MANY = net.stress and 1600 or 3000

stores.each("Followers", { describe = describe, after_each = after_each }, function(made)
  local store

  before_each(function() store = made.store() end)
  after_each(function()
    made.close()
    following.stop()
  end)

  local function serve(options, follow)
    options.store = store
    return following.serve(options, follow)
  end

  -- The log of a channel, as another process has it.
  local function other(channel, options)
    return made.again():open(channel.name, {
      history = options and options.history or 1000, history_bytes = 8 << 20,
    })
  end

  it("get what is published, and replay by position", function()
    local channel = serve {}
    local ids = following.count(channel, 1, 5)
    assert.equal("4 5", following.open(ids[3]):all(channel))
    local client = following.open(ids[3])
    following.followers(channel, 2)
    assert(channel:publish "6")
    client:till_data(6)
    assert.equal("4 5 end 6", client:text())
    assert.equal(channel.last_id, client:last_id())
  end)

  it("begin at the newest, the oldest, or a number of events", function()
    local channel = serve({}, function(req)
      return { from = tonumber(req.query.from) or req.query.from }
    end)
    following.count(channel, 1, 5)
    local clients = {}
    for i, from in ipairs { "newest", "oldest", "2", "0" } do
      clients[i] = following.open(nil, { target = "/?from=" .. from })
    end
    assert(channel:publish "end")
    local got = {}
    for i, client in ipairs(clients) do got[i] = client:till_data("end"):text() end
    assert.same({ "end", "1 2 3 4 5 end", "4 5 end", "end" }, got)
  end)

  it("replay by an own id, also of another process", function()
    local channel = serve {}
    following.count(channel, 1, 3)
    stores.append(other(channel), 4, { id = "own" })
    stores.append(other(channel), 5)
    assert.equal("5", following.open("own"):all(channel))
  end)

  it("are told of an id that is unknown, expired or of the future", function()
    local channel = serve { history = 3 }
    local ids = following.count(channel, 1, 5)
    local function check(id, expected, data)
      local client = following.open(id)
      following.followers(channel, 1)
      if expected ~= "" then client:till(function() return client.events[1] end, "the replay") end
      assert(channel:publish(data))
      assert.equal((expected .. " " .. data):match "^ ?(.*)", client:till_data(data):text())
      client:close()
      following.followers(channel, 0)
      return client.events[1]
    end
    check("strange", "gap:unknown 3 4 5", "6")
    check(ids[1], "gap:expired 4 5 6", "7")
    local gap = check(following.id(ids[1], 99), "gap:unknown", "8")
    assert.truthy(gap.data:find(following.id(ids[1], 99), 1, true))
    check(following.id(ids[1], 6), "7 8", "9")
    check(following.id(ids[1], 9), "", "10")
  end)

  it("survive a channel that is opened anew", function()
    local channel = serve {}
    local ids = following.count(channel, 1, 5)
    local again = assert(made.again():open(channel.name, { history = 9, history_bytes = 9e6 // 1 }))
    assert.equal("1 2 3 4 5", stores.text(stores.read(again, 0).records))
    assert.equal("3 4 5", following.open(ids[2]):all(channel))
  end)

  it("are sent pages of what is older than the window, while others go on", function()
    local channel = serve { history = 5000 }
    local ids = following.count(channel, 1, MANY)
    local live = following.open()
    following.followers(channel, 1)
    local old = following.open(ids[1])
    following.followers(channel, 2)
    assert(channel:publish(MANY + 1 .. ""))
    live:till_data(MANY + 1)
    old:till_data(MANY + 1)
    assert.equal(numbers(2, MANY + 1), old:text())
    assert.equal(MANY + 1 .. "", live:text())
    assert(channel:publish(MANY + 2 .. ""))
    old:till_data(MANY + 2)
  end)

  it("are sent pages past their where, with metas, and of several channels", function()
    local options, many = { history = 5000, store = store }, net.stress and 1200 or 2500
    local a, b = following.channel(options), following.channel(options)
    local plain = following.channel()
    following.handle(function(req, res)
      res:event_stream():follow(a, plain, b, { from = "oldest", where = req.query.odd and
        function(ev) return ev.meta and ev.meta.odd or ev.data == "end" end })
    end)
    for i = 1, many do
      assert(a:publish { data = "a" .. i, meta = { odd = i % 2 == 1 } })
      if i % 10 == 0 then
        assert(b:publish { data = "b" .. i, meta = { odd = true } })
        assert(plain:publish { data = "p" .. i, meta = { odd = true } })
      end
    end
    local function split(client)
      local got = { a = {}, b = {}, p = {} }
      for _, ev in ipairs(client.events) do
        local kind, n = ev.data:match "^(%a)(%d+)$"
        table.insert(got[kind], tonumber(n))
      end
      return got
    end
    local function check(client, step)
      client:till(function()
        return #client.events == many // step + many // 5
      end, "all")
      local got = split(client)
      for i, n in ipairs(got.a) do assert.equal(1 + (i - 1) * step, n) end
      for i, n in ipairs(got.b) do assert.equal(i * 10, n) end
      for i, n in ipairs(got.p) do assert.equal(i * 10, n) end
    end
    local client = following.open()
    check(client, 1)
    check(following.open(nil, { target = "/?odd=1" }), 2)
    local again = following.open(client.events[700].id)
    again:till(function() return #again.events == many + many // 5 - 700 end, "the rest")
    for i, ev in ipairs(again.events) do assert.truthy(ev.data, i) end
  end)

  it("are sent pages compressed", function()
    local channel = serve({ history = 5000 }, function() return { from = "oldest" } end)
    following.count(channel, 1, MANY)
    local client = following.open(nil, { accept = "gzip" })
    client:till_data(MANY)
    assert(channel:publish(MANY + 1 .. ""))
    client:till_data(MANY + 1)
    assert.equal(numbers(1, MANY + 1), client:text())
  end)

  it("hear of other processes' events, also of many at once", function()
    local channel = serve {}
    local log = other(channel)
    local client = following.open()
    following.followers(channel, 1)
    assert(channel:publish "1")
    stores.append(log, 2)
    client:till_data(2)
    for i = 3, 300 do log:append({ event = stores.event(i) }, function() end) end
    client:till_data(300)
    assert.equal(numbers(1, 300), client:text())
  end)

  it("get a rest that they were not read for, when others come", function()
    local channel = serve {}
    local client = following.open()
    following.followers(channel, 1)
    assert(channel:publish "1")
    client:till_data(1)
    local id = client:last_id()
    client:close()
    following.followers(channel, 0)
    local log = other(channel)
    for i = 2, 20 do stores.append(log, i) end
    assert.equal(numbers(2, 20), following.open(id):all(channel))
  end)

  it("that are slow get what the window has dropped by pages", function()
    local channel, streams = serve({ history = 100000, history_bytes = 1 << 30 })
    local client = following.open(nil, { slow = true })
    raw.pump(function() return streams[1] end, "the stream")
    local data, n = ("x"):rep(2000), 0
    repeat
      n = n + 1
      assert(channel:publish(n .. " " .. data))
    until n >= MANY and streams[1].pending > 0
    local got = 0
    client:till(function()
      for i = got + 1, #client.events do
        assert.equal(i, tonumber(client.events[i].data:match "^%d+"))
      end
      got = #client.events
      return got == n
    end, "all events")
    assert.is_nil(streams.slow)
  end)

  it("with a max_lag are slow all the same", function()
    local channel, streams = serve { max_lag = 100000 }
    following.open(nil, { slow = true })
    following.followers(channel, 1)
    assert(channel:publish "first")
    raw.pump(function() return channel:stats().events.delivered == 1 end, "the first event")
    following.fill(channel, streams[1])
    for _ = 1, 3 do assert(channel:publish(("x"):rep(60000))) end
    raw.pump(function() return streams.slow end, "the end of a slow stream")
  end)

  it("get the rest of a channel that is closed", function()
    local channel = serve({ history = 5000 }, function() return { from = "oldest" } end)
    following.count(channel, 1, MANY)
    local client = following.open()
    following.followers(channel, 1)
    channel:close()
    assert.is_true(channel.closed)
    client:till_end()
    assert.equal(numbers(1, MANY), client:text())
    assert.same({ nil, "the channel is closed", "ECLOSED" }, { channel:publish "x" })
  end)

  it("stop, leave and come again while they are being placed", function()
    local channel = following.channel { store = store }
    local plain = following.channel {}
    following.count(channel, 1, 3)
    following.handle(function(_, res)
      local stream = res:event_stream()
      stream:follow(channel, { from = "oldest" })
      assert.is_true(stream:unfollow(channel))
      stream:follow(plain, channel, { from = 1 })
    end)
    following.count(plain, 7, 8)
    local client = following.open()
    client:till(function() return #client.events == 2 end, "two events")
    local words = { client.events[1].data, client.events[2].data }
    table.sort(words)
    assert.same({ "3", "8" }, words)
  end)
end, true)
