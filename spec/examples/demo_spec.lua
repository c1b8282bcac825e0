-- The program of make demo, in a process of its own.
local child = require "spec.support.child"
local exposition = require "spec.support.exposition"
local sse = require "sse"

local MAIN = "examples/demo/main.lua"
local QUICK = "-e 'require [[examples.demo.live]].interval = 50' " -- ms between two samples

local function demo(environment, prepare)
  local program = child.start((prepare or "") .. MAIN, environment)
  return program, program:till "http://127%.0%.0%.1:%d+/"
end

-- The first item of an iterator, which is then closed.
local function first(next_item, state, control, closing)
  local _left <close> = closing
  return next_item(state, control)
end

describe("demo", function()
  after_each(child.stop)

  it("serves its page and each example, and ends by SIGTERM with status 0", function()
    local program, base = demo "DEMO_PORT=0"
    local res = assert(sse.fetch(base))
    assert.equal(200, res.status)
    assert.equal("text/html; charset=utf-8", res.headers["content-type"])
    assert.truthy(res:text():find("demo.js", 1, true))
    for _, file in ipairs { "demo.js", "demo.css", "clock/", "page/", "resume/" } do
      assert.equal(200, assert(sse.fetch(base .. file)).status)
    end
    for _, path in ipairs { "clock/stream", "notice/notices", "typewriter/api/sse",
      "monitor/events", "page/sse?content=x" } do
      assert.truthy(first(sse.EventSource(base .. path):events()), path)
    end
    local post = { method = "POST", body = { prompt = "x" } }
    assert.equal("You ", first(assert(sse.fetch(base .. "fetch_post/chat", post)):chunks()))
    program:kill "TERM"
    assert.equal(0, program:wait())
  end)

  -- The first sample of live/stats that fits.
  local function numbers(base, fits)
    for ev in sse.EventSource(base .. "live/stats"):events() do
      local told = ev:json()
      if fits(told) then return told end
    end
  end

  local function post(url)
    local res = assert(sse.fetch(url, { method = "POST" }))
    return res.status, res:text()
  end

  it("has a live page whose load is real, and whose numbers tell it", function()
    local program, base = demo("DEMO_PORT=0", QUICK)
    for _, file in ipairs { "live", "live.css", "live.js" } do
      assert.equal(200, assert(sse.fetch(base .. file)).status)
    end
    local status, text = post(base .. "live/followers?count=20")
    assert.equal(200, status)
    assert.same({ followers = 20, rate = 0 }, sse.json.decode(text))
    numbers(base, function(told) return told.followers == 20 end)
    assert.equal(200, (post(base .. "live/burst?count=50")))
    local told = numbers(base, function(told) return told.received > 0 end)
    assert.is_true(told.delivered >= told.received)
    assert.is_true(told.p50 > 0 and told.p50 <= told.p99)
    assert.is_true(told.bytes > told.delivered * 100)
    assert.equal("load", told.channels[1].name)
    assert.equal(200, (post(base .. "live/rate?count=100")))
    told = numbers(base, function(now) return now.channels[1].published > 60 end)
    assert.equal(100, told.rate)
    assert.equal(200, (post(base .. "live/followers?count=5")))
    numbers(base, function(now) return now.followers == 5 end)
    program:kill "TERM"
    assert.equal(0, program:wait())
    assert.truthy(program:output():find "bye\n$")
  end)

  it("has a small load for a page that finds none, and says so until another is asked for",
    function()
      local _, base = demo("DEMO_PORT=0", QUICK)
      local told = numbers(base, function(now) return now.followers == 20 and now.published > 0 end)
      assert.same({ followers = 20, rate = 10 }, told.small)
      assert.equal(20, told.asked)
      assert.equal(200, (post(base .. "live/rate?count=1")))
      told = numbers(base, function(now) return now.rate == 1 end)
      assert.is_nil(told.small)
    end)

  it("refuses a load that makes no sense, and shows its metrics", function()
    local _, base = demo "DEMO_PORT=0"
    for _, path in ipairs { "followers?count=2001", "followers?count=-1", "rate?count=x", "rate",
      "burst?count=0", "burst?count=1.5" } do
      local status, text = post(base .. "live/" .. path)
      assert.equal(400, status)
      assert.truthy(text:find "^count must be from %d+ to %d+\n$")
    end
    local got = exposition.read(assert(sse.fetch(base .. "metrics")):text())
    assert.equal(0, got["sse_channel_followers{channel=load}"])
    assert.is_true(got.sse_streams_open >= 2)
  end)

  it("prints what its own EventSource gets, without colours into a file", function()
    local program = demo "DEMO_PORT=0"
    program:till "clock%s+open"
    program:till "clock%s+message%s+%d+:%d+:%d+  id %d+\n"
    program:till "notice%s+notice%s+Maintenance tonight%.\n%s+From"
    program:kill "INT"
    assert.equal(0, program:wait())
    assert.truthy(program:output():find "bye\n$")
    assert.falsy(program:output():find "\27")
  end)

  it("ends by itself after DEMO_SECONDS", function()
    local program = demo "DEMO_PORT=0 DEMO_SECONDS=0.5"
    assert.equal(0, program:wait())
    assert.truthy(program:output():find "bye\n$")
  end)

  it("says in one line that its port is in use, and how to choose another", function()
    local _, base = demo "DEMO_PORT=0"
    local port = base:match ":(%d+)"
    local second = child.start(MAIN, "DEMO_PORT=" .. port)
    assert.equal(1, second:wait())
    local line = "^demo: port " .. port .. " is in use; choose another: DEMO_PORT=%d+ make demo\n$"
    assert.truthy(second:output():find(line))
  end)

  it("refuses numbers that make no sense", function()
    for _, setting in ipairs { "DEMO_PORT=x", "DEMO_PORT=70000", "DEMO_SECONDS=-1" } do
      local program = child.start(MAIN, setting)
      assert.equal(1, program:wait())
      assert.equal(("demo: %s makes no sense\n"):format(setting), program:output())
    end
  end)
end)
