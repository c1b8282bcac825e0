-- examples/fetch_post.lua: its server and its client.
local examples = require "spec.support.examples"
local serving = require "spec.support.serving"

local QUICK = { interval = 5 }
local ANSWER = "You asked: Why? Good question, and this is its slow answer."

describe("example fetch_post", function()
  after_each(examples.stop)

  it("answers a POST with plain text, piece by piece", function()
    examples.serve("fetch_post", QUICK)
    local client = serving.connect()
    local body = '{"prompt": "Why?"}'
    client:send(("POST /chat HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s"):format(#body,
      body))
    local head = client:head()
    assert.equal("text/plain; charset=utf-8", head.headers["content-type"])
    assert.equal("4\r\nYou \r\n", client:receive_until "You \r\n")
    local text = client:receive_until("\r\n0\r\n\r\n"):gsub("0\r\n\r\n$", "")
    assert.equal(ANSWER, "You " .. text:gsub("%x+\r\n(.-)\r\n", "%1"))
  end)

  it("is stopped half-way by the client's controller, and the server notices", function()
    local fetch_post, url, log = examples.serve("fetch_post", QUICK)
    local handle = fetch_post.client(url, 3)
    assert.equal("client open 200", log.till "client")
    for _, word in ipairs { "You", "asked:", "Why" } do
      assert.equal(("client message %s "):format(word), log.till "client")
    end
    log.till "server stopped by the client"
    assert.equal("EABORTED", (select(3, handle:wait())))
    assert.is_false(log.has "client close")
    assert.is_false(log.has "client error")
  end)

  it("tells the client when the answer is complete", function()
    local fetch_post, url, log = examples.serve("fetch_post", QUICK)
    assert.is_true(fetch_post.client(url, 1000):wait())
    assert.truthy(log.till "client message answer.")
    assert.truthy(log.till "client close")
  end)

  it("is read as text by fetch, to the end or not", function()
    local fetch_post, url, log = examples.serve("fetch_post", QUICK)
    fetch_post.read(url)
    assert.equal("client piece answer.", log[#log])
    fetch_post.read(url, 2)
    assert.equal("client piece asked: ", log[#log])
    assert.truthy(log.till "server stopped by the client")
  end)

  it("tells the client's errors, and does not try again", function()
    local fetch_post, url, log, server = examples.serve("fetch_post", QUICK)
    local handle = fetch_post.client("http://127.0.0.1:1/chat")
    local ok, _, code = handle:wait()
    assert.is_nil(ok)
    assert.equal("ECONNREFUSED", code)
    assert.truthy(log.till "client error")
    fetch_post.read("http://127.0.0.1:1/chat")
    assert.truthy(log.till "client error")
    assert.is_truthy(url)
    assert.equal(0, server:stats().requests.received)
  end)

  it("refuses what isn't asked as it should be", function()
    examples.serve("fetch_post", QUICK)
    for _, body in ipairs { "", "{", "[]", "3", '{"prompt": 3}', "null" } do
      assert.equal(400, serving.request("POST /chat", {}, body).status)
    end
    assert.equal(405, serving.request("GET /chat").status)
  end)
end)
