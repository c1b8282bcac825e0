-- What is known of a response that opens a source, and URLs that a function gives.
local fixture = require "spec.support.fixture"
local misuse = require "spec.support.misuse"
local sse = require "sse"
local wait = require "spec.support.wait"

local serve, open, record = fixture.serve, fixture.source, fixture.record

describe("the response of a source", function()
  after_each(fixture.finish)

  it("is known to the open event, and after it", function()
    local server = serve(function(conn, request)
      if request.target == "/from" then return conn:reply(302, "", "Location: /to") end
      conn:stream("X-Limit: 7"):send("data: x\n\n")
    end)
    local source = open(server:url("/from"))
    assert.is_nil(source.response)
    local opened = record(source).till("open").event
    assert.same({ 200, "7", "text/event-stream" },
      { opened.status, opened.headers["X-Limit"], opened.headers["content-type"] })
    local response = source.response
    assert.same({ 200, "7", server:url("/to"), true, "HTTP/1.1" }, { response.status,
      response.headers["x-limit"], response.url, response.redirected, response.protocol })
    assert.is_nil(response.tls)
    assert.equal(response, source.response)
    misuse.blames("field 'response' of EventSource is read-only",
      function() source.response = nil end)
    source:close()
    assert.equal(response, source.response)
  end)

  it("is that of the last attempt, also of one that was refused", function()
    local server = fixture.script(fixture.sends "data: a\n\n", function(conn)
      conn:reply(403, "no", "X-Why: you")
    end)
    local source = open(server:url())
    local log = record(source)
    local first
    source.onopen = function() first = source.response end
    wait.till(function() return source.readyState == 2 end, "the end")
    assert.equal("open message error error", log.types())
    assert.same({ 200, 403, "you" },
      { first.status, source.response.status, source.response.headers["x-why"] })
    assert.equal("HTTP/1.1", source:stats().protocol)
  end)

  it("there is none of a reader", function()
    local source = sse.EventSource.fromReader(function() end)
    local opened = record(source).till("open").event
    assert.is_nil(opened.status)
    assert.is_nil(opened.headers)
    assert.is_nil(source.response)
  end)
end)

describe("a URL from a function", function()
  after_each(fixture.finish)

  local function failing() return serve(function(conn) conn:reply(503, "busy") end) end

  it("is asked for before each attempt, with the failure before", function()
    local server = fixture.script(fixture.sends "id: 1\ndata: a\n\n",
      function(conn) conn:reset() end, fixture.good)
    local told, source = {}, nil
    source = open(function(why)
      told[#told + 1] = why and why.code or "none"
      assert.equal(0, source and source.readyState or 0)
      return server:url("/" .. #told)
    end)
    record(source).till("message", 2)
    assert.same({ "none", "ECLOSED", "ECONNRESET" }, told)
    for i, request in ipairs(server.requests) do assert.equal("/" .. i, request.target) end
    assert.equal(server:url("/3"), source.url)
    assert.equal("EventSource: " .. server:url("/3"), tostring(source))
  end)

  it("may wait, and goes before headers and body", function()
    local server, order = serve(fixture.good), {}
    local source = open(function()
      sse.sleep(1)
      order[#order + 1] = "url"
      return server:url()
    end, {
      headers = function() order[#order + 1] = "headers" end,
      body = function() order[#order + 1] = "body"; return "x" end,
    })
    assert.equal("", source.url)
    record(source).till("message")
    assert.same({ "url", "headers", "body" }, order)
    misuse.blames("the URL must be a string or a function, got table",
      function() sse.EventSource({}) end)
    misuse.blames("the URL must be a string or a function, got nil",
      function() sse.fetchEventSource() end)
  end)

  it("that is none, or an error, fails the source for good", function()
    for _, case in ipairs {
      { function() end, "the URL must be a string, got nil" },
      { function() return "nope" end, "invalid URL 'nope'" },
      { function() error("mistake", 0) end, "mistake" },
      { function() return "http://h/" end, "httpVersion", { httpVersion = "2" } },
    } do
      local source = open(case[1], case[3])
      local ok, raised = pcall(sse.run)
      assert.is_false(ok)
      assert.truthy(tostring(raised):find(case[2], 1, true), raised)
      assert.same({ 2, "EINVAL", false },
        { source.readyState, source.failure.code, source.failure.willRetry })
      assert.truthy(source.failure.message:find(case[2], 1, true), source.failure.message)
    end
  end)

  it("may close the source", function()
    local server, source = serve(fixture.good), nil
    sse.spawn(function()
      source = open(function()
        sse.sleep(1)
        source:close()
        return server:url()
      end)
    end)
    wait.till(function() return source and source.readyState == 2 end, "the close")
    wait.past(10)
    assert.equal(0, #server.requests)
  end)

  it("is taken by fetchEventSource, too", function()
    local there = serve(fixture.sends "data: x\n\n")
    local here, told, seen = failing(), {}, nil
    local handle = sse.fetchEventSource(function(why)
      sse.sleep(1)
      told[#told + 1] = why and why.status or "none"
      return (why and there or here):url("/" .. #told)
    end, {
      retryInterval = 1, onmessage = function(ev) seen = ev.data end,
      log = function(_, _, details) assert.is_string(details.url) end,
    })
    assert.is_true(handle:wait())
    assert.same({ "x", "none", 503 }, { seen, told[1], told[2] })
    assert.same({ "/1", "/2" }, { here.requests[1].target, there.requests[1].target })
    for text, fn in pairs {
      ["sse.fetchEventSource: invalid URL 'nope'"] = function() return "nope" end,
      ["mistake"] = function() error("mistake", 0) end,
      ["the URL must be a string, got number"] = function() return 7 end,
    } do
      local _, message, code = sse.fetchEventSource(fn):wait()
      assert.equal("ECALLBACK", code)
      assert.truthy(message:find(text, 1, true), message)
    end
  end)

  it("is not taken by fetch", function()
    misuse.blames("the URL must be a string, got function",
      function() sse.fetch(function() end) end)
  end)
end)
