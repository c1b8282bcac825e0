-- Finalizers that turn the loop. Outside of the loop they may, within any call that makes an
-- object.
local collector = require "spec.support.collector"
local core = require "sse.core"
local net = require "spec.support.net"
local raw = require "spec.support.raw"
local sse = require "sse"

-- Calls fn(...) while a finalizer closes the client and waits until the server has seen it. fn
-- makes nothing before its own object, so that the collector runs at that point.
local function leaving(client, server, fn, ...)
  local left = false
  local metatable = { __gc = function()
    client.socket:setoption("linger", { on = true, timeout = 0 })
    client.socket:close()
    raw.pump(function() return net.stats(server).connections.open == 0 end, "the client to leave")
    core.turn()
    left = true
  end }
  local results = table.pack()
  local restore = collector.make_eager()
  setmetatable({}, metatable)
  collectgarbage("restart")
  results[1], results[2], results[3] = fn(...)
  assert.is_true(left)
  restore()
  return results[1], results[2], results[3]
end

describe("a finalizer that turns the loop", function()
  after_each(net.stop)

  it("finds the client gone whose stream is being opened", function()
    local exchange
    local server = net.start(function(x) exchange = x end)
    local client = net.connect(net.head "GET /")
    raw.pump(function() return exchange end, "the request")
    local stream, gone = leaving(client, server, exchange.event_stream, exchange,
      { headers = { "X-A", "1" } })
    assert.is_true(gone)
    assert.is_true(stream.closed)
    assert.equal(0, net.stats(server).streams.open)
  end)

  it("finds the client gone whose stream begins to follow", function()
    local stream
    local server = net.start(function(x) stream = x:event_stream() end)
    local client = net.connect(net.head "GET /")
    raw.pump(function() return stream end, "the request")
    local channel = sse.channel("finalizer", {})
    local ok, _, code = leaving(client, server, core.follow, stream, nil, nil, print, 0, channel)
    assert.is_nil(ok)
    assert.equal("ECLOSED", code)
    assert.equal(0, channel.followers)
    channel:close()
  end)
end)
