-- sse.workers over a store: what `make chaos-workers` does for a minute, in short.
local blocks = require "spec.support.blocks"
local child = require "spec.support.child"
local net = require "spec.support.net"
local newsroom = require "spec.support.newsroom"
local ports = require "spec.support.ports"
local sse = require "sse"
local temporary = require "spec.support.temporary"
local wait = require "spec.support.wait"

describe("workers on one file", function()
  after_each(newsroom.stop)

  it("have one order, and lose nothing when one is killed or all are replaced", function()
    local got = newsroom.run {
      seconds = 3, rate = net.stress and 50 or 400, steady = 4, restless = 4, kills = 2,
      reloads = 2,
    }
    assert.same({}, got.faults)
    assert.is_true(got.resumes > 0)
  end)

  it("are what the how-to shows", function()
    local code, port = nil, ports.free()
    for _, block in ipairs(blocks.of_page("docs/howto/two-processes.md", "lua")) do
      if block.code:find "sse%.workers" then code = block.code end
    end
    code = code:gsub("9522", port):gsub("/var/lib/app", temporary.folder())
    local program = child.script(code)
    local url = ("http://127.0.0.1:%d/news"):format(port)
    local source <close> = sse.EventSource(url, {
      reconnect = "resilient", retryInterval = 100, maxRetryInterval = 100,
    })
    local got
    source.onmessage = function(ev) got = ev.data end
    wait.till(function() return source.readyState == source.OPEN end, "the workers")
    assert.equal(204, assert(sse.fetch(url, { method = "POST", body = "It rains" })).status)
    wait.till(function() return got == "It rains" end, "the event")
    program:kill "TERM"
    assert.equal(0, program:wait())
  end)
end)
