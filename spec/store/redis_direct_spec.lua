-- Publishes of tasks into sse.redis that must wait for the server, or fail.
local databases = require "spec.support.databases"
local redis = require "spec.support.redis"
local redis_stores = require "spec.support.redis_stores"
local sse = require "sse"
local stores = require "spec.support.stores"
local wait = require "spec.support.wait"
local window = require "sse.store.window"

local PAGE = " [docs/errors.md#estore]"

describe("A publish in a task, with Redis,", function()
  after_each(function()
    redis_stores.stop()
    redis.stop()
  end)

  local function publish_in_task(one, data)
    return sse.spawn(function() return table.pack(one:publish(data)) end):wait()
  end

  local function waiting(store, count)
    wait.till(function() return store:stats().waiting == count end, "what waits")
  end

  it("waits while the server is away, up to a number", function()
    local server = redis.start()
    local store = redis_stores.open_used(server.url, { queue = 2 })
    local one, got = databases.channel(store), {}
    server:kill "KILL"
    for i = 1, 2 do
      sse.spawn(function() got[i] = one:publish(tostring(i)) end)
    end
    waiting(store, 2)
    assert.same({ n = 3, nil, "redis: 2 events wait for the server already", "EFULL" },
      publish_in_task(one, "3"))
    assert.equal(1, store:stats().failures)
    server:again()
    wait.till(function() return got[1] and got[2] end, "the ids")
    assert.equal("1 2", stores.text(stores.read(window.of(one).log, 0).records))
    assert.same({ 2, 1 }, { one:stats().events.published, one:stats().publishes.refused })
  end)

  it("fails once the server is known to be away, and later ones at once", function()
    local server = redis.start()
    local store = redis_stores.open_used(server.url)
    local one = databases.channel(store)
    server:kill "KILL"
    local got = {}
    for i = 1, 3 do
      sse.spawn(function() got[i] = table.pack(one:publish "x") end)
    end
    wait.till(function() return #got == 3 end, "the failures")
    for _, each in ipairs(got) do
      assert.equal("ESTORE", each[3])
      assert.equal(PAGE, each[2]:sub(-#PAGE))
      assert.is_nil(each[2]:sub(1, -#PAGE - 1):find(PAGE, 1, true))
    end
    assert.equal("ESTORE", publish_in_task(one, "y")[3])
    assert.equal(4, store:stats().failures)
    waiting(store, 0)
  end)

  it("shares runs with others, and has a result of its own", function()
    local store = redis_stores.open_used(redis.shared().url, { prefix = redis.prefix() })
    local one, got, held = databases.channel(store), {}, 0
    local before = store:stats().runs
    for i = 1, 1000 do
      sse.spawn(function()
        local id, _, code = one:publish { data = tostring(i), id = i % 10 == 0 and "own" or nil }
        if code == "EEXIST" then held = held + 1 else got[#got + 1] = id end
      end)
    end
    wait.till(function() return #got + held == 1000 end, "the results")
    assert.equal(99, held)
    local expected = {}
    for i = 1, 1000 do
      if i == 10 or i % 10 ~= 0 then expected[#expected + 1] = i end
    end
    local records = {}
    while #records < #expected do
      local page = stores.read(window.of(one).log, #records).records
      assert.truthy(page[1])
      table.move(page, 1, #page, #records + 1, records)
    end
    assert.equal(table.concat(expected, " "), stores.text(records))
    assert.truthy(store:stats().runs - before <= 1000 / 32)
  end)
end)
