--- Channels with compressed followers: they receive the same bytes as a plain follower, whichever
-- followers share blocks.
local decoding = require "spec.support.decoding"
local raw = require "spec.support.raw"
local world = require "spec.support.world"

local PLAIN = "identity"
local WINDOW = "X-Compress: window\r\n"

-- The numbers from 1 to 60 that fit, as text.
local function numbers(fits)
  local list = {}
  for n = 1, 60 do
    if fits(n) then list[#list + 1] = n end
  end
  return table.concat(list, " ")
end

describe("a compressed follower", function()
  after_each(world.finish)

  it("gets replay and live events as a plain one does", function()
    local server = world.start({ history = 500 }, { from = "oldest" })
    for n = 1, 300 do world.publish(n) end
    local clients = { decoding.open("/plain", PLAIN), decoding.open "/gzip",
      decoding.open("/deflate", "deflate"), decoding.open("/window", "gzip", WINDOW) }
    world.all_have(clients, '"n":300')
    for n = 301, 340 do
      world.publish(n)
      world.all_have(clients, ('"n":%d'):format(n))
    end
    for n = 341, 400 do world.publish(n) end
    world.news:close()
    for _, client in ipairs(clients) do
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
      assert.is_true(client.text == clients[1].text)
    end
    assert.is_truthy(clients[1].text:find('"n":1,.*"n":340,.*"n":400,'))
    assert.equal(3 * #clients[1].text, server:stats().compression.input_bytes)
  end)

  it("shares blocks that refer to what all of them got", function()
    local server = world.start({ history = 500 })
    local clients = { decoding.open("/plain", PLAIN), decoding.open "/a", decoding.open "/b" }
    for n = 1, 100 do
      world.publish(n)
      world.all_have(clients, ('"n":%d,'):format(n))
    end
    -- It has not received the events so far, so its next block refers to none of them.
    local late = decoding.open "/late"
    raw.pump(function() return world.news.followers == 4 end, "the late one")
    local before = server:stats()
    world.publish(101)
    world.all_have(clients, '"n":101,')
    late:till '"n":101,'
    local after = server:stats()
    local plain = (after.compression.input_bytes - before.compression.input_bytes) // 3
    local small = clients[2].wire
    world.publish(102)
    world.all_have(clients, '"n":102,')
    late:till '"n":102,'
    small = clients[2].wire - small
    assert.is_true(small * 2 < plain, ("%d of %d bytes"):format(small, plain))
    assert.equal(clients[2].wire, clients[3].wire)
    assert.is_true(clients[1].text == clients[2].text and clients[1].text == clients[3].text)
  end)

  it("gets its own events and comments in their places", function()
    world.start({ history = 500 }, { from = "oldest" })
    local names = { "plain", "gzip", "deflate", "window" }
    local clients = { decoding.open("/plain", PLAIN), decoding.open "/gzip",
      decoding.open("/deflate", "deflate"), decoding.open("/window", "gzip", WINDOW) }
    for n = 1, 120 do
      world.publish(n, "x")
      if n % 7 == 0 then
        for _, name in ipairs(names) do world.streams[name]:send { event = "own", data = n } end
      end
      if n % 3 == 0 then world.all_have(clients, ('"n":%d,'):format(n)) end
      if n % 30 == 0 then
        for _, name in ipairs(names) do world.streams[name]:comment "just so" end
      end
    end
    world.news:close()
    for _, client in ipairs(clients) do
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
      assert.is_true(client.text == clients[1].text)
    end
  end)

  it("gets one channel after the other, and one again, without mixing them up", function()
    world.start({ history = 500 })
    local clients = { decoding.open("/plain?to=nothing", PLAIN), decoding.open "/gzip?to=nothing" }
    for round = 1, 6 do
      local followed = round % 3 == 0 and world.other or world.news
      for _, stream in pairs(world.streams) do stream:follow(followed, { from = "oldest" }) end
      for n = 1, 30 do
        local data = '{"round":%d,"n":%d,"text":"again and again"}'
        followed:publish { data = data:format(round, n) }
        if n % 2 == 0 then world.all_have(clients, ('"round":%d,"n":%d,'):format(round, n)) end
      end
      for _, stream in pairs(world.streams) do assert.is_true(stream:unfollow(followed)) end
    end
    for _, stream in pairs(world.streams) do stream:close() end
    for _, client in ipairs(clients) do
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
    end
    assert.is_true(clients[1].text == clients[2].text)
  end)

  it("follows several channels, and only what it wants of one", function()
    world.start({ history = 500 }, { where = function(ev) return not ev.data:find '"n":%d*3,' end })
    local clients = {
      decoding.open("/plain?to=both", PLAIN), decoding.open "/gzip?to=both", -- with composite ids
      decoding.open("/some", PLAIN), decoding.open "/less",
    }
    for n = 1, 60 do
      world.publish(n)
      world.other:publish { data = { other = n } }
      if n % 3 ~= 0 then world.all_have({ clients[1], clients[2] }, ('"other":%d}'):format(n)) end
    end
    world.publish '"last"'
    world.all_have(clients, '"n":"last"')
    world.news:close()
    world.other:close()
    for _, client in ipairs(clients) do
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
    end
    -- The events of the two channels come in any order.
    for _, client in ipairs { clients[1], clients[2] } do
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
    world.start({ history = 5 })
    for n = 1, 20 do world.publish(n) end
    local id = world.news.last_id:gsub("%d+$", "3")
    local fields = ("Last-Event-ID: %s\r\n"):format(id)
    local clients = { decoding.open("/plain", PLAIN, fields),
      decoding.open("/gzip", "gzip", fields) }
    world.all_have(clients, '"n":20,')
    assert.matches('event: sse%-gap\ndata: {.*"reason":"expired"}', clients[1].text)
    assert.equal(clients[1].text, clients[2].text)
  end)
end)
