-- examples/monitor.lua: its server and its client.
local examples = require "spec.support.examples"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

local CLOSED = sse.EventSource.CLOSED
local QUICK = { interval = 10, retry = 100 }

describe("example monitor", function()
  after_each(examples.stop)

  it("sends JSON dates and stops its timer when the client leaves", function()
    local monitor, url, log = examples.serve("monitor", QUICK)
    local source = monitor.client(url)
    assert.truthy(log.till("client date"):find "^client date %d+%-%d+%-%d+T%d+:%d+:%d+Z$")
    log.till "client date"
    assert.equal(1, monitor.timers)
    source:close()
    log.till "timer stopped: closed by the client"
    assert.equal(0, monitor.timers)
    assert.is_false(log.has "error")
  end)

  it("allows any origin, and names its event `data`", function()
    examples.serve("monitor", QUICK)
    local client = serving.connect()
    client:send "GET /events?count=1 HTTP/1.0\r\nHost: a\r\nOrigin: https://any.example\r\n\r\n"
    local head = client:head()
    assert.equal("*", head.headers["access-control-allow-origin"])
    assert.truthy(client:receive_all():find 'event: data\ndata: {"date":"[^"]+"}\n\n$')
  end)

  it("shows the server's end as an error, and the client closes", function()
    local monitor, url, log, server = examples.serve("monitor", QUICK)
    local source = monitor.client(url .. "?count=2")
    log.till "client error"
    assert.equal(CLOSED, source.readyState)
    assert.is_true(wait.stays_true(function()
      return server:stats().requests.received == 1
    end, 250))
  end)

  it("connects again where the client doesn't close", function()
    local monitor, url, log, server = examples.serve("monitor", QUICK)
    local source = monitor.client(url .. "?count=1", "stay")
    log.till "client error"
    log.till "client date"
    log.till "client error"
    assert.is_true(server:stats().requests.received >= 2)
    source:close()
  end)

  it("has an agreed closing event, after which there is no error", function()
    local monitor, url, log, server = examples.serve("monitor", QUICK)
    local source = monitor.client(url .. "?count=1&bye=1")
    log.till "client bye that was all"
    wait.till(function() return source.readyState == CLOSED end, "the close")
    assert.is_true(wait.stays_true(function()
      return server:stats().requests.received == 1
    end, 250))
    assert.is_false(log.has "error")
    assert.equal(0, monitor.timers)
  end)
end)
