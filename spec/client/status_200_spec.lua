-- Errors that come with status 200: CONFORMANCE line 55, and lines of unknown fields.
local fixture = require "spec.support.fixture"
local sse = require "sse"

local serve = fixture.serve

local JSON = '{"error":{"message":"no such model","code":404}}'

-- Starts a server that gives every request this body; `kind` false: without a Content-Type.
local function answer(status, kind, body)
  return serve(function(conn)
    conn:reply(status, body, kind and "Content-Type: " .. kind or nil)
  end)
end

-- Reads the events of a response. Returns their data, and the failure.
local function read(server, options, of_fetch)
  local res, data = assert(sse.fetch(server:url(), of_fetch)), {}
  for ev in res:events(options) do data[#data + 1] = ev.data end
  return table.concat(data, " "), res.failure
end

-- The same by fetchEventSource, with an onopen that accepts all; and the number of requests.
local function follow(server, options)
  local data, o = {}, { method = "POST", onopen = function() end }
  for name, value in pairs(options or {}) do o[name] = value end
  o.onmessage = function(ev) data[#data + 1] = ev.data end
  local why = select(4, sse.fetchEventSource(server:url(), o):wait())
  return table.concat(data, " "), why, #server.requests
end

local function has(why, text) assert.truthy(why.message:find(text, 1, true), why.message) end

describe("a body that is no event stream", function()
  after_each(fixture.finish)

  it("line 55: is a failure with status, type and text, by fetch and fetchEventSource", function()
    for _, options in ipairs { {}, { untilData = "[DONE]" }, { untilType = "x" } } do
      for _, kind in ipairs { "application/json", "text/html; charset=utf-8", false } do
        for _, body in ipairs { JSON, JSON .. "\n", "<html>\n\n<p>no\n</html>", "" } do
          local server = answer(200, kind, body)
          local function check(data, why)
            assert.same({ "", "ETYPE", 200, kind or nil, body },
              { data, why.code, why.status, why.headers["content-type"], why.body })
            has(why, kind and "'" .. kind .. "'" or "none")
            has(why, body:match "%C*")
          end
          check(read(server, options))
          check(follow(server, options))
          assert.equal(2, #server.requests)
        end
      end
    end
  end)

  it("line 55: is one in an EventSource, for good", function()
    local server = answer(200, "application/json", JSON)
    local source = fixture.source(server:url())
    local failed = fixture.record(source).till("error").event
    assert.same({ "ETYPE", 200, "application/json", JSON, false },
      { failed.code, failed.status, failed.headers["content-type"], failed.body, failed.willRetry })
    has(failed, "no such model")
    assert.equal(1, #server.requests)
  end)

  it("line 55: says the status where that is no success", function()
    local server = answer(404, "application/json", JSON)
    local data, why = read(server)
    assert.same({ "", "EHTTP", 404, JSON }, { data, why.code, why.status, why.body })
    data, why = follow(server)
    assert.same({ "", "EHTTP", 404, JSON }, { data, why.code, why.status, why.body })
  end)

  it("line 55: that broke off, too, says what came", function()
    local server = serve(function(conn)
      conn:head(200, "Content-Type: application/json", "Content-Length: 99"):send(JSON):close()
    end)
    local _, why = read(server)
    assert.same({ "ECONNRESET", 200, JSON }, { why.code, why.status, why.body })
  end)

  it("line 55: keeps the first 64 KiB", function()
    local _, why = read(answer(200, "text/plain", ("x"):rep(70000)))
    assert.equal(65536, #why.body)
    assert.is_true(#why.message < 400)
  end)

  it("line 55: is none where an event came, or contentTypes takes the type", function()
    assert.same({ "x" }, { read(answer(200, "text/plain", "data: x\n\n")) })
    for _, types in ipairs { { "text/plain" }, false } do
      assert.same({ "" }, { read(answer(200, "text/plain", ""), nil, { contentTypes = types }) })
      local server = answer(200, "text/plain", "data: x\n\n")
      assert.same({ "x", nil, 1 }, { follow(server, { contentTypes = types }) })
    end
    assert.same({ "" }, { read(answer(200, "text/html, text/event-stream", "")) })
    assert.equal("ETYPE", (select(2, read(answer(200, "text/event-stream, text/html", "")))).code)
    local own = { "text/plain" }
    local res = assert(sse.fetch(answer(200, "text/plain", ""):url(), { contentTypes = own }))
    own[1] = "text/html"
    for _ in res:events() do error("an event") end
    assert.is_nil(res.failure)
  end)

  it("a loop that is left, or closed, is no failure", function()
    for how = 1, 2 do
      local server = serve(function(conn)
        conn:head(200, "Content-Type: text/plain"):send("data: x\n\n")
      end)
      local res = assert(sse.fetch(server:url()))
      for _ in res:events() do
        if how == 1 then break end
        res:close()
      end
      assert.is_nil(res.failure)
    end
  end)
end)

describe("blocks of unknown fields at the end of a stream", function()
  after_each(fixture.finish)

  local ERROR = 'error: {"message":"context too long"}\n\n'

  local function stream(body) return answer(200, "text/event-stream", body) end

  it("line 55: are a failure that quotes them, without a terminator too", function()
    for _, body in ipairs { ERROR, "event: error\n" .. ERROR, ERROR:sub(1, -2), ERROR:sub(1, -3),
      ": hello\n\n" .. ERROR .. ": bye\n\n" } do
      for _, options in ipairs { {}, { untilData = "[DONE]" } } do
        local data, why = read(stream(body), options)
        assert.same({ "", "EUNFINISHED", 200, body }, { data, why.code, why.status, why.body })
        has(why, '1 block of unknown fields: error: {"message":"context too long"}')
        local server = stream(body)
        local heard, failed, requests = follow(server, options)
        assert.same({ "", "EUNFINISHED", 1 }, { heard, failed.code, requests })
        has(failed, "context too long")
      end
    end
  end)

  it("line 55: are one behind events", function()
    local data, why = read(stream("data: a\n\n" .. ERROR))
    assert.same({ "a", "EUNFINISHED" }, { data, why.code })
    has(why, "context too long")
    data, why = read(stream("data: a\n\nx: 1\n\n" .. ERROR), { untilData = "[DONE]" })
    assert.same({ "a", "EUNFINISHED" }, { data, why.code })
    has(why, "the last of 2 blocks of unknown fields: error: ")
    data, why = read(stream("data: a\n\n<b>Fatal error</b>: Out of memory\n at line 7"))
    assert.equal("a", data)
    has(why, "<b>Fatal error</b>: Out of memory at line 7")
  end)

  it("are none before an event, and none within one", function()
    assert.same({ "a" }, { read(stream(ERROR .. "data: a\n\n")) })
    assert.same({ "a" }, { read(stream("x: 1\ndata: a\ny: 2\n\n")) })
    assert.same({ "" }, { read(stream(": comment\n\nid: 1\n\nretry: 5\n\nevent: x\n\n")) })
    local _, why = read(stream(ERROR .. "data: a\n\n"), { untilData = "[DONE]" })
    assert.equal("the stream ended without '[DONE]' [docs/errors.md#eunfinished]", why.message)
  end)

  it("are said of a lost connection, too", function()
    local server = serve(function(conn)
      conn:stream("Content-Length: 999"):send("data: a\n\n" .. ERROR):close()
    end)
    local _, why = read(server)
    assert.equal("ECONNRESET", why.code)
    has(why, "context too long")
  end)

  it("are quoted in part, without control characters, and take no memory", function()
    local _, why = read(stream("\27[2J\xC3\xA4" .. ("ä"):rep(70000)))
    assert.truthy(utf8.len(why.message))
    assert.is_nil(why.message:find "%c")
    assert.is_true(#why.message < 400)
  end)

  it("line 55: are said in the error of an EventSource, which reconnects", function()
    local server = fixture.script(fixture.sends(ERROR), fixture.sends("data: a\n\n" .. ERROR),
      fixture.good)
    local log = fixture.record(fixture.source(server:url()))
    log.till("message", 2)
    assert.equal("open error open message error open message", log.types())
    local first, second = log[2].event, log[5].event
    assert.same({ "ECLOSED", 200, ERROR:sub(1, -3), true },
      { first.code, first.status, first.body, first.willRetry })
    has(first, "context too long")
    has(second, "context too long")
    assert.is_nil(second.status)
  end)

  it("line 55: say what came where contentTypes let it in", function()
    local server = fixture.script(function(conn)
      conn:reply(200, JSON, "Content-Type: application/json")
      conn:close()
    end, fixture.good)
    local log = fixture.record(fixture.source(server:url(), { contentTypes = false }))
    log.till("message")
    assert.equal("open error open message", log.types())
    assert.same({ "ECLOSED", 200, JSON },
      { log[2].event.code, log[2].event.status, log[2].event.body })
  end)

  it("are said at the end of a reader", function()
    local pieces = { "data: a\n\n", ERROR }
    local source = sse.EventSource.fromReader(function() return table.remove(pieces, 1) end)
    local failed = fixture.record(source).till("error").event
    has(failed, "context too long")
    assert.equal("ECLOSED", failed.code)
  end)
end)
