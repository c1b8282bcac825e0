-- sse.redis and a server that sends anything: nothing crashes or hangs, and whoever has asked gets
-- a result. SSE_FUZZ_SEED is the first seed, SSE_FUZZ_RUNS the number of servers.
local announcement = require "sse.redis.announcement"
local choices = require "spec.support.choices"
local core = require "sse.core"
local fake_redis = require "spec.support.fake_redis"
local net = require "spec.support.net"
local redis_stores = require "spec.support.redis_stores"
local stores = require "spec.support.stores"
local wait = require "spec.support.wait"

local encode, greet = fake_redis.encode, fake_redis.greet
local pick = choices.pick

local first_seed = tonumber(os.getenv "SSE_FUZZ_SEED") or 1
local runs = tonumber(os.getenv "SSE_FUZZ_RUNS") or net.stress and 20 or 100

local BOUNDS = { history = 100, history_bytes = 1 << 20 }
local EVENT = "data: x\n\n"

local APPENDED = encode { "abc", 1 }
local RECORD = "w:1:1 9 -1 -1 -1 -1\n" .. EVENT
local HELD = encode { "abc", { { 1, RECORD } } }
local LOOKED = encode { "abc", 1, 0, 0, "", {} }
local READ = encode { "abc", 1, 2, 0, "w:1:1", { { 1, 5, RECORD },
  { 2, 6, "w:1:2 9 3 -1 -1 -1\n" .. EVENT .. "own" } } }
local NEWS = "abc 1 5\n" .. RECORD

describe("sse.redis and a hostile server:", function()
  local server, store

  after_each(function()
    redis_stores.close()
    if server then server:close() end
    server = nil
  end)

  local function start(on_script, options)
    server = fake_redis.start(function(words, conn)
      return greet(words) or on_script(words, conn)
    end)
    options = options or {}
    options.timeout, options.connect_timeout = options.timeout or 1000, 1000
    store = redis_stores.open(server.url, options)
    return store:open("a", BOUNDS)
  end

  -- What an append says where the server sends these bytes.
  local function append(bytes, options)
    local log = start(function() return bytes end, options)
    return stores.append(log, "x")
  end

  local function lost(bytes, why, options)
    local log = start(function() return bytes end, options)
    local told = redis_stores.states_of(store)
    log:append({ event = EVENT }, function() end)
    wait.till(function() return told[2] end, "the loss")
    assert.truthy(told[2]:find(why, 1, true), told[2])
    server:close()
    server = nil
    redis_stores.close()
  end

  it("takes what is right", function()
    assert.same({ 1, "abc" }, { append(APPENDED) })
  end)

  it("leaves a server whose replies have another form", function()
    local form = "another form than expected"
    for _, value in ipairs { "x", 5, false, {}, { "abc" }, { "abc", 0 }, { 1, { 1 } },
      { "abc", "x" }, { "abc", {} }, { "abc", { 0 } }, { "abc", { -1 } }, { "abc", { "x" } },
      { "abc", { {} } }, { "abc", { { 1 } } }, { "abc", { { 1, 2 } } }, { false, { 1 } },
      { "abc", { "AGAIN" } } } do
      lost(encode(value), form)
    end
    lost("?\r\n", "Protocol error")
    lost("*2147483647\r\n", "too many elements")
    lost("*65537\r\n", "too many elements")
    lost(("*1\r\n"):rep(12), "too many elements")
    lost("*65536\r\n" .. ("*100\r\n" .. (":1\r\n"):rep(100)):rep(20000), "too many elements",
      { timeout = 60000 })
    lost(APPENDED .. APPENDED, "nobody has asked for")
    lost("-READONLY no writes here\r\n", "READONLY no writes here")
    lost("$99999999\r\nx", "no answer within 50 ms", { timeout = 50 })
  end)

  it("knows errors as Redis 6.2 gives them", function()
    local place = "@user_script: 172: -"
    local raised = "ERR Error running script (call to f_01ab): @user_script:12: "
    lost(("-%s%sREADONLY no\r\n"):format(raised, place), "down READONLY no")
    lost(("*2\r\n$3\r\nabc\r\n*1\r\n-%sREADONLY no\r\n"):format(place), "down READONLY no")
    lost(("*3\r\n$3\r\nabc\r\n*1\r\n:1\r\n%s"):format(encode(place .. "NOPERM no")),
      "down NOPERM no")
    assert.truthy(select(2, append(("-%sWRONGTYPE no\r\n"):format(raised)))
      :find "^redis: WRONGTYPE no ")
    server:close()
    assert.truthy(select(2, append(("*2\r\n$3\r\nabc\r\n*1\r\n-%sOOM no\r\n"):format(place)))
      :find "^redis: OOM no ")
  end)

  it("marks what is sent again after a reply of another form, or to a server that fails", function()
    local marks = {}
    local log = start(function(words)
      if #words <= 20 then return LOOKED end
      marks[#marks + 1] = words[7 + 12]
      return #marks == 1 and encode "x" or "-MISCONF no\r\n"
    end)
    local _, message = stores.append(log, "x")
    assert.same({ "", "1" }, marks)
    assert.equal("redis: MISCONF no; the connection was lost before, and whether the event was "
      .. "added is not known [docs/errors.md#estore]", message)
  end)

  it("asks again whether the log is the same where the server could not say", function()
    local asked = {}
    local log = start(function(words, conn)
      local kind = #words > 20 and "append" or "read"
      asked[#asked + 1] = kind
      conn.ends = #asked == 1
      if kind == "append" then return APPENDED end
      return #asked == 2 and "-BUSY no\r\n" or LOOKED
    end)
    assert.equal(1, (stores.append(log, "1")))
    redis_stores.connected(store, 2)
    for i = 2, 4 do assert.equal(1, (stores.append(log, i))) end
    assert.same({ "append", "read", "append", "read", "append", "append" }, asked)
  end)

  it("gives errors to who has asked", function()
    local page = " [docs/errors.md#estore]"
    assert.same({ nil, "redis: ERR \xff" .. page, "ESTORE" }, { append "-ERR \xff\r\n" })
    server:close()
    assert.same({ nil, "redis: NOSCRIPT" .. page, "ESTORE" }, { append "-NOSCRIPT\r\n" })
    server:close()
    assert.same({ nil, "redis: OOM" .. page, "ESTORE" },
      { append "*2\r\n$3\r\nabc\r\n*1\r\n-OOM\r\n" })
  end)

  it("waits for a reply that comes slowly, for longer than the timeout", function()
    local left = READ
    local log = start(function(_, conn)
      server.drip = core.every(100, function()
        conn.to_send, left = conn.to_send .. left:sub(1, 5), left:sub(6)
      end)
    end)
    local read = stores.read(log, 0)
    server.drip:stop()
    assert.equal(2, read.head)
    assert.same({ 1, 0 }, { store:stats().connects, store:stats().losses })
  end)

  describe("comes back after ever longer pauses to a server that", function()
    -- The pause after the fifth time that the connections were of no use is 800 ms at least.
    local function check(why, on_command)
      server = fake_redis.start(function(words) return on_command(words) or greet(words) end)
      store = redis_stores.open(server.url, { timeout = 10000 })
      local log, count, last, pause = store:open("a", BOUNDS), 0, nil, nil
      store.on_state = function(state, reason)
        if state ~= "down" or count == 5 then return end
        count, last, pause = count + 1, reason, log.state.pair.pause_ends - core.now()
      end
      log:watch(function() end)
      log:read(0, 10, function() end)
      wait.till(function() return count == 5 end, "the losses")
      assert.truthy(last:find(why, 1, true), last)
      assert.truthy(pause > 700, pause)
      store:close()
    end

    it("replies wrongly", function()
      check("another form than expected", function(words)
        return words[1] == "EVALSHA" and encode "x"
      end)
    end)

    it("lets nobody subscribe", function()
      check("NOPERM no", function(words) return words[1] == "SUBSCRIBE" and "-NOPERM no\r\n" end)
    end)
  end)

  it("bounds a reply", function()
    lost("$100000000\r\n" .. ("x"):rep(68 << 20), "a reply of more than 64 MiB",
      { timeout = 60000 })
  end)

  it("takes nothing for an announcement that is none", function()
    local epoch, list = announcement(NEWS)
    assert.same({ "abc", { { 1, "w:1:1", { position = 1, time = 5, event = EVENT } } } },
      { epoch, list })
    epoch, list = announcement("abc 7 5\nw:1:1\n" .. RECORD)
    assert.same({ "abc", { { 7, "w:1:1" },
      { 8, "w:1:1", { position = 8, time = 5, event = EVENT } } } }, { epoch, list })
    for _, text in ipairs { "", "\n", "abc", "abc\n", "ABC 1 5\n", ("a"):rep(17) .. " 1 5\n",
      "abc 0 5\n", "abc 1 5", "abc 1 5\nx", "abc 1 5\nx y\n", "abc 99999999999999999999 5\n",
      "abc 9223372036854775807 5\nw:1:1\n", "abc 1 5\nw:1:1 9 -1 -1 -1\n" .. EVENT,
      "abc 1 5\nw:1:1 10 -1 -1 -1 -1\n" .. EVENT, "abc 1 5\nw:1:1 9 1 -1 -1 -1\n" .. EVENT,
      "abc 1 5\nw:1:1 9 -2 -1 -1 -1\n" .. EVENT .. "x",
      "abc 1 5\nw 9 99999999999 -1 -1 -1\n" .. EVENT } do
      local known = announcement(text)
      assert.is_nil(known, text)
    end
  end)

  -- Changes bytes at random.
  local pieces = { "*-1\r\n", "$-1\r\n", "*2147483647\r\n", "$536870912\r\n", "+OK\r\n",
    "-ERR x\r\n", "-NOSCRIPT\r\n", "-READONLY\r\n", ":9223372036854775807\r\n", ":-1\r\n", "*0\r\n",
    "%1\r\n", ">3\r\n", "\0", "$3\r\nabc\r\n", "*1\r\n", "_\r\n", "#t\r\n", ",1.5\r\n", "\r\n",
    APPENDED, HELD, LOOKED, READ }

  local function mutate(rnd, bytes)
    for _ = 1, rnd(4) do
      local at, kind = rnd(#bytes + 1), rnd(5)
      local head, tail = bytes:sub(1, at - 1), bytes:sub(at)
      if kind == 1 then bytes = head .. string.char(rnd(256) - 1) .. tail:sub(2)
      elseif kind == 2 then bytes = head .. pick(rnd, pieces) .. tail
      elseif kind == 3 then bytes = head
      elseif kind == 4 then bytes = head .. tail:sub(rnd(#tail + 1))
      else bytes = head .. tostring(rnd(100) - 10) .. tail:sub(2) end
    end
    return bytes
  end

  local function message(rnd, topic)
    return mutate(rnd, encode { "message", topic, rnd(2) == 1 and mutate(rnd, NEWS) or NEWS })
  end

  -- A server that answers rightly at first and then not, on both connections.
  local function run(seed)
    local rnd = choices.generator(seed)
    local rights = rnd(3) - 1
    local function spoil(bytes, conn)
      conn.ends = rnd(2) == 1
      return mutate(rnd, bytes)
    end
    server = fake_redis.start(function(words, conn)
      local right = greet(words)
      if words[1] == "SUBSCRIBE" then
        local news = {}
        for i = 1, rnd(4) - 1 do news[i] = message(rnd, words[2]) end
        return right .. table.concat(news)
      elseif right then
        return rnd(20) == 1 and spoil(right, conn) or right
      end
      right = #words > 20 and pick(rnd, { APPENDED, HELD }) or pick(rnd, { LOOKED, READ })
      rights = rights - 1
      return rights >= 0 and right or spoil(right, conn)
    end)
    store = redis_stores.open(server.url, { timeout = 40, connect_timeout = 40,
      check_interval = 10 })
    local log, results, asked = store:open("a", BOUNDS), 0, 4
    log.state.pair.refusals = -math.huge -- no longer pauses
    local function done() results = results + 1 end
    if rnd(2) == 1 then log:watch(function() end) end
    for _ = 1, 2 do
      log:append({ event = EVENT, id = rnd(2) == 1 and "own" or nil }, done)
      log:read(rnd(2) == 1 and 0 or "own", 10, done)
    end
    local reads_fail_at_close = false
    wait.till(function()
      if results >= asked then return true end
      if not reads_fail_at_close and store:stats().waiting == 0 then
        reads_fail_at_close = true
        store:close() -- reads wait for a better server
      end
      return results >= asked
    end, ("the results, seed %d"):format(seed))
    redis_stores.close()
    server:close()
    server = nil
  end

  it(("survives %d servers from seed %d"):format(runs, first_seed), function()
    for seed = first_seed, first_seed + runs - 1 do run(seed) end
  end)
end)
