-- The waits between attempts (CONFORMANCE lines 20 and 33) and Retry-After. No clock, no network.
local backoff = require "sse.client.backoff"
local reconnection = require "sse.client.reconnection"
local retry_after = reconnection.retry_after

local function new(more)
  local o = { base = 1000, min = 100, max = 30000, random = function() return 1 end }
  for name, value in pairs(more or {}) do o[name] = value end
  return backoff.new(o)
end

local function waits(b, n, lived)
  local list = {}
  for i = 1, n do list[i] = b:next(lived) end
  return list
end

describe("backoff", function()
  it("line 33: begins with the reconnection time and doubles up to the maximum", function()
    assert.same({ 1000, 2000, 4000, 8000, 16000, 30000, 30000 }, waits(new(), 7))
  end)

  it("line 33: jitter takes off up to a half, never below the reconnection time", function()
    assert.same({ 1000, 1000, 2000, 4000, 8000, 15000 },
      waits(new { random = function() return 0 end }, 6))
    for _, wait in ipairs(waits(new { random = math.random }, 100)) do
      assert.is_true(wait >= 1000 and wait <= 30000)
    end
  end)

  it("line 33: never overflows", function()
    local b = new()
    for _ = 1, 5000 do b:next() end
    assert.equal(30000, (b:next()))
    b = new { max = 1e300 }
    for _ = 1, 5000 do b:next() end
    assert.equal(1000 * 2.0 ^ 64, (b:next()))
  end)

  it("line 33: starts anew only after a connection as long as the last wait", function()
    local b = new()
    assert.equal(1000, (b:next()))
    assert.equal(2000, (b:next(999)))
    assert.equal(4000, (b:next(1999)))
    assert.equal(1000, (b:next(4000)))
    assert.equal(1000, (b:next(1000)))
    assert.equal(2000, (b:next(0)))
  end)

  it("counts the failures in a row", function()
    local b = new()
    local counts = {}
    for i, lived in ipairs { 0, 0, 5000, 0 } do counts[i] = select(2, b:next(lived)) end
    assert.same({ 1, 2, 1, 2 }, counts)
  end)

  it("line 20: keeps a server's retry within the bounds", function()
    for given, expected in pairs { [0] = 100, [99] = 100, [5000] = 5000, [60000] = 30000,
      [math.maxinteger] = 30000 } do
      local b = new()
      b:set_base(given)
      assert.equal(expected, (b:next()))
    end
  end)

  it("bounds that are not given make room for the interval", function()
    assert.equal(60000, (reconnection.backoff { retryInterval = 60000 }:next()))
    assert.equal(5, (reconnection.backoff { retryInterval = 5 }:next()))
    assert.equal(1, (reconnection.backoff { retryInterval = 0 }:next()))
    assert.equal(50, (reconnection.backoff { maxRetryInterval = 50 }:next()))
    assert.equal(2000, (reconnection.backoff { minRetryInterval = 2000 }:next()))
    assert.equal(1000, (reconnection.backoff {}:next()))
  end)
end)

describe("Retry-After", function()
  it("is seconds or a date", function()
    local now = 784111777 -- Sun, 06 Nov 1994 08:49:37 GMT
    assert.equal(120000, retry_after("120", now))
    assert.equal(0, retry_after("0", now))
    assert.equal(0, retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now))
    assert.equal(3600000, retry_after("Sun, 06 Nov 1994 09:49:37 GMT", now))
    assert.equal(0, retry_after("Sat, 05 Nov 1994 08:49:37 GMT", now))
    assert.equal((951782400 - now) * 1000, retry_after("Tue, 29 Feb 2000 00:00:00 GMT", now))
    for _, wrong in ipairs { "", "-1", "1.5", "soon", "Sun, 06 Nox 1994 08:49:37 GMT",
      "Sunday, 06-Nov-94 08:49:37 GMT" } do
      assert.is_nil(retry_after(wrong, now))
    end
  end)

  it("does not overflow", function()
    assert.equal(2.0 ^ 31 * 1000, retry_after("1" .. ("0"):rep(30), 0)) -- a timer's longest
  end)
end)
