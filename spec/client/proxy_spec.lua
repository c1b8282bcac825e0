-- Requests through a working SOCKS5 proxy, which resolves the name or not, asks for a password or
-- not, and is set by options or by the environment. HTTPS proxies, tinyproxy and microsocks are
-- tested in interop/transport.mjs.
local child = require "spec.support.child"
local fixture = require "spec.support.fixture"
local socks = require "spec.support.socks"
local wait = require "spec.support.wait"

local serve, open, record = fixture.serve, fixture.source, fixture.record
local CONNECTING = 0
local NAME = 3 -- an address type of SOCKS5

describe("a SOCKS5 proxy", function()
  local proxy

  after_each(function()
    child.stop()
    if proxy then proxy.stop() end
    proxy = nil
    fixture.finish()
  end)

  local function numbered()
    local server
    server = serve(function(conn)
      conn:stream():send("id: ", #server.requests, "\ndata: x\n\n"):close()
    end)
    return server
  end

  it("carries a stream and its reconnects", function()
    proxy = socks.start()
    local server = numbered()
    local log = record(open(server:url(), { proxy = "socks5://127.0.0.1:" .. proxy.port }))
    log.till("message", 3)
    assert.equal("2", server.requests[3].headers["last-event-id"])
    assert.same({ kind = 1, host = "\127\0\0\1", port = server.port }, proxy.requests[1])
  end)

  it("resolves the name where it is told to", function()
    proxy = socks.start()
    local server = numbered()
    local url = ("http://stream.invalid:%d/x"):format(server.port)
    local log = record(open(url, { proxy = "socks5h://127.0.0.1:" .. proxy.port }))
    assert.equal(url:sub(1, -3), log.till("message").event.origin)
    assert.same({ kind = NAME, host = "stream.invalid", port = server.port }, proxy.requests[1])
    log = record(open(url, { proxy = "socks5://127.0.0.1:" .. proxy.port }))
    assert.equal("ENOTFOUND", log.till("error").event.code)
  end)

  it("may ask for user and password; the wrong ones are a loss", function()
    proxy = socks.start("me", "secret")
    local server = numbered()
    local where = "socks5h://%s@127.0.0.1:" .. proxy.port
    record(open(server:url(), { proxy = where:format "me:secret" })).till("message")
    local asked = #server.requests
    for _, login in ipairs { "me:wrong", "you" } do
      local source = open(server:url(), { proxy = where:format(login) })
      local log = record(source)
      assert.equal("EPROXY", log.till("error", 2).event.code)
      assert.equal(CONNECTING, log[1].readyState)
      source:close()
    end
    assert.is_true(#server.requests >= asked)
  end)

  it("is given up at a close() while it says nothing", function()
    local silent = serve(function() end)
    silent.on_accept = function(conn) conn.deaf = true end
    local source = open("http://stream.invalid/", {
      proxy = ("socks5h://127.0.0.1:%d"):format(silent.port),
    })
    local log = record(source)
    wait.till(function() return silent.connections[1] end, "the connection")
    source:close()
    silent.connections[1].deaf = false
    wait.till(function() return silent.open == 0 end, "the end of the connection")
    assert.equal("", log.types())
  end)

  -- Runs another process, which reads its own environment.
  local function fetch(url, environment)
    local process = child.script(([[
      local res, message = require "sse".fetch(%q)
      print(res and res.status or message)
    ]]):format(url), environment)
    process:wait()
    return process:output()
  end

  it("comes from the environment: ALL_PROXY, behind the scheme's own and no_proxy", function()
    proxy = socks.start()
    local server = serve(function(conn) conn:reply(299, "") end)
    local url = ("http://stream.invalid:%d/"):format(server.port)
    local all = ("ALL_PROXY=socks5h://127.0.0.1:%d "):format(proxy.port)
    assert.equal("299\n", fetch(url, all .. "no_proxy="))
    assert.equal("stream.invalid", proxy.requests[1].host)
    assert.truthy(fetch(url, all .. "no_proxy=.invalid"):find "resolve")
    assert.equal(1, #proxy.requests)
    local first = serve(function(conn) conn:reply(298, "") end)
    local own = ("http_proxy=http://127.0.0.1:%d "):format(first.port)
    assert.equal("298\n", fetch(url, all .. own .. "no_proxy="))
    assert.equal(1, #proxy.requests)
  end)

  it("for https comes from HTTPS_PROXY", function()
    local asked = serve(function(conn) conn:reply(403, "") end)
    local set = ("HTTPS_PROXY=http://127.0.0.1:%d no_proxy="):format(asked.port)
    assert.truthy(fetch("https://stream.invalid/", set):find "403")
    assert.same({ "CONNECT", "stream.invalid:443" },
      { asked.requests[1].method, asked.requests[1].target })
  end)
end)
