-- sse.fetch: requests, responses, aborting.
local core = require "sse.core"
local fixture = require "spec.support.fixture"
local sse = require "sse"
local wait = require "spec.support.wait"

local serve, answer, in_task = fixture.serve, fixture.answer, fixture.in_task

describe("sse.fetch", function()
  after_each(fixture.finish)

  it("gives a response when the head has come", function()
    local server = answer(201, "made", "X-One: a", "x-one: b", "Content-Type: text/plain")
    local res = assert(sse.fetch(server:url("/x?y#z")))
    assert.same({ 201, true, false }, { res.status, res.ok, res.redirected })
    assert.equal("a, b", res.headers["X-ONE"])
    assert.equal("text/plain", res.headers["content-type"])
    assert.is_nil(res.headers["x-two"])
    assert.equal("made", res:text())
    assert.equal("*/*", server.requests[1].headers["accept"])
    assert.matches("^lua%-sse/%d", server.requests[1].headers["user-agent"])
  end)

  it("yields in a task and pumps outside of one", function()
    local server = answer(404, "no")
    local ticks = 0
    local timer = core.every(1, function() ticks = ticks + 1 end)
    in_task(function()
      local res = assert(sse.fetch(server:url()))
      assert.same({ 404, false, "no" }, { res.status, res.ok, res:text() })
    end)
    assert.equal("no", assert(sse.fetch(server:url())):text())
    assert.is_true(ticks > 0)
    timer:stop()
  end)

  it("says so where it can't wait: in a callback", function()
    local server, ok, message = answer(200, "x"), nil, nil
    core.timer(0, function() ok, message = pcall(sse.fetch, server:url()) end)
    wait.till(function() return ok ~= nil end, "the callback")
    assert.is_false(ok)
    assert.matches("do this in a task", message)
    assert.equal(0, #server.requests)
  end)

  it("sends a table as JSON and a string as text, unless told otherwise", function()
    local server = serve(function(conn, request)
      conn:reply(200, request.method .. " " .. (request.headers["content-type"] or "none") .. " "
        .. request.body)
    end)
    local function send(options) return assert(sse.fetch(server:url(), options)):text() end
    assert.equal('POST application/json {"a":[1,2]}', send { body = { a = { 1, 2 } } })
    assert.equal("POST text/plain;charset=UTF-8 x\0y", send { body = "x\0y" })
    assert.equal("PUT a/b x", send { method = "put", body = "x",
      headers = { ["content-type"] = "a/b" } })
    assert.equal("POST none ", send { method = "POST" })
    assert.equal("PROPFIND none ", send { method = "PROPFIND" })
    assert.equal("GET none ", send())
  end)

  it("sends lists, numbers and empty values as headers", function()
    local server = answer(200, "")
    assert(sse.fetch(server:url(), { headers = { ["X-List"] = { "a", "b" }, ["X-Number"] = 7,
      ["X-Empty"] = "", ["X-Blank"] = " \t" } })):text()
    local raw = server.requests[1].raw
    assert.matches("X%-List: a\r\n", raw)
    assert.matches("X%-List: b\r\n", raw)
    assert.matches("X%-Number: 7\r\n", raw)
    assert.matches("X%-Empty:\r\n", raw)
    assert.matches("X%-Blank:\r\n", raw)
  end)

  it("a HEAD request and an empty response have no body", function()
    local server = serve(function(conn, request)
      if request.method == "HEAD" then conn:head(200, "Content-Length: 100") else conn:head(204) end
    end)
    assert.equal("", assert(sse.fetch(server:url(), { method = "HEAD" })):text())
    assert.equal("", assert(sse.fetch(server:url())):text())
  end)

  it("returns nil, message, code where the world fails", function()
    local function fails(code, ...)
      local res, message, got = sse.fetch(...)
      assert.is_nil(res)
      assert.is_string(message)
      assert.equal(code, got)
    end
    fails("ECONNREFUSED", "http://127.0.0.1:1/")
    fails("ENOTFOUND", "http://name.invalid/")
    fails("ESCHEME", "ftp://127.0.0.1/")
    fails("ECONNRESET", serve(function(conn) conn:close() end):url())
    fails("EPROTO", serve(function(conn) conn:send("SSH-2.0\r\n"):close() end):url())
    fails("EREDIRECT", serve(function(conn) conn:reply(302, "", "Location: /") end):url())
    fails("EREDIRECT", answer(302, "", "Location: /x"):url(), { redirect = "error" })
    fails("ETOOBIG", serve(function(conn)
      conn:send("HTTP/1.1 200 OK\r\n")
      for _ = 1, 300 do conn:send("X: ", ("x"):rep(2000), "\r\n") end
    end):url())
  end)

  it("leaves a redirect alone where told so", function()
    local res = assert(sse.fetch(answer(302, "body", "Location: /x"):url(),
      { redirect = "manual" }))
    assert.same({ 302, "/x", "body" }, { res.status, res.headers.location, res:text() })
  end)

  it("raises on misuse, where it happened", function()
    for _, wrong in ipairs {
      { "nope" }, { 7 }, { "http://h/", { methode = "x" } }, { "http://h/", { body = 7 } },
      { "http://h/", { headers = { a = print } } }, { "http://h/", 7 },
      { "http://h/", { method = "HEAD", body = "x" } }, { "http://h/", { body = { f = print } } },
      { "http://h/", { tls = true } }, { "http://h/", { signal = 1 } },
    } do
      local ok, message = pcall(function() sse.fetch(wrong[1], wrong[2]) end)
      assert.is_false(ok)
      assert.matches("client/fetch_spec.lua:%d+: sse.fetch[:(]", message)
    end
  end)

  it("decodes JSON; what is none gives nil, message, code", function()
    local server = answer(200, '{"a":1,"b":[true]}')
    assert.same({ a = 1, b = { true } }, assert(sse.fetch(server:url())):json())
    assert.is_false(assert(sse.fetch(answer(200, "false"):url())):json())
    local value, message, code = assert(sse.fetch(answer(200, "<html>"):url())):json()
    assert.is_nil(value)
    assert.is_string(message)
    assert.equal("EINVAL", code)
  end)

  it("runs many at once", function()
    local server = serve(function(conn, request)
      core.after(1, function() conn:reply(200, request.target) end)
    end)
    local done = 0
    for i = 1, 50 do
      sse.spawn(function()
        assert.equal("/" .. i, assert(sse.fetch(server:url("/" .. i))):text())
        done = done + 1
      end)
    end
    wait.till(function() return done == 50 end, "fifty responses")
  end)

  it("aborts before it starts, before the head and within the body", function()
    local server = serve(function(conn, request)
      if request.target == "/body" then conn:head(200):send("part") end
    end)
    local signal = sse.AbortSignal.abort("early")
    local res, message, code = sse.fetch(server:url(), { signal = signal })
    assert.same({ nil, "early", "EABORTED" }, { res, message, code })
    local controller = sse.AbortController()
    core.after(10, function() controller:abort() end)
    res, message, code = sse.fetch(server:url("/head"), { signal = controller.signal })
    assert.same({ nil, "the operation was aborted", "EABORTED" }, { res, message, code })
    controller = sse.AbortController()
    res = assert(sse.fetch(server:url("/body"), { signal = controller.signal }))
    core.after(10, function() controller:abort() end)
    local pieces = {}
    for piece in res:chunks() do pieces[#pieces + 1] = piece end
    assert.same({ "part" }, pieces)
    assert.equal("EABORTED", res.failure.code)
    res = sse.fetch(server:url("/head"), { signal = sse.AbortSignal.timeout(100) })
    assert.is_nil(res)
    wait.till(function() return server.open == 0 end, "the close of all")
    assert.equal(3, #server.requests)
  end)

  it("an aborted transfer raises nothing in a task that sleeps meanwhile", function()
    local server = serve(function(conn) conn:stream():send("data: 1\n\ndata: 2\n\n") end)
    in_task(function()
      local controller, seen = sse.AbortController(), {}
      for ev in assert(sse.fetch(server:url(), { signal = controller.signal })):events() do
        seen[#seen + 1] = ev.data
        controller:abort()
        sse.sleep(5)
      end
      assert.same({ "1", "2" }, seen) -- what came before the abort is still read
    end)
  end)
end)
