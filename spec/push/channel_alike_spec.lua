-- Streams of several channels that stand alike share what they are sent.
local following = require "spec.support.following"

-- Channels a, b and c; GET /?of=ab follows those two.
local function serve()
  local channels = {}
  for _, name in ipairs { "a", "b", "c" } do channels[name] = following.channel() end
  following.handle(function(req, res)
    local list = {}
    for name in req.query.of:gmatch "%w" do list[#list + 1] = channels[name] end
    res:event_stream():follow(table.unpack(list))
  end)
  return channels
end

local function open(id, of) return following.open(id, { target = "/?of=" .. of }) end

local function publish(channels, name, n) assert(channels[name]:publish(name .. n)) end

-- Reads until there are that many events; returns the data of all, sorted: channels have no order
-- among each other.
local function upto(client, count)
  client:till(function() return #client.events >= count end, count .. " events")
  local words = {}
  for word in client:text():gmatch "%S+" do words[#words + 1] = word end
  table.sort(words)
  return table.concat(words, " ")
end

describe("channel alike", function()
  after_each(following.stop)

  it("gives streams that stand alike the same ids, and others their own", function()
    local channels = serve()
    local clients = { open(nil, "abc"), open(nil, "abc"), open(nil, "bc"), open(nil, "cab") }
    following.followers(channels.c, 4)
    for n = 1, 3 do
      for name in ("bca"):gmatch "%w" do publish(channels, name, n) end
      for i, client in ipairs(clients) do upto(client, (i == 3 and 2 or 3) * n) end
    end
    local last = {}
    for i, client in ipairs(clients) do last[i] = client:last_id() end
    assert.equal(last[1], last[2])
    assert.equal(3, select(2, last[1]:gsub(":", "")))
    assert.equal(2, select(2, last[3]:gsub(":", "")))
    for _, client in ipairs(clients) do client:close() end
    following.followers(channels.c, 0)
    for name in ("abc"):gmatch "%w" do publish(channels, name, 4) end
    for i, names in ipairs { "abc", "abc", "bc", "cab" } do
      local back = open(last[i], names)
      assert.equal(i == 3 and "b4 c4" or "a4 b4 c4", upto(back, #names))
    end
  end)
end)
