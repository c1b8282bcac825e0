-- channel:events of a channel whose log a store keeps.
local collecting = require "spec.support.collecting"
local core = require "sse.core"
local following = require "spec.support.following"
local net = require "spec.support.net"
local stores = require "spec.support.stores"

local collect, publish = collecting.collect, collecting.publish
local till, till_over = collecting.till, collecting.till_over

-- More events than a window holds.
local MANY = net.stress and 1600 or 3000

stores.each("channel:events", { describe = describe, after_each = after_each }, function(made)
  after_each(following.stop)

  it("begins where `from` says, at the call", function()
    local news = following.channel { store = made.store() }
    publish(news, 1, 3)
    local lists = {
      collect(news), collect(news, { from = "newest" }), collect(news, { from = "oldest" }),
      collect(news, { from = 2 }), collect(news, { from = 0 }), collect(news, { from = 99 }),
    }
    publish(news, 4, 4)
    local expected = { "4", "4", "1 2 3 4", "2 3 4", "4", "1 2 3 4" }
    for i, list in ipairs(lists) do
      assert.equal(expected[i], till(list, #expected[i] // 2 + 1))
    end
    news:close()
    for _, list in ipairs(lists) do till_over(list) end
  end)

  it("reads what is older than the window, with ids, types and metas", function()
    local news = following.channel { store = made.store(), history = 5000 }
    for i = 1, MANY do
      news:publish { event = "tick", data = i, meta = { odd = i % 2 == 1 },
        id = i == 7 and "own" or nil }
    end
    local n, ids = 0, {}
    for ev in news:events { from = "oldest", where = function(ev) return ev.meta.odd end } do
      assert.same({ "tick", ("%d"):format(n * 2 + 1) }, { ev.type, ev.data })
      n = n + 1
      ids[n] = ev.lastEventId
      if ev.data == MANY - 1 .. "" then break end
    end
    assert.same({ MANY // 2, "own" }, { n, ids[4] })
    assert.equal(following.id(news.last_id, 1), ids[1])
    assert.equal(following.id(news.last_id, MANY - 1), ids[MANY // 2])
  end)

  it("goes on while the window passes by", function()
    local news = following.channel { store = made.store(), history = 1 << 30 }
    local n = 0
    local list = collect(news, nil, function() n = n + 1 end)
    core.defer(function() end)
    for i = 1, MANY do
      news:publish { data = i }
    end
    till(list, MANY)
    assert.equal(MANY, n)
    news:close()
    till_over(list)
  end)
end, true)
