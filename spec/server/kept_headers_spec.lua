-- Header fields that `res:header` keeps for whatever answers later, over each transport.
local misuse = require "spec.support.misuse"
local serving = require "spec.support.serving"
local sse = require "sse"

local blames, handle = misuse.blames, misuse.handle

local function answer(handler)
  serving.start(function(server) server:get("/", handler) end)
  return serving.ask "GET /"
end

serving.each("server res:header", function()
  after_each(serving.stop)

  it("is kept for each way to answer", function()
    local ways = {
      function(_, res) res:reply(200, "x") end,
      function(_, res) res:json {} end,
      function(_, res) res:redirect "/" end,
      function(_, res) res:write_head(200) end,
      function(_, res) res:write "x" end,
      function(_, res) res:finish() end,
      function(_, res) res:event_stream():close() end,
      sse.file "README.md",
    }
    serving.start(function(server)
      for i, way in ipairs(ways) do
        server:get("/" .. i, function(req, res)
          assert(rawequal(res, res:header("X-One", 1):header("X-Two", { "a", "b" })))
          way(req, res)
        end)
      end
    end)
    for i in ipairs(ways) do
      local got = serving.ask("GET /" .. i)
      assert.equal("1", got.headers["x-one"], i)
      assert.equal("a, b", got.headers["x-two"], i)
    end
    assert.same({}, serving.errors)
  end)

  it("replaces what was kept of the name in any case, and nil removes it", function()
    local got = answer(function(_, res)
      res:header("X-A", "old"):header("x-a", { "new", 2 })
      res:header("X-B", "gone"):header("x-b", nil):header("X-C", nil)
      res:reply(200, "x")
    end)
    assert.equal("new, 2", got.headers["x-a"])
    assert.is_nil(got.headers["x-b"])
  end)

  it("gives way to the fields of the answer itself, but joins those of CORS", function()
    serving.start({ cors = { origin = "https://a.example" } }, function(server)
      server:get("/", function(_, res)
        res:header("x-a", { "1", "2" }):header("Content-Type", "text/x"):header("Vary", "Accept")
        res:reply(200, "x", { ["X-A"] = "own" })
      end)
    end)
    local got = serving.ask("GET /", { Origin = "https://a.example" })
    assert.equal("own", got.headers["x-a"])
    assert.equal("text/x", got.headers["content-type"])
    assert.equal("Origin, Accept", got.headers.vary)
    assert.equal("https://a.example", got.headers["access-control-allow-origin"])
  end)

  it("replaces what a file's handler would send, and is compared with If-None-Match", function()
    local file = sse.file("README.md", { headers = { ["X-File"] = "f" } })
    serving.start(function(server)
      server:get("/", function(req, res)
        res:header("ETag", '"v1"'):header("Content-Type", "text/x"):header("X-File", "kept")
        file(req, res)
      end)
    end)
    local got = serving.ask "GET /"
    assert.equal('"v1"', got.headers.etag)
    assert.equal("text/x", got.headers["content-type"])
    assert.equal("f", got.headers["x-file"])
    assert.equal(304, serving.ask("GET /", { ["If-None-Match"] = '"v1"' }).status)
  end)

  it("is not sent with the 500 of a handler that failed, nor where it did not answer", function()
    serving.start(function(server)
      server:get("/raised", function(_, res)
        res:header("Cache-Control", "public, max-age=3600")
        error "boom"
      end)
      server:get("/silent", function(_, res) res:header("Cache-Control", "public") end)
    end)
    for _, path in ipairs { "raised", "silent" } do
      local got = serving.ask("GET /" .. path)
      assert.equal(500, got.status)
      assert.is_nil(got.headers["cache-control"])
      assert.equal("text/plain; charset=utf-8", got.headers["content-type"])
    end
    assert.equal(2, #serving.errors)
  end)

  it("takes 92 fields, with those of the answer and of CORS", function()
    local told
    serving.start({ cors = true }, function(server)
      server:get("/", function(_, res)
        for i = 1, 91 do res:header("X-" .. i, i) end
        told = select(2, pcall(res.header, res, "X-92", 92))
        res:header("X-1", "one")
        res:reply(200)
      end)
      server:get("/answer", function(_, res)
        for i = 1, 91 do res:header("X-" .. i, i) end
        res:redirect "/"
      end)
    end)
    local got = serving.ask "GET /"
    assert.equal("one", got.headers["x-1"])
    assert.equal("91", got.headers["x-91"])
    assert.truthy(told:find("too many headers: 93, at most 92", 1, true), told)
    assert.equal(500, serving.ask("GET /answer").status)
    assert.truthy(serving.errors[1].message:find("kept_headers_spec.lua:%d+: too many headers: 93"))
  end)
end)

describe("misuse", function()
  after_each(serving.stop)

  it("of res:header blames the caller", function()
    handle(function(_, res)
      blames("header: expected a name and a value (nil removes the field)",
        function() res:header "X-A" end)
      blames("header: expected a name, got nil", function() res:header(nil, "x") end)
      blames("header: expected a name, got table", function() res:header({ A = "b" }, nil) end)
      blames("headers: 'X A' is not a header name", function() res:header("X A", "b") end)
      blames("headers: 'content_type' has a '_' (did you mean 'Content-Type'?)",
        function() res:header("content_type", nil) end)
      blames("headers: 'Content-Length' is set by the library",
        function() res:header("Content-Length", 5) end)
      blames("headers: the value of 'X-A' holds a control character",
        function() res:header("X-A", "a\r\nB: c") end)
      blames("'X-A' must be a string, a number or a list of them, got boolean",
        function() res:header("X-A", true) end)
      blames("header: the list of values for 'X-A' is empty (nil removes the field)",
        function() res:header("X-A", {}) end)
      blames("res:header(name, value): one argument too many, a string",
        function() res:header("X-A", "b", "c") end)
      blames("res:event_stream: the headers can't have a Content-Type", function()
        res:header("Content-Type", "text/x")
        res:event_stream()
      end)
      res:header("Content-Type", nil)
      res:reply(200)
    end)
  end)
end)
