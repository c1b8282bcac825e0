-- sse.redis over several servers that know nothing of each other.
local misuse = require "spec.support.misuse"
local redis = require "spec.support.redis"
local redis_stores = require "spec.support.redis_stores"
local sse = require "sse"
local stores = require "spec.support.stores"
local wait = require "spec.support.wait"

local BOUNDS = { history = 100, history_bytes = 1 << 20 }

describe("sse.redis over several servers", function()
  after_each(function()
    redis_stores.stop()
    redis.stop()
  end)

  it("raises on misuse", function()
    local blames = misuse.blames
    blames("server 2: expected a URL, got number 5", function() sse.redis { "redis://a", 5 } end)
    blames("expected a URL", function() sse.redis { "redis://a", "b" } end)
    blames("servers 1 and 3 are the same, 'redis://a:1'", function()
      sse.redis { "redis://u:x@a:1", "redis://b", "redis://:y@a:1" }
    end)
    blames("the list of URLs is empty", function() sse.redis({}, {}) end)
    blames("option 'port' does not go with several URLs", function()
      sse.redis { "redis://a", "redis://b", port = 1 }
    end)
    blames("option 'cluster' does not go with several URLs", function()
      sse.redis({ "redis://a", "redis://b" }, { cluster = { "a" } })
    end)
    blames("option 'queue' belongs to the other options, in the second table", function()
      sse.redis({ "redis://a", "redis://b", queue = 1 }, {})
    end)
    blames("unknown option 'que'", function()
      sse.redis({ "redis://a", "redis://b" }, { que = 1 })
    end)
  end)

  -- The channels, of a hundred, that a store on these URLs has on the server.
  local function names_on(server, prefix)
    local names = {}
    for key in server:cli(("--raw KEYS '%s{*}'"):format(prefix)):gmatch "{([^}]*)}\n" do
      names[key] = true
    end
    return names
  end

  local function fill(urls, prefix)
    urls.prefix = prefix
    local store, left = redis_stores.open(urls), 100
    for i = 1, 100 do
      store:open("c" .. i, BOUNDS):append({ event = "data: x\n\n" }, function(position)
        assert(position)
        left = left - 1
      end)
    end
    wait.till(function() return left == 0 end, "the appends")
    assert.equal(100, store:stats().appends)
    return store
  end

  local function count(set)
    local n = 0
    for _ in pairs(set) do n = n + 1 end
    return n
  end

  it("spreads channels, in the same way whatever the order of the list", function()
    local a, b, c = redis.start(), redis.start(), redis.start()
    local prefix = redis.prefix()
    fill({ a.url, b.url, c.url }, prefix)
    local of_a, of_b, of_c = names_on(a, prefix), names_on(b, prefix), names_on(c, prefix)
    assert.equal(100, count(of_a) + count(of_b) + count(of_c))
    for _, set in ipairs { of_a, of_b, of_c } do assert.truthy(count(set) > 10) end
    fill({ c.url, a.url, b.url }, prefix)
    assert.same({ of_a, of_b, of_c }, { names_on(a, prefix), names_on(b, prefix),
      names_on(c, prefix) })
  end)

  it("moves only the channels of a server that is taken off the list", function()
    local a, b, c = redis.start(), redis.start(), redis.start()
    local prefix, other = redis.prefix(), redis.prefix()
    fill({ a.url, b.url, c.url }, prefix)
    fill({ a.url, b.url }, other)
    local before, after = names_on(a, prefix), names_on(a, other)
    for name in pairs(before) do assert.is_true(after[name]) end
    assert.truthy(count(after) > count(before))
  end)

  it("takes a channel that has moved for a new log, which followers are told by a gap", function()
    local a, b = redis.start(), redis.start()
    local prefix = redis.prefix()
    local before = fill({ a.url }, prefix)
    local after = fill({ a.url, b.url }, prefix)
    local moved, stayed = next(names_on(b, prefix)), nil
    local of_b = names_on(b, prefix)
    for i = 1, 100 do stayed = of_b["c" .. i] and stayed or "c" .. i end
    local function look(store, name) return stores.read(store:open(name, BOUNDS), 0) end
    assert.equal(look(before, stayed).epoch, look(after, stayed).epoch)
    assert.equal(2, look(after, stayed).head)
    assert.are_not.equal(look(before, moved).epoch, look(after, moved).epoch)
    assert.equal(1, look(after, moved).head)
  end)

  it("goes on with the channels of the others while one server is down", function()
    local a, b = redis.start(), redis.start()
    local prefix = redis.prefix()
    local store = fill({ a.url, b.url }, prefix)
    local told = {}
    store.on_state = function(state, why, server)
      told[#told + 1] = ("%s %s %s"):format(state, why or "-", server == a.url and "a" or "b")
    end
    local on_a, on_b = next(names_on(a, prefix)), next(names_on(b, prefix))
    a:kill "KILL"
    wait.till(function() return told[1] end, "the loss")
    assert.truthy(told[1]:find "^down .* a$", told[1])
    local log_a, log_b = store:open(on_a, BOUNDS), store:open(on_b, BOUNDS)
    assert.equal("ESTORE", select(3, stores.append(log_a, "y")))
    assert.equal(2, (stores.append(log_b, "y")))
    a:again()
    wait.till(function() return told[2] end, "the server to be back")
    assert.equal("up - a", told[2])
    assert.equal(1, (stores.append(log_a, "y"))) -- it kept nothing on disk
    assert.equal(3, store:stats().connects)
  end)

  it("closes once what was published has its result", function()
    local store, got = redis_stores.open { redis.shared(1).url, redis.shared(2).url,
      prefix = redis.prefix() }, 0
    local log
    for i = 1, 20 do
      log = store:open("closing" .. i, BOUNDS)
      log:append({ event = stores.event(i) }, function(position) got = got + assert(position) end)
    end
    store:close()
    assert.equal("ECLOSED", select(3, stores.append(log, "late")))
    wait.till(function() return got == 20 end, "the results")
    wait.till(function() return next(store:stats()) == nil end, "the end")
  end)
end)
