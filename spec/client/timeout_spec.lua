-- The option `timeout`: until the head of a response.
local core = require "sse.core"
local fixture = require "spec.support.fixture"
local misuse = require "spec.support.misuse"
local sse = require "sse"
local wait = require "spec.support.wait"

local serve, script, record, blames = fixture.serve, fixture.script, fixture.record, misuse.blames

-- Milliseconds in which a head comes that is sent at once.
local ENOUGH = 100 * tonumber(os.getenv "SSE_TEST_PATIENCE" or 1)

local function silent() end

local function stream(conn)
  conn:head(200, "Content-Type: text/event-stream"):send("data: x\n\n")
end

describe("timeout", function()
  after_each(fixture.finish)

  it("ends a fetch whose server stays silent", function()
    local server = serve(silent)
    local res, message, code, why = sse.fetch(server:url(), { timeout = 30 })
    assert.same({ nil, "no response within 30 ms (option 'timeout') [docs/errors.md#etimedout]",
      "ETIMEDOUT" }, { res, message, code })
    assert.equal("ETIMEDOUT", why.code)
    wait.till(function() return server.open == 0 end, "the close")
  end)

  it("counts redirects, and a head that never ends", function()
    local server = script(function(conn) conn:reply(302, "", "Location: /next") end, silent)
    local _, _, code = sse.fetch(server:url(), { timeout = ENOUGH })
    assert.equal("ETIMEDOUT", code)
    assert.equal(2, #server.requests)
    server = serve(function(conn) conn:send("HTTP/1.1 200 OK\r\nX-") end)
    _, _, code = sse.fetch(server:url(), { timeout = 50 })
    assert.equal("ETIMEDOUT", code)
  end)

  it("does not count the body", function()
    local server = serve(function(conn)
      conn:head(200, "Content-Length: 4")
      core.after(2 * ENOUGH, function() conn:send("late") end)
    end)
    assert.equal("late", assert(sse.fetch(server:url(), { timeout = ENOUGH })):text())
  end)

  it("leaves no timer behind", function()
    local server = fixture.answer(200, "x")
    assert.equal("x", assert(sse.fetch(server:url(), { timeout = 1e6 })):text())
    local controller = sse.AbortController()
    local silence = serve(silent)
    core.after(5, function() controller:abort() end)
    local options = { timeout = 1e6, signal = controller.signal }
    assert.is_nil((sse.fetch(silence:url(), options)))
    assert.is_nil((sse.fetch("http://127.0.0.1:1/", { timeout = 1e6 })))
    fixture.source(silence:url(), { timeout = 1e6 }):close() -- fixture.finish waits for the timers
  end)

  it("is a lost connection to a source, which connects again", function()
    local server = script(silent, stream)
    local source = fixture.source(server:url(), { timeout = ENOUGH })
    local log = record(source)
    local failed = log.till("error").event
    assert.same({ "ETIMEDOUT", true }, { failed.code, failed.willRetry })
    assert.equal("x", log.till("message").event.data)
    sse.sleep(2 * ENOUGH)
    assert.same({ 1, 1 }, { log.count("error"), source.readyState })
  end)

  it("is a failure to fetchEventSource, which connects again", function()
    local server, codes, got = script(silent, stream), {}, nil
    local handle = sse.fetchEventSource(server:url(), {
      timeout = ENOUGH, onmessage = function(ev) got = ev.data end,
      onerror = function(why)
        codes[#codes + 1] = why.code
        return 1
      end,
    })
    wait.till(function() return got end, "the event")
    handle:close()
    assert.same({ "ETIMEDOUT" }, codes)
  end)

  it("is milliseconds, and no option of what has no connection", function()
    blames("option 'timeout' must be a number of at least 1 (milliseconds), got number 0",
      function() sse.fetch("http://127.0.0.1:1/", { timeout = 0 }) end)
    blames("option 'timeout' must be a number", function()
      sse.EventSource("http://127.0.0.1:1/", { timeout = "5" })
    end)
    blames("unknown option 'timeout'", function()
      sse.EventSource.fromReader(print, { timeout = 5 })
    end)
  end)
end)
