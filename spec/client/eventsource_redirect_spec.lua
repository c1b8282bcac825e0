-- Redirects and origins: CONFORMANCE lines 30 and 31.
local child = require "spec.support.child"
local fixture = require "spec.support.fixture"
local lfs = require "lfs"
local sse = require "sse"
local wait = require "spec.support.wait"

local serve, open, record = fixture.serve, fixture.source, fixture.record
local CLOSED = 2

local function redirect(conn, status, location)
  conn:reply(status, "moved", location and "Location: " .. location)
end

describe("a redirect", function()
  after_each(child.stop)
  after_each(fixture.finish)

  for _, status in ipairs { 301, 302, 303, 307, 308 } do
    it(("line 30: %d is followed without an error"):format(status), function()
      local there = serve(function(conn) conn:stream():send("data: x\n\n") end)
      local here = serve(function(conn) redirect(conn, status, there:url("/there")) end)
      local source = open(here:url("/here"))
      local log = record(source)
      local message = log.till("message")
      assert.equal("open message", log.types())
      assert.equal("http://127.0.0.1:" .. there.port, message.event.origin)
      assert.equal(here:url("/here"), source.url)
      assert.equal("/there", there.requests[1].target)
      assert.equal("text/event-stream", there.requests[1].headers["accept"])
    end)
  end

  it("line 30: reconnects start from the first URL", function()
    local server
    server = serve(function(conn, request)
      if request.target == "/a" then return redirect(conn, 302, "/b") end
      conn:stream():send("id: ", #server.requests, "\ndata: x\n\n"):close()
    end)
    local log = record(open(server:url("/a")))
    log.till("message", 2)
    local targets = {}
    for i = 1, 4 do targets[i] = server.requests[i].target end
    assert.same({ "/a", "/b", "/a", "/b" }, targets)
    assert.equal("2", server.requests[3].headers["last-event-id"])
    assert.equal("2", server.requests[4].headers["last-event-id"])
  end)

  it("line 30: twenty are followed, twenty-one are not", function()
    for _, hops in ipairs { 20, 21 } do
      local server
      server = serve(function(conn, request)
        local n = tonumber(request.target:match("%d+"))
        if n < hops then return redirect(conn, 302, "/" .. n + 1) end
        conn:stream():send("data: x\n\n")
      end)
      local source = open(server:url("/0"))
      local log = record(source)
      if hops == 20 then
        log.till("message")
      else
        assert.equal("EREDIRECT", log.till("error").event.code)
        assert.equal(CLOSED, source.readyState)
        assert.equal(21, #server.requests)
      end
    end
  end)

  it("line 30: no or an empty Location is an error, not a loop", function()
    for _, location in ipairs { false, "" } do
      local server = serve(function(conn) redirect(conn, 302, location or nil) end)
      local source = open(server:url())
      local log = record(source)
      assert.equal(302, log.till("error").event.status)
      wait.past(30)
      assert.equal(CLOSED, source.readyState)
      assert.equal("error", log.types())
      assert.equal(1, #server.requests)
    end
  end)

  it("line 30: is relative to where it was met, through several folders", function()
    local server
    server = serve(function(conn, request)
      if request.target == "/a/b?q" then return redirect(conn, 307, "../c/./d") end
      if request.target == "/c/d" then return redirect(conn, 308, "?x=y") end
      conn:stream():send("data: x\n\n")
    end)
    record(open(server:url("/a/b?q"))).till("message")
    assert.equal("/c/d?x=y", server.requests[3].target)
  end)

  it("line 31: to a scheme other than http and https fails", function()
    for _, location in ipairs { "ftp://127.0.0.1/x", "file:///etc/passwd", "gopher://127.0.0.1:1/",
      "javascript:alert(1)" } do
      local server = serve(function(conn) redirect(conn, 302, location) end)
      local source = open(server:url())
      assert.equal("EREDIRECT", record(source).till("error").event.code)
      assert.equal(CLOSED, source.readyState)
    end
  end)

  local secret_headers = {
    Authorization = "Bearer t", Cookie = "a=b", ["X-Api-Key"] = "k", ["Proxy-Authorization"] = "p",
    ["Accept-Language"] = "de",
  }

  local function secrets(request)
    local found = {}
    for _, name in ipairs { "authorization", "cookie", "x-api-key", "proxy-authorization" } do
      if request.headers[name] then found[#found + 1] = name end
    end
    return table.concat(found, " ")
  end

  it("line 31: credentials and secret headers stay with their origin", function()
    local here, there
    there = serve(function(conn, request)
      if request.target == "/1" then return redirect(conn, 302, "/2") end
      redirect(conn, 302, here:url("/back"))
    end)
    here = serve(function(conn, request)
      if request.target == "/start" then return redirect(conn, 302, "/same") end
      if request.target == "/same" then return redirect(conn, 307, there:url("/1")) end
      conn:stream():send("data: x\n\n")
    end)
    record(open(here:url("/start"), { headers = secret_headers })).till("message")
    local all = "authorization cookie x-api-key proxy-authorization"
    assert.equal(all, secrets(here.requests[1]))
    assert.equal(all, secrets(here.requests[2]))
    assert.equal("", secrets(there.requests[1]))
    assert.equal("", secrets(there.requests[2]))
    assert.equal("/back", here.requests[3].target)
    assert.equal("", secrets(here.requests[3])) -- redirected back: still without them
    assert.equal("de", here.requests[3].headers["accept-language"])
  end)

  it("line 31: user and password are sent only with credentials, and only home", function()
    local there = serve(function(conn) conn:stream():send("data: x\n\n") end)
    local here = serve(function(conn) redirect(conn, 302, there:url()) end)
    local url = ("http://us%%40er:pa%%3Ass@127.0.0.1:%d/"):format(here.port)
    record(open(url)).till("message")
    assert.is_nil(here.requests[1].headers["authorization"])
    record(open(url, { withCredentials = true })).till("message")
    assert.equal("Basic dXNAZXI6cGE6c3M=", here.requests[2].headers["authorization"])
    assert.is_nil(there.requests[2].headers["authorization"])
  end)

  it("line 31: a password in a Location is not sent", function()
    local server
    server = serve(function(conn, request)
      local there = ("http://u:p@127.0.0.1:%d/b"):format(server.port)
      if request.target == "/a" then return redirect(conn, 302, there) end
      conn:stream():send("data: x\n\n")
    end)
    record(open(server:url("/a"), { withCredentials = true })).till("message")
    assert.is_nil(server.requests[2].headers["authorization"])
  end)

  it("keeps cookies in memory with credentials, and none without", function()
    local server
    server = serve(function(conn)
      local cookie = "session=" .. #server.requests .. "; Path=/cookie-spec"
      conn:stream("Set-Cookie: " .. cookie):send("data: x\n\n"):close()
    end)
    local kept = open(server:url("/cookie-spec"), { withCredentials = true })
    record(kept).till("message", 2)
    kept:close()
    assert.is_nil(server.requests[1].headers["cookie"])
    assert.equal("session=1", server.requests[2].headers["cookie"])
    local n = #server.requests
    record(open(server:url("/cookie-spec"))).till("message", 2)
    for i = n + 1, n + 2 do assert.is_nil(server.requests[i].headers["cookie"]) end
  end)

  it("keeps cookies in a file where one is named", function()
    local path = os.tmpname()
    local _ <close> = setmetatable({}, { __close = function() os.remove(path) end })
    local server = serve(function(conn)
      conn:reply(200, "", "Set-Cookie: from-file=1; Path=/; Max-Age=1000")
    end)
    local options = { withCredentials = true, cookieFile = path }
    assert(sse.fetch(server:url(), options)):text()
    assert(sse.fetch(server:url(), options)):text()
    assert.equal("from-file=1", server.requests[2].headers["cookie"])
    local file = assert(io.open(path))
    assert.matches("from%-file", file:read("a"))
    file:close()
    -- A later process sends them again; a source uses the file, too.
    local process = child.script(([[
      local sse = require "sse"
      local source = sse.EventSource(%q, { withCredentials = true, cookieFile = %q })
      source.onerror = function(ev) print(ev.code, ev.status) end
      sse.run()
    ]]):format(server:url(), path))
    process:wait()
    assert.equal("ETYPE\t200\n", process:output())
    assert.equal("from-file=1", server.requests[3].headers["cookie"])
  end)

  it("keeps a file of cookies from others, and names one that can't be written", function()
    local path = os.tmpname()
    os.remove(path)
    local _ <close> = setmetatable({}, { __close = function() os.remove(path) end })
    local server = serve(function(conn) conn:reply(200, "", "Set-Cookie: a=1; Max-Age=1000") end)
    local options = { withCredentials = true, cookieFile = path }
    for _ = 1, 2 do
      assert(sse.fetch(server:url(), options)):text()
      assert.equal("rw-------", lfs.attributes(path, "permissions"))
    end
    assert.is_true(lfs.attributes(path, "size") > 0)
    options.cookieFile = "/no/such/folder/cookies"
    local res, message, code = sse.fetch(server:url(), options)
    assert.same({ nil, "EINVAL" }, { res, code })
    assert.matches("file for cookies cannot be written", tostring(message))
    assert.equal(2, #server.requests)
  end)

  it("a POST becomes a GET at 302 and 303 and stays one at 307", function()
    for status, method in pairs { [301] = "GET", [302] = "GET", [303] = "GET", [307] = "POST",
      [308] = "POST" } do
      local server
      server = serve(function(conn, request)
        if request.target == "/a" then return redirect(conn, status, "/b") end
        conn:reply(200, request.method .. request.body .. (request.headers["content-type"] or ""))
      end)
      local res = assert(sse.fetch(server:url("/a"), { method = "POST", body = "x" }))
      assert.equal(method == "GET" and "GET" or "POSTxtext/plain;charset=UTF-8", res:text())
    end
  end)
end)
