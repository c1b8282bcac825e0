-- server:metrics as a text: how it is made in slices, and sent in pieces.
local core = require "sse.core"
local exposition = require "spec.support.exposition"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

describe("the metrics' text", function()
  local channels = {}

  after_each(function()
    serving.stop()
    for _, made in ipairs(channels) do made:close() end
    channels = {}
  end)

  local function make_channels(count)
    for i = 1, count do channels[i] = sse.channel("room " .. i) end
  end

  it("lets others go on while a task makes a long text", function()
    local server, turns, text = serving.start(), 0, nil
    make_channels(2000)
    local function count_turns()
      turns = turns + 1
      if not text then core.defer(count_turns) end
    end
    sse.run(function()
      core.defer(count_turns)
      text = server:metrics()
      sse.stop()
    end)
    assert.is_true(turns > 2)
    assert.equal(0, exposition.read(text)["sse_channel_followers{channel=room 2000}"])
  end)

  it("is written to a response in pieces", function()
    local result
    local server = serving.start({ max_pending = 65536 }, function(s)
      s:get("/metrics", function(_, res) result = { s:metrics { to = res } } end)
    end)
    make_channels(300)
    local response = serving.request "GET /metrics"
    assert.equal("text/plain; version=0.0.4; charset=utf-8", response.headers["content-type"])
    assert.is_true(#response.body > 500000)
    assert.equal(0, exposition.read(response.body)["sse_channel_followers{channel=room 300}"])
    assert.same({ true }, result)
    local client = serving.connect()
    client:send "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
    client:head()
    client:close()
    wait.till(function() return #result == 3 end, "the end")
    assert.same({ nil, "closed", "ECLOSED" }, result)
    assert.equal(0, server:stats().connections.open)
  end)

  it("refuses what it can't write to", function()
    local server, message = serving.start(), nil
    for _, wrong in ipairs { true, {}, "x", server } do
      local ok, why = pcall(server.metrics, server, { to = wrong })
      assert.is_false(ok)
      assert.matches("server:metrics: option 'to' must be a response, got ", why)
    end
    server:get("/", function(_, res)
      res:reply(200, "x")
      message = select(2, pcall(server.metrics, server, { to = res }))
    end)
    assert.equal("x", serving.request("GET /").body)
    assert.matches("the request was answered already", message)
  end)
end)
