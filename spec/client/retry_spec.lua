-- The waits between attempts (CONFORMANCE lines 20 and 33) and Retry-After. No clock, no network.
local backoff = require "sse.client.backoff"
local retry = require "sse.client.retry"

local DAY = 86400000

local function new(more)
  local o = { base = 1000, min = 100, max = 30000, random = function() return 1 end }
  for name, value in pairs(more or {}) do o[name] = value end
  return backoff.new(o)
end

-- The wait after an attempt whose connection delivered an event or not, and lived so many ms.
local function wait_of(b, delivered, lived)
  return (b:next(b:has_failed(delivered, lived)))
end

local function waits(b, n)
  local list = {}
  for i = 1, n do list[i] = wait_of(b, false) end
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
    waits(b, 5000)
    assert.equal(30000, wait_of(b, false))
    b = new { max = 1e300 }
    waits(b, 5000)
    assert.equal(1000 * 2.0 ^ 64, wait_of(b, false))
  end)

  it("line 33: after a connection that delivered, the wait is the reconnection time", function()
    local b = new()
    for _ = 1, 5 do assert.equal(1000, wait_of(b, true, 0)) end
    assert.equal(0, b.failures)
    assert.same({ 1000, 2000, 4000 }, waits(b, 3))
    assert.equal(3, b.failures)
    assert.equal(1000, wait_of(b, true, 1))
    assert.equal(0, b.failures)
  end)

  it("line 33: without an event it has not failed if it lived as long as the last wait", function()
    local b = new()
    assert.equal(1000, wait_of(b, false, 999)) -- there was no wait: the reconnection time counts
    assert.equal(1, b.failures)
    assert.equal(2000, wait_of(b, false, 999))
    assert.equal(4000, wait_of(b, false, 1999))
    assert.equal(1000, wait_of(b, false, 4000))
    assert.equal(0, b.failures)
    assert.equal(1000, wait_of(b, false, 1000))
    assert.equal(1000, wait_of(b, false, 0))
    assert.equal(1, b.failures)
  end)

  it("line 20: keeps a server's retry within 100 ms and a day, whatever the maximum", function()
    for given, expected in pairs { [0] = 100, [99] = 100, [5000] = 5000, [60000] = 60000,
      [DAY] = DAY, [DAY + 1] = DAY, [math.maxinteger] = DAY } do
      local b = new()
      b:set_base(given)
      assert.same({ expected, math.max(expected, math.min(30000, 2 * expected)) }, waits(b, 2))
    end
  end)

  it("bounds that are not given make room for the interval", function()
    local function first(o) return wait_of(retry.backoff(o), false) end
    assert.equal(60000, first { retryInterval = 60000 })
    assert.equal(60000, first { retryInterval = 60000, maxRetryInterval = 50 })
    assert.equal(2 * DAY, first { retryInterval = 2 * DAY })
    assert.equal(5, first { retryInterval = 5 })
    assert.equal(1, first { retryInterval = 0 })
    assert.equal(50, first { maxRetryInterval = 50 })
    assert.equal(2000, first { minRetryInterval = 2000 })
    assert.equal(1000, first {})
  end)
end)

describe("Retry-After", function()
  it("is seconds or a date", function()
    local now = 784111777 -- Sun, 06 Nov 1994 08:49:37 GMT
    assert.equal(120000, retry.after("120", now))
    assert.equal(0, retry.after("0", now))
    assert.equal(0, retry.after("Sun, 06 Nov 1994 08:49:37 GMT", now))
    assert.equal(3600000, retry.after("Sun, 06 Nov 1994 09:49:37 GMT", now))
    assert.equal(0, retry.after("Sat, 05 Nov 1994 08:49:37 GMT", now))
    assert.equal((951782400 - now) * 1000, retry.after("Tue, 29 Feb 2000 00:00:00 GMT", now))
    for _, wrong in ipairs { "", "-1", "1.5", "soon", "Sun, 06 Nox 1994 08:49:37 GMT",
      "Sunday, 06-Nov-94 08:49:37 GMT" } do
      assert.is_nil(retry.after(wrong, now))
    end
  end)

  it("does not overflow", function()
    assert.equal(2.0 ^ 31 * 1000, retry.after("1" .. ("0"):rep(30), 0)) -- a timer's longest
  end)
end)
