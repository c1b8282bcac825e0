--- Channels followed by compressed streams: what they get is what a plain follower gets, byte for
-- byte, whatever shares its blocks with whom.
local channel = require("sse.channel").new
local core = require "sse.core"
local following = require "spec.support.following"
local packed = require "spec.support.packed"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"

local news, other, streams, reasons

local PLAIN = "identity"
local WINDOW = "X-Compress: window\r\n"

-- /name opens streams[name], which follows `news` as `given` has it.
local function start(options, given)
  news, other = channel("news", options), channel("other", {})
  streams, reasons, given = {}, {}, given or {}
  return serving.start(function(server)
    server:get("/:name", function(req, res)
      local name = req.params.name
      local stream = res:event_stream { compress = req:header "x-compress" }
      streams[name] = stream
      stream.onclose = function(reason) reasons[name] = reason end
      if req.query.to == "both" then stream:follow(news, other, given)
      elseif req.query.to ~= "nothing" then stream:follow(news, given) end
    end)
  end)
end

local function publish(n, extra)
  local form = '{"n":%s,"symbol":"EURUSD","bid":1.0512,"ask":1.0513,"note":"%s"}'
  news:publish { event = "tick", data = form:format(n, extra or "") }
end

-- The same with connections that are soon full.
local function start_narrow(options)
  following.narrow(start(options).port)
end

-- All of them have the event, and so what came before it.
local function all_have(clients, what)
  for _, client in ipairs(clients) do client:till(what) end
end

-- Those of 1 to 60 that fit.
local function numbers(fits)
  local list = {}
  for n = 1, 60 do
    if fits(n) then list[#list + 1] = n end
  end
  return table.concat(list, " ")
end

local function finish()
  if news then news:close() end
  if other then other:close() end
  news, other, streams = nil, nil, nil
  serving.stop()
end

describe("a compressed follower", function()
  after_each(finish)

  it("gets replay and live events as a plain one does", function()
    local server = start({ history = 500 }, { from = "oldest" })
    for n = 1, 300 do publish(n) end
    local clients = { packed.open("/plain", PLAIN), packed.open "/gzip",
      packed.open("/deflate", "deflate"), packed.open("/window", "gzip", WINDOW) }
    all_have(clients, '"n":300')
    for n = 301, 340 do
      publish(n)
      all_have(clients, ('"n":%d'):format(n))
    end
    for n = 341, 400 do publish(n) end
    news:close()
    for _, client in ipairs(clients) do
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
      assert.is_true(client.text == clients[1].text)
    end
    assert.is_truthy(clients[1].text:find('"n":1,.*"n":340,.*"n":400,'))
    assert.equal(3 * #clients[1].text, server:stats().uncompressed_bytes)
  end)

  it("shares blocks that refer to what all of them got", function()
    local server = start({ history = 500 })
    local clients = { packed.open("/plain", PLAIN), packed.open "/a", packed.open "/b" }
    for n = 1, 100 do
      publish(n)
      all_have(clients, ('"n":%d,'):format(n))
    end
    local late = packed.open "/late" -- hasn't got them: its blocks stand alone
    raw.pump(function() return news.followers == 4 end, "the late one")
    local before = server:stats()
    publish(101)
    all_have(clients, '"n":101,')
    late:till '"n":101,'
    local after = server:stats()
    local plain = (after.uncompressed_bytes - before.uncompressed_bytes) // 3
    local small = clients[2].wire
    publish(102)
    all_have(clients, '"n":102,')
    late:till '"n":102,'
    small = clients[2].wire - small
    assert.is_true(small * 2 < plain, ("%d of %d bytes"):format(small, plain))
    assert.equal(clients[2].wire, clients[3].wire)
    assert.is_true(clients[1].text == clients[2].text and clients[1].text == clients[3].text)
  end)

  it("gets its own events and comments in their places", function()
    start({ history = 500 }, { from = "oldest" })
    local names = { "plain", "gzip", "deflate", "window" }
    local clients = { packed.open("/plain", PLAIN), packed.open "/gzip",
      packed.open("/deflate", "deflate"), packed.open("/window", "gzip", WINDOW) }
    for n = 1, 120 do
      publish(n, "x")
      if n % 7 == 0 then
        for _, name in ipairs(names) do streams[name]:send { event = "own", data = n } end
      end
      if n % 3 == 0 then all_have(clients, ('"n":%d,'):format(n)) end
      if n % 30 == 0 then
        for _, name in ipairs(names) do streams[name]:comment "just so" end
      end
    end
    news:close()
    for _, client in ipairs(clients) do
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
      assert.is_true(client.text == clients[1].text)
    end
  end)

  it("gets one channel after the other, and one again, without mixing them up", function()
    start({ history = 500 })
    local clients = { packed.open("/plain?to=nothing", PLAIN), packed.open "/gzip?to=nothing" }
    for round = 1, 6 do
      local followed = round % 3 == 0 and other or news
      for _, stream in pairs(streams) do stream:follow(followed, { from = "oldest" }) end
      for n = 1, 30 do
        local data = '{"round":%d,"n":%d,"text":"again and again"}'
        followed:publish { data = data:format(round, n) }
        if n % 2 == 0 then all_have(clients, ('"round":%d,"n":%d,'):format(round, n)) end
      end
      for _, stream in pairs(streams) do assert.is_true(stream:unfollow(followed)) end
    end
    for _, stream in pairs(streams) do stream:close() end
    for _, client in ipairs(clients) do
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
    end
    assert.is_true(clients[1].text == clients[2].text)
  end)

  it("follows several channels, and only what it wants of one", function()
    start({ history = 500 }, { where = function(ev) return not ev.data:find '"n":%d*3,' end })
    local clients = {
      packed.open("/plain?to=both", PLAIN), packed.open "/gzip?to=both", -- with composite ids
      packed.open("/some", PLAIN), packed.open "/less",
    }
    for n = 1, 60 do
      publish(n)
      other:publish { data = { other = n } }
      if n % 3 ~= 0 then all_have({ clients[1], clients[2] }, ('"other":%d}'):format(n)) end
    end
    publish '"last"'
    all_have(clients, '"n":"last"')
    news:close()
    other:close()
    for _, client in ipairs(clients) do
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
    end
    for _, client in ipairs { clients[1], clients[2] } do -- the two channels in any order
      local seen, others = {}, {}
      for n in client.text:gmatch '"n":(%d+),' do table.insert(seen, n) end
      for n in client.text:gmatch '"other":(%d+)' do table.insert(others, n) end
      assert.equal(numbers(function(n) return n % 10 ~= 3 end), table.concat(seen, " "))
      assert.equal(numbers(function() return true end), table.concat(others, " "))
    end
    assert.is_true(clients[3].text == clients[4].text)
    assert.is_nil(clients[4].text:find('"n":13,', 1, true))
  end)

  it("is told of a gap in the same words", function()
    start({ history = 5 })
    for n = 1, 20 do publish(n) end
    local id = news.last_id:gsub("%d+$", "3")
    local fields = ("Last-Event-ID: %s\r\n"):format(id)
    local clients = { packed.open("/plain", PLAIN, fields), packed.open("/gzip", "gzip", fields) }
    all_have(clients, '"n":20,')
    assert.matches('event: sse%-gap\ndata: {.*"reason":"expired"}', clients[1].text)
    assert.equal(clients[1].text, clients[2].text)
  end)
end)

-- What a follower that is too slow gets, and how it ends.
describe("a slow compressed follower", function()
  after_each(finish)

  local function noise(n)
    local bytes = {}
    for i = 1, n do bytes[i] = string.char(math.random(32, 126)) end
    return table.concat(bytes)
  end

  -- Publishes until the client, which reads nothing, is behind; gives how many it took. Another may
  -- read meanwhile.
  local function flood(name, text, reader)
    local n = 0
    repeat
      n = n + 1
      news:publish { data = n .. " " .. text }
      core.turn()
      if reader then reader:till(("\ndata: %d "):format(n)) end
    until streams[name].pending > 0 or n > 2000
    return n
  end

  for _, mode in ipairs { "", WINDOW } do
    it("takes pieces as it can, and gets all in order " .. mode, function()
      math.randomseed(7)
      start_narrow({ history = 5000, history_bytes = 2 ^ 28 })
      local client = packed.open("/a", "gzip", mode, true)
      local text = noise(30000)
      local n = flood("a", text)
      for more = 1, 20 do news:publish { data = n + more .. " " .. text } end
      news:close()
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
      local seen = 0
      for number in client.text:gmatch("data: (%d+) ") do
        seen = seen + 1
        assert.equal(tostring(seen), number)
      end
      assert.equal(n + 20, seen)
    end)

    it("is sent away with a clean end " .. mode, function()
      math.randomseed(8)
      start_narrow({ history = 3 })
      local client = packed.open("/a", "gzip", mode, true)
      local text = noise(30000)
      flood("a", text)
      for _ = 1, 10 do news:publish { data = text } end
      raw.pump(function() return reasons.a end, "the slow one's end")
      assert.equal("slow", reasons.a)
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
      assert.matches("\n\nretry: %d+\n\n$", client.text:sub(-100))
    end)

    it("skips, is told so, and goes on " .. mode, function()
      math.randomseed(9)
      start_narrow({ history = 3, slow = "skip" })
      local client = packed.open("/a", "gzip", mode, true)
      local text = noise(30000)
      flood("a", text)
      for n = 1, 10 do news:publish { data = ("late %d %s"):format(n, text) } end
      client:till '"reason":"slow"'
      client:till "data: late 10"
      for n = 1, 50 do
        publish(n)
        client:till(('"n":%d,'):format(n))
      end
      news:close()
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
    end)
  end

  -- One has an event that the other never gets: what is behind them differs, though both are at the
  -- same event next.
  it("shares no block with one that was spared a superseded event", function()
    math.randomseed(10)
    start_narrow({ history = 5000, history_bytes = 2 ^ 28, slow = "latest" })
    local reader, slow = packed.open "/reader", packed.open("/slow", "gzip", "", true)
    local n = flood("slow", noise(1500) .. ", and of use to everybody", reader)
    news:publish { key = "k", data = "to the reader alone, and soon of no use to anybody" }
    reader:till "to the reader alone"
    slow:take() -- from now on the slow one's socket takes more; the loop is told with the next turn
    news:publish { key = "k", data = "to both of them, and of use to everybody" }
    all_have({ reader, slow }, "to both of them")
    news:close()
    for _, client in ipairs { reader, slow } do
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
      assert.is_truthy(client.text:find(("\ndata: %d "):format(n)))
    end
    assert.is_nil(slow.text:find "to the reader alone")
  end)

  it("is owed only the newest of each key, like a plain one", function()
    start({ history = 1000, slow = "latest" })
    local clients = { packed.open("/plain", PLAIN), packed.open "/gzip" }
    for n = 1, 200 do
      for key = 1, 3 do
        local data = '{"n":%d,"key":%d,"text":"superseded before long"}'
        news:publish { key = key, data = data:format(n, key) }
      end
      if n % 5 == 0 then all_have(clients, ('"n":%d,"key":3'):format(n)) end
    end
    news:close()
    for _, client in ipairs(clients) do
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
    end
    assert.is_true(clients[1].text == clients[2].text)
  end)
end)
