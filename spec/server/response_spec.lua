-- The server's responses over real sockets, whole and in pieces: by our client over each transport,
-- and below by bytes on a bare socket.
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local task = require "sse.task"

local function hello(_, res) res:reply(200, "hello") end

serving.each("server", function(transport)
  after_each(serving.stop)

  describe("res", function()
    local function answer(handler, line)
      serving.start(function(server) server:get("/", handler) end)
      return serving.ask(line or "GET /")
    end

    it("replies with text, JSON or nothing", function()
      local got = answer(function(_, res)
        res:reply(201, "text", { ["X-A"] = { "1", "2" }, ["X-B"] = 3 })
      end)
      assert.equal(201, got.status)
      assert.equal("text", got.body)
      assert.equal("text/plain; charset=utf-8", got.headers["content-type"])
      assert.equal("1, 2", got.headers["x-a"])
      assert.equal("3", got.headers["x-b"])
      assert.truthy(got.headers.date:find("^%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT$"))
      serving.stop()
      got = answer(function(_, res)
        res:reply(200, { a = 1 }, { ["content-type"] = "application/x+json" })
      end)
      assert.equal("application/x+json", got.headers["content-type"])
      assert.equal('{"a":1}', got.body)
      serving.stop()
      got = answer(function(_, res) res:reply(200) end)
      assert.equal("0", got.headers["content-length"])
      assert.is_nil(got.headers["content-type"])
    end)

    it("has the Date that is given, and no second one", function()
      local date = "Sun, 06 Nov 1994 08:49:37 GMT"
      local got = answer(function(_, res) res:reply(200, "x", { date = date }) end)
      assert.equal(date, got.headers.date)
    end)

    for _, status in ipairs { 204, 304 } do
      it("sends no body with " .. status, function()
        serving.start(function(server)
          server:get("/", function(_, res) res:reply(status, "body") end)
          server:get("/next", hello)
        end)
        local got = serving.ask "GET /"
        assert.equal(status, got.status)
        assert.equal("", got.body)
        assert.is_nil(got.headers["content-type"])
        assert.equal("hello", serving.ask("GET /next").body)
      end)
    end

    it("raises on a second response, and the first stands", function()
      local errors = {}
      local function try(...) table.insert(errors, (select(2, pcall(...)))) end
      local got = answer(function(_, res)
        res:reply(200, "first")
        try(res.reply, res, 200, "second")
        try(res.write_head, res, 200)
        try(res.event_stream, res)
        assert(res.closed)
      end)
      assert.equal("first", got.body)
      assert.equal(3, #errors)
      for _, err in ipairs(errors) do assert.truthy(err:find("answered already", 1, true), err) end
      assert.same({}, serving.errors)
    end)

    for name, case in pairs {
      ["a header with a line end"] = { { 200, "", { X = "a\r\nSet-Cookie: b" } },
        "control character" },
      ["a header's name"] = { { 200, "", { ["X Y"] = "a" } }, "not a header name" },
      ["a length of its own"] = { { 200, "", { ["Content-Length"] = "1" } }, "set by the library" },
      ["a status"] = { { 99, "" }, "status" },
      ["a body"] = { { 200, 5 }, "string or a table" },
      ["a body that is no JSON"] = { { 200, { f = print } }, "JSON" },
      ["headers that are no table"] = { { 200, "", "X: y" }, "table" },
    } do
      it("raises on " .. name .. " that can't be sent, which is a 500", function()
        local got = answer(function(_, res) res:reply(table.unpack(case[1])) end)
        assert.equal(500, got.status)
        assert.equal(1, #serving.errors)
        assert.truthy(serving.errors[1].message:find(case[2], 1, true), serving.errors[1].message)
      end)
    end

    it("sends pieces as they come", function()
      local go
      serving.start(function(server)
        server:get("/", function(_, res)
          assert(res:write_head(200, { ["Content-Type"] = "text/x" }))
          assert(res:write "one")
          assert(res:write "")
          task.await(function(resume) go = resume end)
          assert(res:write "two")
          res:finish()
          assert.same({ nil, "closed", "ECLOSED" }, { res:write "three" })
        end)
      end)
      local client = serving.listen()
      assert.equal("text/x", client.headers["content-type"])
      assert.equal("one", client:till "one")
      go()
      assert.equal("two", (client:rest()))
      assert.same({}, serving.errors)
    end)

    it("begins by itself at the first piece", function()
      local got = answer(function(_, res) res:write "a" res:write "b" res:finish() end)
      assert.equal("ab", got.body)
      local framing = transport.protocol == "HTTP/1.1" and "chunked" or nil
      assert.equal(framing, got.headers["transfer-encoding"])
      assert.equal("text/plain; charset=utf-8", got.headers["content-type"])
    end)

    it("sends HEAD the head of a streamed response", function()
      serving.start(function(server)
        server:get("/", function(_, res) res:write "a" res:finish() end)
        server:get("/next", hello)
      end)
      assert.equal(200, serving.ask("HEAD /").status)
      assert.equal("hello", serving.ask("GET /next").body)
    end)

    it("finishes with an empty response where there was none", function()
      local got = answer(function(_, res) res:finish() end)
      assert.equal(200, got.status)
      assert.equal("", got.body)
    end)

    it("tells when the client is too slow, and waits for it", function()
      local sent, full = 0, 0
      serving.start(function(server)
        server:get("/", function(_, res)
          local piece = ("x"):rep(100000)
          while sent < 200 do
            local ok, message, code = res:write(piece)
            if ok then
              sent = sent + 1
            else
              assert(message == "full" and code == "EFULL")
              full = full + 1
              assert(res:drain())
              assert(res.pending == 0)
            end
          end
          res:finish()
        end)
      end)
      local client = serving.listen()
      client:pause()
      raw.pump(function() return full > 0 end, "a full queue")
      client:resume()
      assert.equal(200 * 100000, #client:rest())
      assert.same({}, serving.errors)
    end)

    it("tells when the client leaves, and who waits for it", function()
      local reason, drained
      serving.start(function(server)
        server:get("/", function(_, res)
          res.on_close = function(why) reason = why end
          assert.is_function(res.on_close)
          while res:write(("x"):rep(100000)) do end
          drained = { res:drain() }
          assert.same({ nil, "closed", "ECLOSED" }, { res:write "x" })
          assert.is_true(res.closed)
        end)
      end)
      local client = serving.listen()
      client:close()
      raw.pump(function() return reason and drained end, "on_close")
      assert.equal("client", reason)
      assert.same({ nil, "closed", "ECLOSED" }, drained)
      assert.same({}, serving.errors)
    end)

    it("gives nil, or a closed stream, where the client left before the response", function()
      local go, got, reason, closed
      -- A client that aborts may look half-closed; its connection then ends after idle_timeout.
      serving.start({ idle_timeout = 50 }, function(server)
        server:get("/", function(_, res)
          res.on_close = function(why) reason = why end
          task.await(function(resume) go = resume end)
          local replied = res:reply(200, "late")
          local stream = res:event_stream()
          stream.on_close = function(why) closed = why end
          got = { replied or false, stream.closed, stream:send "late" }
        end)
      end)
      local leave = serving.begin "GET /"
      raw.pump(function() return go end, "the handler")
      leave()
      raw.pump(function() return reason end, "on_close")
      go()
      assert.equal("client", reason)
      assert.same({ false, true, nil, "closed", "ECLOSED" }, got)
      raw.pump(function() return closed end, "the stream's on_close")
      assert.equal("client", closed)
      assert.same({}, serving.errors)
    end)

    it("takes only a function as on_close", function()
      local got = answer(function(_, res) res.on_close = "x" end)
      assert.equal(500, got.status)
      assert.truthy(serving.errors[1].message:find("on_close must be a function", 1, true))
    end)
  end)
end)

describe("server", function()
  after_each(serving.stop)

  it("ends HTTP/1.0 responses by closing", function()
    serving.start(function(server)
      server:get("/", function(_, res) res:write "a" res:write "b" res:finish() end)
    end)
    local client = serving.connect()
    client:send("GET / HTTP/1.0\r\n\r\n")
    local got = client:response()
    assert.is_nil(got.headers["transfer-encoding"])
    assert.equal("ab", got.body)
  end)

  it("sends a piece in a chunk, and serves the next request behind it", function()
    serving.start(function(server)
      server:get("/", function(_, res) res:write "one" res:write "two" res:finish() end)
    end)
    local client = serving.connect()
    client:send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    client:head()
    local want = "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
    assert.equal(want, client:receive_until("0\r\n\r\n"))
    assert.equal("", client:request("HEAD /").body)
    assert.equal("onetwo", client:request("GET /").body)
  end)

  for _, recorded in ipairs { false, true } do
    it("closes a response as soon as it finds the client gone" ..
      (recorded and ", also with on_response" or ""), function()
      local client, got, reason
      local on_response = recorded and function() end or nil
      serving.start({ on_response = on_response }, function(server)
        server:get("/", function(_, res)
          res.on_close = function(why) reason = why end
          client:reset()
          local n = 0
          while not res.closed and n < 1000 do
            res:write(("x"):rep(10000))
            n = n + 1
          end
          got = table.pack(n < 1000, reason, (res:write ""), (res:drain()), res:write "x")
        end)
      end)
      client = serving.connect()
      client:send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      raw.pump(function() return reason end, "on_close")
      assert.same({ n = 7, true, nil, nil, nil, nil, "closed", "ECLOSED" }, got)
      assert.equal("client", reason)
      assert.same({}, serving.errors)
    end)
  end
end)
