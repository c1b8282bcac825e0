-- channel:count() and a Redis server that sends anything. SSE_FUZZ_SEED is the first seed,
-- SSE_FUZZ_RUNS the number of servers.
local choices = require "spec.support.choices"
local fake_redis = require "spec.support.fake_redis"
local net = require "spec.support.net"
local redis_stores = require "spec.support.redis_stores"
local wait = require "spec.support.wait"

local encode, greet, pick = fake_redis.encode, fake_redis.greet, choices.pick

local first_seed = tonumber(os.getenv "SSE_FUZZ_SEED") or 1
local runs = tonumber(os.getenv "SSE_FUZZ_RUNS") or net.stress and 20 or 100

local AT_ONCE = 25

local BOUNDS = { history = 100, history_bytes = 1 << 20 }
local A, B, C = ("a"):rep(16), ("b"):rep(16), ("c"):rep(16)

describe("channel:count() and a hostile Redis server:", function()
  local server, store, log
  local servers = {}

  local function close()
    redis_stores.close()
    for _, one in ipairs(servers) do one:close() end
    servers = {}
  end

  after_each(close)

  -- A server that says this to who tells a number, and to who asks who is alive; after the first
  -- subscription it sends messages.
  local function start(tell, beat, messages)
    server = fake_redis.start(function(words)
      local command = words[1]
      if command == "SUBSCRIBE" or command == "UNSUBSCRIBE" then
        local parts = {}
        for i = 2, #words do parts[i - 1] = encode { command:lower(), words[i], 1 } end
        for _, text in ipairs(command == "SUBSCRIBE" and messages or {}) do
          parts[#parts + 1] = encode { "message", words[2], text }
        end
        return table.concat(parts)
      end
      if command ~= "EVALSHA" then return greet(words) end
      return words[3] == "1" and tell(words) or words[3] == "2" and beat(words)
        or encode { "abc", 1, 0, 0, "", {} }
    end)
    servers[#servers + 1] = server
    store = redis_stores.open(server.url, { timeout = 500, connect_timeout = 500,
      check_interval = 40 })
    log = store:open("a", BOUNDS)
  end

  local function say(value) return function() return encode(value) end end

  -- The number that is heard where the server has these numbers, and sends these messages.
  local function heard(fields, messages)
    local got
    start(say(fields), say { "", "1", { A, B } }, messages)
    log:others(function(count) got = count end)
    wait.till(function() return got end, "the number")
    log:announce(1) -- behind whose reply all was heard
    wait.till(function() return store:stats().commands > 4 end, "more commands")
    assert.equal(0, store:stats().losses)
    local sum = got
    close()
    wait.till(function() return got == 0 end, "the number of a store that is closed")
    return sum
  end

  it("takes numbers for what they are, and nothing else", function()
    local right = { A, "2 1", B, "3 9", C, "100 1" }
    assert.equal(5, heard(right))
    for _, fields in ipairs { { A, "-5 1" }, { A, "5" }, { A, "5 " }, { A, "99999999999 1" },
      { A, ("9"):rep(400) .. " 1" }, { A, "0x10 1" }, { A, "1.5 1" }, { A, "inf 1" }, { A, 7 },
      { 7, A }, { A }, { A, false }, { A, { "7 1" } }, { "A", "7 1" }, { A .. "a", "7 1" },
      { "g" .. A:sub(2), "7 1" }, { "", "" }, {} } do
      assert.equal(0, heard(fields), tostring(fields[2]))
    end
    assert.equal(0x7fffffff * 2, heard { A, "2147483647 1", B, "2147483647 1" })
  end)

  it("takes announcements for what they are", function()
    local right = { A, "2 1" }
    assert.equal(2, heard(right, { A, A .. " ", A .. " -1", A .. " 1.5", A .. " 99999999999", " 1",
      A .. " 1\n", A .. " 1 ", "A 1", "\0", "", ("x"):rep(100000), C .. " 1", B .. " 0" }))
  end)

  it("leaves a server whose replies have another form", function()
    local alive = say { "1", "1", { A } }
    for _, value in ipairs { "x", 5, false } do
      start(say(value), alive)
      log:others(function() end)
      wait.till(function() return store:stats().losses > 0 end, "the loss")
      close()
    end
    for _, value in ipairs { "x", 5, false, {}, { "" }, { 1, "1", {} }, { "", 1, {} },
      { "", "1", "x" }, { false, "1", {} }, { "", "1", 1 } } do
      start(say {}, say(value))
      log:announce(1)
      wait.till(function() return store:stats().losses > 0 end, "the loss")
      close()
    end
  end)

  it("goes on where it is refused what it asks", function()
    local refusals = 0
    local function refuse()
      refusals = refusals + 1
      return "-OOM no memory\r\n"
    end
    start(refuse, refuse)
    log:others(function() end)
    log:announce(1)
    wait.till(function() return refusals > 3 end, "refusals")
    local position
    log:append({ event = "data: x\n\n" }, function(...) position = select("#", ...) end)
    wait.till(function() return position end, "a result")
  end)

  -- Changes bytes at random.
  local pieces = { "*-1\r\n", "$-1\r\n", "+OK\r\n", "-ERR x\r\n", "-NOSCRIPT\r\n", "-READONLY\r\n",
    "-ASK 1 a:1\r\n", ":9223372036854775807\r\n", ":-1\r\n", "*0\r\n", "\0", "*1\r\n", "\r\n",
    A, B, encode { A, "2 1" }, encode { "1", "2", { A, C } } }

  local function mutate(rnd, bytes)
    for _ = 1, rnd(3) do
      local at, kind = rnd(#bytes + 1), rnd(4)
      local head, tail = bytes:sub(1, at - 1), bytes:sub(at)
      if kind == 1 then bytes = head .. string.char(rnd(256) - 1) .. tail:sub(2)
      elseif kind == 2 then bytes = head .. pick(rnd, pieces) .. tail
      elseif kind == 3 then bytes = head .. tail:sub(rnd(#tail + 1))
      else bytes = head .. tostring(rnd(100) - 10) .. tail:sub(2) end
    end
    return bytes
  end

  -- Starts the server of a seed; returns a function that says whether it has replied enough.
  local function begin(seed)
    local rnd, replies = choices.generator(seed), 0
    local function reply_with(list)
      return function()
        replies = replies + 1
        local right = encode(pick(rnd, list))
        return rnd(2) == 1 and mutate(rnd, right) or right
      end
    end
    local messages = {}
    for i = 1, rnd(6) do
      local right = pick(rnd, { A, B, C }) .. " " .. rnd(9)
      messages[i] = rnd(2) == 1 and mutate(rnd, right) or right
    end
    start(reply_with { { A, "2 1", B, "3 4" }, { C, "0 1" }, {} },
      reply_with { { "1", "1", { A, B } }, { "", "2", { C } }, { "", "2" } }, messages)
    local its = log
    its:others(function(count) assert(math.type(count) == "integer" and count >= 0, count) end)
    return function()
      its:announce(rnd(3) - 1)
      return replies > 8
    end
  end

  -- Most of the time, what a server has said is followed by a pause: many at a time.
  local function run(from, to)
    local waiting = {}
    for seed = from, to do waiting[seed] = begin(seed) end
    wait.till(function()
      for seed, is_over in pairs(waiting) do
        if is_over() then waiting[seed] = nil end
      end
      return next(waiting) == nil
    end, ("replies, seeds %d to %d"):format(from, to))
    close()
  end

  it(("survives %d servers from seed %d"):format(runs, first_seed), function()
    local last = first_seed + runs - 1
    for seed = first_seed, last, AT_ONCE do run(seed, math.min(last, seed + AT_ONCE - 1)) end
  end)
end)
