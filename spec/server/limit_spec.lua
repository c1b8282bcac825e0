-- server:limit: requests a second, and event streams at a time, by client.
local limit = require "sse.server.limit"
local misuse = require "spec.support.misuse"
local raw = require "spec.support.raw"
local rates = require "sse.server.rates"
local serving = require "spec.support.serving"
local sse = require "sse"

local SLOW = 0.0001 -- requests a second: none comes back within a test
local STREAM = { Accept = "text/event-stream" }

local function statuses(n, ...)
  local list = {}
  for i = 1, n do list[i] = serving.ask(...).status end
  return list
end

describe("rates", function()
  it("let a burst through, then as many as the rate says", function()
    local r = rates.new(10, 3)
    for _ = 1, 3 do assert.is_nil(r:take("a", 1000)) end
    assert.equal(100, r:take("a", 1000))
    assert.equal(40, r:take("a", 1060))
    assert.is_nil(r:take("a", 1100))
    assert.equal(100, r:take("a", 1100))
    assert.is_nil(r:take("b", 1100))
    for _ = 1, 3 do assert.is_nil(r:take("a", 5000)) end
    assert.equal(100, r:take("a", 5000))
  end)

  it("hold over a long time what they promise", function()
    local r, passed = rates.new(7, 4), 0
    for now = 0, 100000 do
      if not r:take("a", now) then passed = passed + 1 end
    end
    assert.equal(4 + 700, passed)
  end)

  it("forget who was quiet, and remember who was not", function()
    local r = rates.new(1, 2) -- a bucket is full after 2 s
    r:take("quiet", 0)
    for now = 0, 10000, 500 do r:take("busy", now) end
    assert.equal(1, r:keys())
    assert.truthy(r:take("busy", 10000))
    for i = 1, 100 do r:take(i, 20000) end
    assert.equal(101 - 1, r:keys())
    r:take("x", 90000)
    assert.equal(1, r:keys())
  end)

  it("hold no more keys than they may: the others share one", function()
    local r = rates.new(1, 1, 3)
    for i = 1, 3 do assert.is_nil(r:take(i, 0)) end
    assert.is_nil(r:take("d", 0))
    assert.equal(1000, r:take("e", 0))
    assert.equal(1000, r:take(1, 0))
    for i = 1, 1000 do r:take("many" .. i, 0) end
    assert.equal(4, r:keys())
  end)

  it("hold no more in a long time, though keys of the time before go on", function()
    local r, seen = rates.new(1, 1, 3), {}
    for period = 0, 5 do
      for i = 1, 3 do
        seen[#seen + 1] = period .. "." .. i
        r:take(seen[#seen], period * 1000)
      end
      for _, key in ipairs(seen) do r:take(key, period * 1000 + 999) end
      assert.is_true(r:keys() <= 4, r:keys())
    end
  end)
end)

describe("an address", function()
  it("counts by its network", function()
    for address, network in pairs {
      ["127.0.0.1"] = "127.0.0.1", ["2001:db8:1:2:3:4:5:6"] = "2001:db8:1:2",
      ["2001:db8::1"] = "2001:db8:0:0", ["::1"] = "0:0:0:0", ["::"] = "0:0:0:0",
      ["2001:db8:1:2::"] = "2001:db8:1:2", ["1:2:3::4:5:6:7"] = "1:2:3:0",
      ["1::3:4:5:6:7:8"] = "1:0:3:4", ["::2:3:4:5:6:7:8"] = "0:2:3:4",
    } do
      assert.equal(network, limit.network_of(address), address)
    end
  end)
end)

serving.each("server:limit", function()
  after_each(serving.stop)

  local function start(given, prefix)
    return serving.start(function(server)
      if prefix then server:limit(prefix, given) else server:limit(given) end
      server:get("/", function(_, res) res:reply(200, "hello") end)
      server:get("/stream", function(_, res)
        local stream = res:event_stream()
        stream:send "hello"
        stream:follow(sse.channel "limited") -- else the collector may end it
      end)
    end)
  end

  it("answers what is too many with 429 and Retry-After", function()
    local server = start { rate = SLOW, burst = 2 }
    assert.same({ 200, 200, 429, 429 }, statuses(4, "GET /"))
    local got = serving.ask "POST /nowhere"
    assert.equal(429, got.status)
    assert.equal("no-store", got.headers["cache-control"])
    assert.truthy(tonumber(got.headers["retry-after"]) > 9000)
    assert.same({ rate = 3, streams = 0 }, { rate = server:stats().limits.refused.rate,
      streams = server:stats().limits.refused.streams })
    assert.equal(1, server:stats().limits.keys)
    assert.truthy(server:metrics():find('sse_limits_refused_total{reason="rate"} 3', 1, true))
  end)

  it("sends an EventSource away politely", function()
    start { rate = SLOW, burst = 1 }
    assert.equal(404, serving.ask("GET /nowhere", STREAM).status)
    local got = serving.ask("GET /stream", STREAM)
    assert.equal(200, got.status)
    assert.equal("text/event-stream", got.headers["content-type"])
    assert.truthy(tonumber(got.body:match "^retry: (%d+)\n\n$") >= 9999000)
    assert.equal(429, serving.ask("POST /stream", STREAM, "x").status)
  end)

  it("counts by a key of the program's, and not what has none", function()
    start { rate = SLOW, burst = 1, key = function(req)
      sse.sleep(1)
      return req.query.who
    end }
    assert.same({ 200, 429 }, statuses(2, "GET /?who=ann"))
    assert.same({ 200, 429 }, statuses(2, "GET /?who=bob"))
    assert.same({ 200, 200, 200 }, statuses(3, "GET /"))
    local long = ("x"):rep(300) -- and all of it counts, as of a token
    assert.same({ 200, 429 }, statuses(2, "GET /?who=" .. long))
    assert.same({ 200, 429 }, statuses(2, "GET /?who=" .. long .. "y"))
  end)

  it("is for a prefix, and several are for all they apply to", function()
    local server = start({ rate = SLOW, burst = 1 }, "/stream")
    server:limit { rate = SLOW, burst = 4 }
    assert.same({ 200, 200 }, statuses(2, "GET /"))
    assert.equal(200, serving.ask("HEAD /stream").status)
    assert.equal(429, serving.ask("HEAD /stream").status) -- which the other limit does not count
    assert.same({ 200, 429 }, statuses(2, "GET /"))
  end)

  it("of streams ends those that are too many, until others end", function()
    local server = start { streams = 2 }
    local one, two = serving.listen("/stream", STREAM), serving.listen "/stream"
    one:till "hello"
    two:till "hello"
    local three = serving.ask "GET /stream"
    assert.equal(200, three.status)
    local retry = tonumber(three.body:match "^retry: (%d+)\n\n$")
    assert.truthy(retry and retry >= 1000 and retry <= 10000, three.body)
    assert.equal(1, server:stats().limits.refused.streams)
    assert.equal(200, serving.ask("GET /").status)
    for _, stream in ipairs(server:streams()) do stream:close() end
    two:rest()
    raw.pump(function() return server:stats().streams.open == 0 end, "the ends")
    serving.listen("/stream"):till "hello"
    assert.equal(1, server:stats().limits.refused.streams)
    assert.same({}, serving.errors)
  end)

  it("of streams gives a closed stream, which handlers use as any other", function()
    local channel, told = sse.channel "limited", {}
    serving.start(function(server)
      server:limit { streams = 1, key = function(req) return req.query.who end }
      server:get("/", function(_, res)
        local stream <close> = res:event_stream { retry = 5, compress = false }
        told[#told + 1] = tostring(stream.closed) .. " " .. tostring((stream:follow(channel)))
        stream.on_close = function(reason) told[#told + 1] = reason end
        stream:sleep(60000)
      end)
    end)
    local one = serving.listen "/?who=ann"
    one:till "\n"
    assert.truthy(serving.ask("GET /?who=ann").body:find "^retry: 5\n\nretry: %d+\n\n$")
    raw.pump(function() return #told == 3 end, "on_close")
    assert.truthy(told[1]:find "^false sse.stream", told[1])
    assert.same({ "true nil", "server" }, { told[2], told[3] })
    serving.listen("/?who=bob"):till "\n"
  end)

  it("of streams does not count a HEAD, or a client that has left", function()
    local server = start { streams = 1 }
    for _ = 1, 3 do assert.equal(200, serving.ask("HEAD /stream").status) end
    for _ = 1, 3 do
      local client = serving.listen "/stream"
      client:till "hello"
      client:close()
      raw.pump(function() return server:stats().streams.open == 0 end, "the end")
    end
    assert.equal(0, server:stats().limits.refused.streams)
  end)

  it("has nothing left of a server that was closed with its streams open", function()
    local server = start { streams = 1 }
    local client = serving.listen "/stream"
    client:till "hello"
    server:close()
    client:rest()
    serving.idle()
    assert(server:listen())
    serving.listen("/stream"):till "hello"
    assert.equal(0, server:stats().limits.refused.streams)
  end)
end)

describe("server:limit", function()
  after_each(serving.stop)

  it("with a key that raises is answered as any error before a handler", function()
    serving.start(function(server)
      server:limit { rate = 1, key = function() error "oops" end }
      server:get("/", function(_, res) res:reply(200) end)
    end)
    assert.equal(500, serving.ask("GET /").status)
    assert.equal("before", serving.errors[1].context.what)
  end)

  it("with a key that is NaN is so, too", function()
    local server = serving.start(function(server)
      server:limit { streams = 1, key = function() return 0 / 0 end }
      server:get("/", function(_, res) res:event_stream():close() end)
    end)
    assert.equal(500, serving.ask("GET /").status)
    assert.truthy(serving.errors[1].message:find("the function 'key' has returned NaN", 1, true))
    assert.equal(0, server:stats().streams.open)
  end)

  it("sees a flood of addresses as one: memory is bounded", function()
    local n = 0
    local server = serving.start(function(server)
      server:limit { rate = SLOW, burst = 1, key = function()
        n = n + 1
        return n
      end }
      server:get("/", function(_, res) res:reply(200) end)
    end)
    assert.same({ 200, 200, 200 }, statuses(3, "GET /"))
    assert.equal(3, server:stats().limits.keys)
  end)

  it("raises on misuse", function()
    local server = sse.server()
    local blames = misuse.blames
    blames("server:limit: expected 'rate' or 'streams'", function() server:limit {} end)
    blames("'burst' is for 'rate', which is missing",
      function() server:limit { burst = 1, streams = 1 } end)
    blames("option 'rate' must be a number above 0", function() server:limit { rate = 0 } end)
    blames("option 'rate' must be a number above 0", function() server:limit { rate = 0 / 0 } end)
    blames("option 'streams' must be a whole number", function() server:limit { streams = 0 } end)
    blames("did you mean 'burst'?", function() server:limit { rate = 1, max = 1 } end)
    blames("expected a table of options, got number 5", function() server:limit("/x", 5) end)
    blames("prefix '/:a'", function() server:limit("/:a", { rate = 1 }) end)
  end)
end)
