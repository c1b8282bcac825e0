-- sse.workers over a store: what `make chaos-workers` does for a minute, in short.
local blocks = require "spec.support.blocks"
local child = require "spec.support.child"
local curl = require "spec.support.curl"
local net = require "spec.support.net"
local newsroom = require "spec.support.newsroom"
local ports = require "spec.support.ports"
local sse = require "sse"
local temporary = require "spec.support.temporary"

describe("workers on one file", function()
  after_each(function()
    curl.stop()
    newsroom.stop()
  end)

  it("have one order, and lose nothing when one is killed or all are replaced", function()
    local got = newsroom.run { -- in the stress run each event costs every reader a collection
      seconds = 3, rate = net.stress and 10 or 200, kills = 2, reloads = 2,
      steady = net.stress and 2 or 4, restless = net.stress and 1 or 4,
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
    local client = curl.start("--retry 20 --retry-delay 1 --retry-connrefused " .. url)
    client:till "^id: [^\n]+\n\n" -- only now the client has its place
    assert.equal(204, assert(sse.fetch(url, { method = "POST", body = "It rains" })).status)
    client:till "\ndata: It rains\n\n"
    program:kill "TERM"
    assert.equal(0, program:wait())
  end)
end)
