-- sse.redis and a cluster's nodes or Sentinels that say anything: nothing crashes, hangs or runs
-- hot, and whoever has asked gets a result. SSE_FUZZ_SEED is the first seed, SSE_FUZZ_RUNS the
-- number of clusters.
local choices = require "spec.support.choices"
local fake_redis = require "spec.support.fake_redis"
local net = require "spec.support.net"
local redis_stores = require "spec.support.redis_stores"
local stores = require "spec.support.stores"
local wait = require "spec.support.wait"

local encode, pick = fake_redis.encode, choices.pick

local first_seed = tonumber(os.getenv "SSE_FUZZ_SEED") or 1
local runs = tonumber(os.getenv "SSE_FUZZ_RUNS") or net.stress and 10 or 40

local BOUNDS = { history = 100, history_bytes = 1 << 20 }
local EVENT = "data: x\n\n"

local function port_of(server) return math.tointeger(server.url:match ":(%d+)$") end

local function address_of(server) return server.url:match "//(.*)" end

-- What a right node of a cluster says to the commands that begin a connection.
local function greet(words, ranges)
  if words[1] == "CLUSTER" then
    return words[2] == "SLOTS" and encode(ranges()) or encode "cluster_state:ok\r\n"
  elseif words[1] == "COMMAND" then
    return encode { { "spublish", 3 } }
  elseif words[1] == "SSUBSCRIBE" or words[1] == "SUNSUBSCRIBE" then
    return encode { words[1]:lower(), words[2], 1 }
  end
  return fake_redis.greet(words)
end

describe("sse.redis and strange servers:", function()
  local fakes = {}

  after_each(function()
    redis_stores.close()
    for _, fake in ipairs(fakes) do fake:close() end
    fakes = {}
  end)

  local function all_slots() return { { 0, 16383, { "127.0.0.1", port_of(fakes[1]) } } } end

  local function start(on_command)
    local fake = fake_redis.start(on_command)
    table.insert(fakes, fake)
    return fake
  end

  -- A node that has all slots, and says this to scripts.
  local function start_node(on_script)
    return start(function(words, conn) return greet(words, all_slots) or on_script(words, conn) end)
  end

  local function open(given)
    given = given or {}
    given.cluster, given.timeout = { address_of(fakes[1]) }, given.timeout or 500
    return redis_stores.open(given)
  end

  it("a node that sends away to itself", function()
    local count = 0
    start_node(function()
      count = count + 1
      return ("-MOVED 5 127.0.0.1:%d\r\n"):format(port_of(fakes[1]))
    end)
    local _, message, code = stores.append(open():open("a", BOUNDS), "x")
    assert.equal("ESTORE", code)
    assert.truthy(message:find "^redis: MOVED 5 ", message)
    assert.truthy(count < 100, count)
  end)

  it("two nodes that send away to each other", function()
    local count = 0
    for i = 1, 2 do
      start_node(function()
        count = count + 1
        return ("-%s 5 127.0.0.1:%d\r\n"):format(count % 3 == 0 and "ASK" or "MOVED",
          port_of(fakes[3 - i]))
      end)
    end
    local _, message, code = stores.append(open():open("a", BOUNDS), "x")
    assert.equal("ESTORE", code)
    assert.truthy(message:find "^redis: ", message) -- or it is not known: a node had not answered
    assert.truthy(count < 100, count)
  end)

  it("a slot that is on its way for ever", function()
    start_node(function() return "-TRYAGAIN some keys\r\n" end)
    local log = open():open("a", BOUNDS)
    local _, message = stores.append(log, "x")
    assert.equal("redis: TRYAGAIN some keys [docs/errors.md#estore]", message)
  end)

  it("errors that are no redirections", function()
    for _, err in ipairs { "MOVED", "MOVED 5", "MOVED 5 a:b", "ASK 5 a:0", "MOVED 5 a:999999" } do
      start_node(function() return "-" .. err .. "\r\n" end)
      local _, message = stores.append(open():open("a", BOUNDS), "x")
      assert.truthy(message:find("redis: " .. err, 1, true), message)
      redis_stores.close()
      table.remove(fakes):close()
    end
  end)

  it("slots of another form", function()
    local slots
    start(function(words) return greet(words, function() return slots end) end)
    for _, wrong in ipairs { 5, "x", { 1 }, { { 0, 1 } }, { { 0, 1, {} } }, { { 0, 9, 9 } } } do
      slots = wrong
      local _, message = stores.append(open():open("a", BOUNDS), "x")
      assert.truthy(message:find "a result of another form than expected", message)
      redis_stores.close()
    end
    slots = {}
    local _, message = stores.append(open():open("a", BOUNDS), "x")
    assert.truthy(message:find "no node of the cluster has the slot", message)
  end)

  it("subscriptions that are ended and refused", function()
    local asked, refused = 0, false
    start(function(words)
      if words[1] == "SSUBSCRIBE" then
        asked = asked + 1
        if asked == 2 then
          refused = true
          return ("-MOVED 5 127.0.0.1:%d\r\n"):format(port_of(fakes[1]))
        end
        local ended = encode { "sunsubscribe", words[2], 0 }
        return greet(words) .. (asked == 1 and ended .. ended or "")
      end
      return greet(words, all_slots) or encode { "abc", 1, 0, 0, "", {} }
    end)
    local store = open()
    local log = store:open("a", BOUNDS)
    stores.watch(log)
    wait.till(function() return asked >= 3 end, "another subscription")
    assert.is_true(refused)
    assert.equal("abc", stores.read(log, 0).epoch)
    assert.equal(1, store:stats().connects)
  end)

  it("Sentinels that send anything", function()
    local replies = { "-ERR no\r\n", encode "x", encode { "a" }, encode { "a", "b" },
      encode { "a", "0" }, encode { "", "5" }, encode { 5, 5 }, "*-1\r\n", encode {} }
    local reply
    local sentinel = start(function(words)
      if words[1] == "SENTINEL" then return reply end
      return fake_redis.greet(words) .. encode { "message", "+switch-master", "m 1 2 3" }
        .. encode { "message", "+switch-master", 5 } .. encode "x" .. "-ERR x\r\n"
        .. encode { "message", "+switch-master", "m a 1 b 99999" }
    end)
    for _, one in ipairs(replies) do
      reply = one
      local store = redis_stores.open { sentinels = { address_of(sentinel) }, master = "m",
        timeout = 100, connect_timeout = 100 }
      local _, message = stores.append(store:open("a", BOUNDS), "x")
      assert.truthy(message:find "^redis: no Sentinel names the master 'm' %(", message)
      redis_stores.close()
    end
    local node = start(function(words)
      if words[1] == "ROLE" then return encode { "master", 0, {} } end
      return fake_redis.greet(words) or encode { "abc", { 1 } }
    end)
    reply = encode { "127.0.0.1", tostring(port_of(node)) }
    local store = redis_stores.open { sentinels = { address_of(sentinel) }, master = "m" }
    assert.equal(1, (stores.append(store:open("a", BOUNDS), "x")))
  end)

  -- Two nodes, each of which says what it likes.
  local function run(seed)
    local rnd = choices.generator(seed)
    local function address() return "127.0.0.1:" .. port_of(pick(rnd, fakes)) end
    local function ranges()
      if rnd(8) == 1 then return pick(rnd, { 5, {}, { { 0, 16383, { false, 0 } } } }) end
      local cut = rnd(16382)
      return { { 0, cut, { "127.0.0.1", port_of(fakes[rnd(2)]) } },
        { cut + 1, 16383, { "127.0.0.1", port_of(fakes[rnd(2)]) } } }
    end
    local function strange(words, conn)
      conn.ends = rnd(30) == 1
      return pick(rnd, { "-MOVED 5 " .. address() .. "\r\n", "-ASK 5 " .. address() .. "\r\n",
        "-TRYAGAIN\r\n", "-CLUSTERDOWN down\r\n", "-NOSCRIPT\r\n", "-READONLY\r\n", "-ERR x\r\n",
        "-MOVED\r\n", encode { "sunsubscribe", words[2] or "x", 0 } })
    end
    for _ = 1, 2 do
      start(function(words, conn)
        local right = greet(words, ranges)
        if right and words[1]:find "SUBSCRIBE" then
          return rnd(3) == 1 and strange(words, conn)
            or right .. (rnd(3) == 1 and strange(words, conn) or "")
        elseif right then
          return rnd(25) == 1 and strange(words, conn) or right
        elseif words[1] == "ASKING" then
          return "+OK\r\n"
        elseif rnd(2) == 1 then
          return strange(words, conn)
        end
        return #words > 20 and encode { "abc", { 1 } } or encode { "abc", 1, 0, 0, "", {} }
      end)
    end
    local store = open { check_interval = 10, timeout = 100, connect_timeout = 100 }
    local results = 0
    for i = 1, 4 do
      local log = store:open("c" .. i, BOUNDS)
      if rnd(2) == 1 then log:watch(function() end) end
      log:append({ event = EVENT }, function() results = results + 1 end)
      log:read(0, 10, function() results = results + 1 end)
    end
    wait.till(function() return store:stats().waiting == 0 end, "the results, seed " .. seed)
    store:close()
    wait.till(function() return results == 8 end, "all results, seed " .. seed)
    redis_stores.close()
    for _, fake in ipairs(fakes) do fake:close() end
    fakes = {}
  end

  it(("%d clusters from seed %d"):format(runs, first_seed), function()
    for seed = first_seed, first_seed + runs - 1 do run(seed) end
  end)
end)
