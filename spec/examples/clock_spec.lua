-- examples/clock.lua: its server and its client.
local examples = require "spec.support.examples"
local serving = require "spec.support.serving"
local sse = require "sse"

local QUICK = { interval = 10, retry = 100 }
local ORIGIN = "http://localhost:8080"

local function head_for(origin)
  local client = serving.connect()
  client:send("GET /stream HTTP/1.1\r\nHost: a\r\nOrigin: " .. origin .. "\r\n\r\n")
  local head = client:head()
  client:close()
  return head.headers
end

describe("example clock", function()
  after_each(examples.stop)

  it("has a client that prints data, origin and lastEventId", function()
    local clock, url, log = examples.serve("clock", QUICK)
    local source = clock.client(url)
    for _ = 1, 3 do
      local line = log.till "client data"
      local time, origin, id = line:match "^client data (%S+) origin (%S+) lastEventId (%d+)$"
      assert.truthy(time:find "^%d%d:%d%d:%d%d$")
      assert.equal(url:match "^%w+://[^/]+", origin)
      assert.is_true(math.abs(tonumber(id) - os.time()) < 60)
    end
    assert.is_true(source.withCredentials)
    source:close()
  end)

  it("serves a page that shows the time in one element", function()
    examples.serve("clock", QUICK)
    local response = serving.request("GET /")
    assert.equal("text/html; charset=utf-8", response.headers["content-type"])
    assert.equal(1, select(2, response.body:gsub('id="time"', "")))
  end)

  it("allows credentials to the origin it names, and to no other", function()
    examples.serve("clock", QUICK)
    local headers = head_for(ORIGIN)
    assert.equal(ORIGIN, headers["access-control-allow-origin"])
    assert.equal("true", headers["access-control-allow-credentials"])
    assert.is_nil(head_for("http://other.example")["access-control-allow-origin"])
  end)

  it("says from where it goes on when the server was restarted", function()
    local clock, url, log, server = examples.serve("clock", QUICK)
    local source = clock.client(url)
    log.till "client data"
    server:close()
    log.till "client error"
    local id
    for _, line in ipairs(log) do id = line:match "lastEventId (%d+)" or id end
    local again = sse.server { port = server.port }
    clock.mount(again, "")
    assert(again:listen())
    assert.equal("client resumed after " .. id, log.till "client resumed")
    log.till "client data"
    source:close()
    again:close()
  end)
end)
