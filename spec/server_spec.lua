-- The server's Lua face over real sockets: routes, requests, answers. (Streams: server_stream_spec.lua.)
local core = require "sse.core"
local new_server = require "sse.server"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local task = require "sse.task"

local function hello(_, res) res:reply(200, "hello") end

describe("server", function()
  after_each(serving.stop)

  describe("routes", function()
    before_each(function()
      serving.start(function(server)
        server:get("/", hello)
        server:get("/clock/:zone", function(req, res) res:reply(200, req.params) end)
        server:post("/say", function(req, res) res:reply(200, req:text()) end)
        server:put("/x", hello):patch("/x", hello):delete("/x", hello)
        server:route("PURGE", "/x", hello)
        server:all("/all", function(req, res) res:reply(200, req.method) end)
        server:options("/own", function(_, res) res:reply(200, "mine") end)
        server:get("/own", hello)
      end)
    end)

    it("hands parameters over", function()
      local answer = serving.request("GET /clock/Europe%2FParis?x=y")
      assert.equal(200, answer.status)
      assert.equal('{"zone":"Europe/Paris"}', (answer.body:gsub("\\/", "/")))
      assert.equal("application/json", answer.headers["content-type"])
    end)

    it("answers 404 to a path nobody serves", function()
      local answer = serving.request("GET /nothing")
      assert.equal(404, answer.status)
      assert.equal("Not Found\n", answer.body)
      assert.equal(404, serving.request("OPTIONS /nothing").status)
    end)

    it("answers 405 with Allow to another method", function()
      local answer = serving.request("GET /x")
      assert.equal(405, answer.status)
      assert.equal("PUT, PATCH, DELETE, OPTIONS, PURGE", answer.headers.allow)
      assert.equal("GET, HEAD, OPTIONS", serving.request("POST /", nil, "body").headers.allow)
      for _, method in ipairs { "PUT", "PATCH", "DELETE", "PURGE" } do
        assert.equal(200, serving.request(method .. " /x").status)
      end
    end)

    it("answers HEAD as GET without the body", function()
      local client = serving.connect()
      local head, get = client:request("HEAD /"), client:request("GET /")
      assert.equal(200, head.status)
      assert.equal("", head.body)
      assert.equal("5", head.headers["content-length"])
      assert.equal("hello", get.body)
      assert.equal(405, client:request("HEAD /say").status)
      assert.equal(404, client:request("HEAD /nothing").status)
    end)

    it("answers OPTIONS with Allow unless a handler does", function()
      local answer = serving.request("OPTIONS /clock/x")
      assert.equal(204, answer.status)
      assert.equal("GET, HEAD, OPTIONS", answer.headers.allow)
      assert.equal("mine", serving.request("OPTIONS /own").body)
      local all = serving.request("OPTIONS *")
      assert.equal(204, all.status)
      assert.truthy(all.headers.allow:find("POST", 1, true))
    end)

    it("hands any method over where all are taken", function()
      for _, method in ipairs { "GET", "POST", "OPTIONS", "BREW" } do
        assert.equal(method, serving.request(method .. " /all").body)
      end
    end)

    it("takes a target in absolute form", function()
      assert.equal('{"zone":"x"}', serving.request("GET http://localhost/clock/x?y").body)
    end)
  end)

  describe("req", function()
    local seen

    before_each(function()
      seen = nil
      serving.start(function(server)
        server:post("/a/:b", function(req, res)
          seen = req
          res:reply(204)
        end)
        server:get("/id", function(req, res) res:reply(200, tostring(req.last_event_id)) end)
        server:post("/json", function(req, res)
          local value, message = req:json()
          res:reply(value and 200 or 422, value or tostring(message ~= nil))
        end)
      end)
    end)

    it("tells all of a request, also after the answer", function()
      serving.request("POST /a/b%20c?x=1&x=2&y=%2B+", { ["X-One"] = "1", ["x-one"] = "2" }, "text")
      assert.equal("POST", seen.method)
      assert.equal("/a/b c", seen.path)
      assert.equal("/a/b%20c?x=1&x=2&y=%2B+", seen.target)
      assert.same({ b = "b c" }, seen.params)
      assert.same({ x = "2", y = "+ " }, seen.query)
      assert.same({ "1", "2" }, seen:query_all "x")
      assert.equal("text", seen.body)
      assert.equal("text", seen:text())
      assert.equal("127.0.0.1", seen.remote_address)
      assert.equal("HTTP/1.1", seen.protocol)
      assert.equal("localhost", seen.headers.host)
      assert.equal("localhost", seen.headers["HOST"])
      assert.truthy(seen.headers["x-one"] == "1, 2" or seen.headers["x-one"] == "2, 1")
      assert.equal("localhost", seen:header "Host")
      assert.is_nil(seen.headers.nothing)
      assert.is_nil(seen.last_event_id)
    end)

    it("tells the last event id by header, then by query, and none where it is empty", function()
      local function id(path, header)
        return serving.request("GET " .. path, header and { ["Last-Event-ID"] = header }).body
      end
      assert.equal("h", id("/id?lastEventId=q", "h"))
      assert.equal("q r", id("/id?lastEventId=q+r"))
      assert.equal("q", id("/id?lastEventId=q", ""))
      assert.equal("nil", id("/id?lastEventId=", ""))
      assert.equal("nil", id("/id"))
      assert.equal("é", id("/id", "é"))
    end)

    it("decodes JSON, and tells what is none", function()
      assert.equal('{"a":[1]}', serving.request("POST /json", nil, '{"a":[1]}').body)
      assert.equal(422, serving.request("POST /json", nil, "{").status)
      assert.equal(422, serving.request("POST /json", nil, "").status)
    end)

    it("has a chunked body whole", function()
      local client = serving.connect()
      client:send(raw.crlf "POST /json HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n")
      client:send(raw.crlf '2\n{"\n')
      client:send(raw.crlf '5;x=y\na":1}\n0\nX: y\n\n')
      assert.equal('{"a":1}', client:response().body)
    end)
  end)

  describe("res", function()
    local function answer(handler, line)
      serving.start(function(server) server:get("/", handler) end)
      return serving.request(line or "GET /")
    end

    it("replies with text, JSON or nothing", function()
      local got = answer(function(_, res) res:reply(201, "text", { ["X-A"] = { "1", "2" }, ["X-B"] = 3 }) end)
      assert.equal(201, got.status)
      assert.equal("text", got.body)
      assert.equal("text/plain; charset=utf-8", got.headers["content-type"])
      assert.equal("1, 2", got.headers["x-a"])
      assert.equal("3", got.headers["x-b"])
      assert.truthy(got.headers.date:find("^%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT$"))
      serving.stop()
      got = answer(function(_, res) res:reply(200, { a = 1 }, { ["content-type"] = "application/x+json" }) end)
      assert.equal("application/x+json", got.headers["content-type"])
      assert.equal('{"a":1}', got.body)
      serving.stop()
      got = answer(function(_, res) res:reply(200) end)
      assert.equal("0", got.headers["content-length"])
      assert.is_nil(got.headers["content-type"])
    end)

    for _, status in ipairs { 204, 304 } do
      it("sends no body with " .. status, function()
        serving.start(function(server)
          server:get("/", function(_, res) res:reply(status, "body") end)
          server:get("/next", hello)
        end)
        local client = serving.connect()
        local got = client:request("GET /")
        assert.equal(status, got.status)
        assert.is_nil(got.headers["content-type"])
        assert.equal("hello", client:request("GET /next").body)
      end)
    end

    it("raises on a second answer, and the first stands", function()
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
      ["a header with a line end"] = { { 200, "", { X = "a\r\nSet-Cookie: b" } }, "control character" },
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
      local client = serving.connect()
      client:send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      assert.equal("text/x", client:head().headers["content-type"])
      assert.equal("3\r\none\r\n", client:receive_until("one\r\n"))
      go()
      assert.equal("3\r\ntwo\r\n0\r\n\r\n", client:receive_until("\r\n\r\n"))
      assert.same({}, serving.errors)
    end)

    it("begins by itself at the first piece", function()
      local got = answer(function(_, res) res:write "a" res:write "b" res:finish() end)
      assert.equal("ab", got.body)
      assert.equal("chunked", got.headers["transfer-encoding"])
      assert.equal("text/plain; charset=utf-8", got.headers["content-type"])
    end)

    it("ends HTTP/1.0 answers by closing", function()
      serving.start(function(server)
        server:get("/", function(_, res) res:write "a" res:write "b" res:finish() end)
      end)
      local client = serving.connect()
      client:send("GET / HTTP/1.0\r\n\r\n")
      local got = client:response()
      assert.is_nil(got.headers["transfer-encoding"])
      assert.equal("ab", got.body)
    end)

    it("sends HEAD the head of a streamed answer", function()
      serving.start(function(server)
        server:get("/", function(_, res) res:write "a" res:finish() end)
        server:get("/next", hello)
      end)
      local client = serving.connect()
      assert.equal(200, client:request("HEAD /").status)
      assert.equal("hello", client:request("GET /next").body)
    end)

    it("finishes with an empty answer where there was none", function()
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
      local client = serving.connect()
      client:send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      raw.pump(function() return full > 0 end, "a full queue")
      assert.equal(200 * 100000, #client:response().body)
      assert.same({}, serving.errors)
    end)

    it("tells when the client leaves, and who waits for it", function()
      local reason, drained
      serving.start(function(server)
        server:get("/", function(_, res)
          res.onclose = function(why) reason = why end
          assert.is_function(res.onclose)
          while res:write(("x"):rep(100000)) do end
          drained = { res:drain() }
          assert.same({ nil, "closed", "ECLOSED" }, { res:write "x" })
          assert.is_true(res.closed)
        end)
      end)
      local client = serving.connect()
      client:send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      client:head()
      client:reset()
      raw.pump(function() return reason and drained end, "onclose")
      assert.equal("client", reason)
      assert.same({ nil, "closed", "ECLOSED" }, drained)
      assert.same({}, serving.errors)
    end)

    it("gives nil where the client left before the answer", function()
      local go, got, reason
      serving.start(function(server)
        server:get("/", function(_, res)
          res.onclose = function(why) reason = why end
          task.await(function(resume) go = resume end)
          got = { res:reply(200, "late"), res:event_stream() }
        end)
      end)
      local client = serving.connect()
      client:send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      raw.pump(function() return go end, "the handler")
      client:reset()
      raw.pump(function() return reason end, "onclose")
      go()
      assert.equal("client", reason)
      assert.same({ nil, nil, "closed", "ECLOSED" }, { got[1], got[2], got[3], got[4] })
      assert.same({}, serving.errors)
    end)

    it("takes only a function as onclose", function()
      local got = answer(function(_, res) res.onclose = "x" end)
      assert.equal(500, got.status)
      assert.truthy(serving.errors[1].message:find("onclose must be a function", 1, true))
    end)
  end)

  it("answers from another task, later", function()
    serving.start(function(server)
      server:get("/", function(_, res)
        task.spawn(function()
          task.sleep(5)
          res:reply(200, "later")
        end)
      end)
    end)
    assert.equal("later", serving.request("GET /").body)
  end)

  it("answers pipelined requests in their order", function()
    local go
    serving.start(function(server)
      server:get("/slow", function(_, res)
        task.await(function(resume) go = resume end)
        res:reply(200, "slow")
      end)
      server:get("/", hello)
    end)
    local client = serving.connect()
    client:send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
    raw.pump(function() return go end, "the slow handler")
    go()
    assert.equal("slow", client:response().body)
    assert.equal("hello", client:response().body)
  end)

  describe("listening", function()
    it("tells the port, and counts", function()
      local server = serving.start(function(s) s:get("/", hello) end)
      assert.is_true(server.port > 0)
      local client = serving.connect()
      client:request("GET /")
      client:request("GET /")
      local stats = server:stats()
      assert.equal(1, stats.connections)
      assert.equal(1, stats.accepted)
      assert.equal(2, stats.requests)
      assert.is_true(stats.bytes_in > 0 and stats.bytes_out > 0)
    end)

    it("refuses a second listen", function()
      local server = serving.start()
      local ok, message, code = server:listen()
      assert.is_nil(ok)
      assert.is_string(message)
      assert.equal("ESTATE", code)
    end)

    it("closes connections and their answers at once", function()
      local reasons = {}
      local server = serving.start(function(s)
        s:get("/", function(_, res)
          res.onclose = function(why) table.insert(reasons, why) end
          res:write "x"
          task.await(function() end)
        end)
      end)
      local client = serving.connect()
      client:send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      client:receive_until("x\r\n")
      server:close()
      server:close()
      assert.equal("", client:receive_all())
      raw.pump(function() return reasons[1] end, "onclose")
      assert.same({ "server" }, reasons)
    end)

    it("may be closed from a handler", function()
      local server
      server = serving.start(function(s)
        s:get("/", function(_, res)
          server:close()
          assert.is_nil((res:reply(200, "x")))
        end)
      end)
      local client = serving.connect()
      client:send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      client:receive_all()
      assert.same({}, serving.errors)
    end)

    it("lets run end once it is closed", function()
      local server = new_server { port = 0 }
      assert(server:listen())
      core.defer(function() server:close() end)
      core.run()
    end)
  end)
end)
