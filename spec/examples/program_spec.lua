-- The examples as programs, in processes of their own.
local child = require "spec.support.child"
local curl = require "spec.support.curl"

local NAMES = {
  "channel", "clock", "fetch_post", "login", "monitor", "notice", "page", "typewriter",
}

describe("example program", function()
  after_each(function()
    curl.stop()
    child.stop()
  end)

  it("lets its clients go in peace by a signal", function()
    local served = child.start "examples/channel.lua 0"
    local client = curl.start(served:till "http://%S+/news")
    served:till "follows\t1"
    served:kill "TERM"
    assert.equal(0, served:wait())
    client:till "^retry: 1000\n\nid: %w+%-0\n\nretry: %d+\n\n$"
    assert.truthy(served:output():find("left\t0\tserver", 1, true))
  end)

  it("serves, is listened to by its client, and ends by a signal", function()
    local served = child.start "examples/clock.lua serve 0"
    local url = served:till "http://%S+/stream"
    local client = child.start("examples/clock.lua client " .. url)
    client:till "client\tdata\t%d%d:%d%d:%d%d\torigin\thttp://127%.0%.0%.1:%d+\tlastEventId\t%d+"
    client:kill "INT"
    assert.equal(0, client:wait())
    served:kill "TERM"
    assert.equal(0, served:wait())
    assert.falsy((served:output() .. client:output()):find "traceback")
  end)

  it("says in one line that its port is in use", function()
    local first = child.start "examples/page.lua 0"
    local port = first:till "http://[^:]+:(%d+)/"
    local second = child.start("examples/page.lua " .. port)
    assert.equal(1, second:wait())
    assert.truthy(second:output():find "^port %d+: [^\n]+serve 9600\n$")
  end)

  it("refuses what is no port", function()
    for _, text in ipairs { "x", "-1", "65536", "1.5" } do
      local program = child.start("examples/clock.lua serve " .. text)
      assert.equal(1, program:wait())
      assert.equal(("'%s' is not a port\n"):format(text), program:output())
    end
  end)

  it("is at most 60 lines", function()
    for _, name in ipairs(NAMES) do
      local count = 0
      for _ in io.lines(("examples/%s.lua"):format(name)) do count = count + 1 end
      assert.is_true(count <= 60, ("%s: %d lines"):format(name, count))
    end
  end)

end)
