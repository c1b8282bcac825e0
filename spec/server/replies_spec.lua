-- res:json and res:redirect over real sockets, by our client over each transport.
local misuse = require "spec.support.misuse"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"

local blames, handle = misuse.blames, misuse.handle

-- The response of a server that has one handler.
local function answer(handler, line)
  serving.start(function(server)
    server:get("/", handler)
    server:post("/", handler)
  end)
  return serving.ask(line or "GET /")
end

serving.each("server", function()
  after_each(serving.stop)

  describe("res:json", function()
    for text, value in pairs {
      ['{"a":[1]}'] = { a = { 1 } }, ["[]"] = sse.json.array(), ['"text"'] = "text", ["5"] = 5,
      ["false"] = false, ["null"] = sse.json.null,
    } do
      it("sends " .. text, function()
        local sent
        local got = answer(function(_, res) sent = res:json(value) end)
        assert.is_true(sent)
        assert.equal(200, got.status)
        assert.equal(text, got.body)
        assert.equal("application/json", got.headers["content-type"])
        assert.equal(tostring(#text), got.headers["content-length"])
        assert.same({}, serving.errors)
      end)
    end

    it("takes a status, and a kept type", function()
      local got = answer(function(_, res)
        res:header("content-type", "application/problem+json")
        res:json({ title = "no" }, 422)
      end)
      assert.equal(422, got.status)
      assert.equal('{"title":"no"}', got.body)
      assert.equal("application/problem+json", got.headers["content-type"])
    end)

    it("sends the head alone to HEAD, and no body with 204", function()
      local got = answer(function(_, res) res:json { a = 1 } end, "HEAD /")
      assert.equal("application/json", got.headers["content-type"])
      assert.equal("7", got.headers["content-length"])
      assert.equal("", got.body)
      serving.stop()
      got = answer(function(_, res) res:json({ a = 1 }, 204) end)
      assert.equal(204, got.status)
      assert.is_nil(got.headers["content-type"])
      assert.same({}, serving.errors)
    end)
  end)

  describe("res:redirect", function()
    it("is a 302 without a body by default", function()
      local sent
      local got = answer(function(_, res) sent = res:redirect "/next?a=b%20c#d" end)
      assert.is_true(sent)
      assert.equal(302, got.status)
      assert.equal("/next?a=b%20c#d", got.headers.location)
      assert.equal("", got.body)
      assert.equal("0", got.headers["content-length"])
      assert.is_nil(got.headers["content-type"])
    end)

    for _, status in ipairs { 301, 302, 303, 307, 308 } do
      it("takes " .. status, function()
        local got = answer(function(_, res)
          res:header("Location", "/kept")
          res:redirect("https://[::1]:8443/~a/(b)?q=1&r=[2]", status)
        end, "POST /")
        assert.equal(status, got.status)
        assert.equal("https://[::1]:8443/~a/(b)?q=1&r=[2]", got.headers.location)
      end)
    end

    it("is followed by a client, and sent to HEAD", function()
      serving.start(function(server)
        server:get("/", function(_, res) res:redirect "/there" end)
        server:get("/there", function(_, res) res:reply(200, "there") end)
      end)
      assert.equal(302, serving.ask("HEAD /").status)
      local options = serving.transport.client()
      local res = assert(sse.fetch(serving.url "/", options))
      assert.equal("there", res:text())
      assert.is_true(res.redirected)
    end)
  end)

  it("misuse of an answer that was sent, is told", function()
    local errors = {}
    local function try(...) table.insert(errors, (select(2, pcall(...)))) end
    local got = answer(function(_, res)
      res:json { a = 1 }
      try(res.json, res, {})
      try(res.redirect, res, "/")
      try(res.header, res, "X-A", "b")
    end)
    assert.equal('{"a":1}', got.body)
    assert.equal(3, #errors)
    assert.truthy(errors[1]:find("answered already", 1, true))
    assert.truthy(errors[2]:find("answered already", 1, true))
    assert.equal("header: the head has been sent already", errors[3])
    for _, begin in ipairs { "write", "event_stream" } do
      serving.stop()
      answer(function(_, res)
        local begun = begin == "write" and res:write "x" or res:event_stream()
        try(res.header, res, "X-A", "b")
        if begin == "event_stream" then begun:close() end
      end)
    end
    assert.equal("header: the head has been sent already", errors[4])
    assert.equal("header: the head has been sent already", errors[5])
    assert.same({}, serving.errors)
  end)

  it("is told when the client has left", function()
    local results, waits
    -- A client that aborts may look half-closed; its connection then ends after idle_timeout.
    serving.start({ idle_timeout = 50 }, function(server)
      server:get("/", function(_, res)
        res:header("X-A", "before")
        waits = true
        while not res.closed do sse.sleep(1) end
        res:header("X-B", "after")
        results = { { res:json {} }, { res:redirect "/" }, { res:reply(200) } }
      end)
    end)
    local leave = serving.begin "GET /"
    raw.pump(function() return waits end, "the handler")
    leave()
    raw.pump(function() return results end, "the handler's end")
    for _, result in ipairs(results) do assert.same({ nil, "closed", "ECLOSED" }, result) end
    assert.same({}, serving.errors)
  end)
end)

describe("misuse", function()
  after_each(serving.stop)

  it("of json and redirect blames the caller, and nothing was sent", function()
    handle(function(_, res)
      blames("json: expected a value (sse.json.null is JSON's null)", function() res:json() end)
      blames("json: JSON: a function can't be encoded (at f)",
        function() res:json { f = print } end)
      blames('json: status must be a whole number from 200 to 599, got string "200"',
        function() res:json({}, "200") end)
      blames("res:json(value, status): one argument too many, a table",
        function() res:json({}, 200, { A = "b" }) end)
      blames("call it with ':' (res:json)", function() res.json({}) end)

      blames("redirect: expected a URL, got nil", function() res:redirect() end)
      blames("redirect: the URL is the first argument, the status the second",
        function() res:redirect(302, "/x") end)
      blames("json: the value is the first argument, the status the second",
        function() res:json(404, { error = "none" }) end)
      blames("(the body is the second argument)", function() res:reply "hello" end)
      blames("redirect: the URL is empty", function() res:redirect "" end)
      blames('redirect: the URL holds " ": write it percent-encoded',
        function() res:redirect "/a b" end)
      for _, url in ipairs { "/a\r\nSet-Cookie: b=c", "/a\0", "/\u{e4}", "/a\\b", '/"', "/<x>" } do
        blames("write it percent-encoded", function() res:redirect(url) end)
      end
      blames("redirect: the URL holds a '%' without two hexadecimal digits: write it as %25",
        function() res:redirect "/100%" end)
      for _, status in ipairs { 200, 300, 304, 305, 306, 309, 404, 302.5 } do
        blames("redirect: status must be 301, 302, 303, 307 or 308, got number " .. status,
          function() res:redirect("/x", status) end)
      end
      blames("res:redirect(url, status): one argument too many, a table",
        function() res:redirect("/x", 302, {}) end)
      res:redirect("/x", 303.0)
    end)
  end)
end)
