-- examples/page.lua: its server and its client.
local examples = require "spec.support.examples"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

describe("example page", function()
  after_each(examples.stop)

  it("serves a page with connect and disconnect buttons", function()
    examples.serve("page")
    local response = serving.request("GET /")
    assert.equal(200, response.status)
    assert.equal("text/html; charset=utf-8", response.headers["content-type"])
    assert.truthy(response.body:find '<button id="connect">')
    assert.truthy(response.body:find '<button id="disconnect">')
    assert.truthy(response.body:find("new EventSource", 1, true))
  end)

  it("sends ten events with event, id and retry, and ends", function()
    examples.serve("page", { interval = 1 })
    local client = serving.connect()
    client:send "GET /sse?content=%E4%BD%A0%26x HTTP/1.0\r\nHost: a\r\n\r\n"
    client:head()
    local n = 0
    for block in client:receive_all():gmatch "(.-)\n\n" do
      n = n + 1
      local event, id, data = block:match "event: (%l+)\nid: (%d+)\n.*data: (.*)"
      assert.truthy(block:find("retry: 30000", 1, true))
      assert.same({ "echo", tostring(n) }, { event, id })
      assert.truthy(data:find('"content":"你&x"', 1, true))
    end
    assert.equal(10, n)
  end)

  it("has a client that prints the ten and closes", function()
    local page, url, log = examples.serve("page", { interval = 1 })
    local source = page.client(url, "a b&c=你好")
    for n = 1, 10 do assert.equal(("client %d a b&c=你好"):format(n), log.till "client") end
    wait.till(function() return source.readyState == sse.EventSource.CLOSED end, "the close")
  end)

  it("notices a client that leaves", function()
    local page, url, log = examples.serve("page", { interval = 5 })
    local source = page.client(url)
    log.till "client 2"
    source:close()
    assert.truthy(log.till "server left after")
  end)

  it("is 404 for anything else", function()
    examples.serve("page")
    for _, path in ipairs { "/x", "/sse/", "/sse/x", "/index.html" } do
      assert.equal(404, serving.request("GET " .. path).status)
    end
  end)
end)
