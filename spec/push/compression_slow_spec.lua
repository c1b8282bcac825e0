--- Compressed followers that are too slow: blocks in pieces, gaps, and how they end.
local core = require "sse.core"
local decoding = require "spec.support.decoding"
local raw = require "spec.support.raw"
local world = require "spec.support.world"

local PLAIN = "identity"
local WINDOW = "X-Compress: window\r\n"

describe("a slow compressed follower", function()
  after_each(world.finish)

  local function noise(n)
    local bytes = {}
    for i = 1, n do bytes[i] = string.char(math.random(32, 126)) end
    return table.concat(bytes)
  end

  -- Publishes until the client, which reads nothing, is behind; returns the number of events.
  -- `reader` reads meanwhile, if given.
  local function flood(name, text, reader)
    local n = 0
    repeat
      n = n + 1
      world.news:publish { data = n .. " " .. text }
      core.turn()
      if reader then reader:till(("\ndata: %d "):format(n)) end
    until world.streams[name].pending > 0 or n > 2000
    return n
  end

  for _, mode in ipairs { "", WINDOW } do
    it("takes pieces as it can, and gets all in order " .. mode, function()
      math.randomseed(7)
      world.start_narrow({ history = 5000, history_bytes = 2 ^ 28 })
      local client = decoding.open("/a", "gzip", mode, true)
      local text = noise(30000)
      local n = flood("a", text)
      for more = 1, 20 do world.news:publish { data = n + more .. " " .. text } end
      world.news:close()
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
      local seen = 0
      for number in client.text:gmatch("data: (%d+) ") do
        seen = seen + 1
        assert.equal(tostring(seen), number)
      end
      assert.equal(n + 20, seen)
    end)

    it("is ended cleanly " .. mode, function()
      math.randomseed(8)
      world.start_narrow({ history = 3 })
      local client = decoding.open("/a", "gzip", mode, true)
      local text = noise(30000)
      flood("a", text)
      for _ = 1, 10 do world.news:publish { data = text } end
      raw.pump(function() return world.reasons.a end, "the slow one's end")
      assert.equal("slow", world.reasons.a)
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
      assert.matches("\n\nretry: %d+\n\n$", client.text:sub(-100))
    end)

    it("skips, is told so, and goes on " .. mode, function()
      math.randomseed(9)
      world.start_narrow({ history = 3, slow = "skip" })
      local client = decoding.open("/a", "gzip", mode, true)
      local text = noise(30000)
      flood("a", text)
      for n = 1, 10 do world.news:publish { data = ("late %d %s"):format(n, text) } end
      client:till '"reason":"slow"'
      client:till "data: late 10"
      for n = 1, 50 do
        world.publish(n)
        client:till(('"n":%d,'):format(n))
      end
      world.news:close()
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
    end)
  end

  -- One follower has an event that the other never gets. Their compression windows differ, though
  -- both get the same event next.
  it("shares no block with one that was spared a superseded event", function()
    math.randomseed(10)
    world.start_narrow({ history = 5000, history_bytes = 2 ^ 28, slow = "latest" })
    local reader, slow = decoding.open "/reader", decoding.open("/slow", "gzip", "", true)
    for round = 1, 5 do -- it may not be slow enough in each round
      flood("slow", noise(1500) .. ", and of use to everybody", reader)
      world.news:publish { key = "k", data = "to the reader alone, and soon of no use to anybody" }
      reader:till "to the reader alone"
      slow:take() -- its socket has room again, which the loop sees in the next turn
      local data = ("round %d, to both of them, and of use to everybody"):format(round)
      world.news:publish { key = "k", data = data }
      world.all_have({ reader, slow }, "\ndata: " .. data .. "\n\n")
    end
    world.news:close()
    for _, client in ipairs { reader, slow } do
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
    end
  end)

  it("gets only the newest event of each key, like a plain one", function()
    world.start({ history = 1000, slow = "latest" })
    local clients = { decoding.open("/plain", PLAIN), decoding.open "/gzip" }
    for n = 1, 200 do
      for key = 1, 3 do
        local data = '{"n":%d,"key":%d,"text":"superseded before long"}'
        world.news:publish { key = key, data = data:format(n, key) }
      end
      if n % 5 == 0 then world.all_have(clients, ('"n":%d,"key":3'):format(n)) end
    end
    world.news:close()
    for _, client in ipairs(clients) do
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
    end
    assert.is_true(clients[1].text == clients[2].text)
  end)
end)
