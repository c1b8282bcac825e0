-- The server's Lua interface over real sockets: routes, requests and responses, by our client over
-- each transport, and below by bytes on a bare socket. (Streams: push/stream_spec.lua.)
local core = require "sse.core"
local new_server = require "sse.server"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local task = require "sse.task"

local function hello(_, res) res:reply(200, "hello") end

serving.each("server", function(transport)
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
      local response = serving.ask("GET /clock/Europe%2FParis?x=y")
      assert.equal(200, response.status)
      assert.equal('{"zone":"Europe/Paris"}', (response.body:gsub("\\/", "/")))
      assert.equal("application/json", response.headers["content-type"])
    end)

    it("answers 404 to a path nobody serves", function()
      local response = serving.ask("GET /nothing")
      assert.equal(404, response.status)
      assert.equal("Not Found\n", response.body)
      assert.equal(404, serving.ask("OPTIONS /nothing").status)
    end)

    it("answers 405 with Allow to another method", function()
      local response = serving.ask("GET /x")
      assert.equal(405, response.status)
      assert.equal("PUT, PATCH, DELETE, OPTIONS, PURGE", response.headers.allow)
      assert.equal("GET, HEAD, OPTIONS", serving.ask("POST /", nil, "body").headers.allow)
      for _, method in ipairs { "PUT", "PATCH", "DELETE", "PURGE" } do
        assert.equal(200, serving.ask(method .. " /x").status)
      end
    end)

    it("answers HEAD as GET without the body", function()
      local head, get = serving.ask "HEAD /", serving.ask "GET /"
      assert.equal(200, head.status)
      assert.equal("", head.body)
      assert.equal("5", head.headers["content-length"])
      assert.equal("hello", get.body)
      assert.equal(405, serving.ask("HEAD /say").status)
      assert.equal(404, serving.ask("HEAD /nothing").status)
    end)

    it("answers OPTIONS with Allow unless a handler does", function()
      local response = serving.ask("OPTIONS /clock/x")
      assert.equal(204, response.status)
      assert.equal("GET, HEAD, OPTIONS", response.headers.allow)
      assert.equal("mine", serving.ask("OPTIONS /own").body)
    end)

    it("hands any method over where all are taken", function()
      for _, method in ipairs { "GET", "POST", "OPTIONS", "BREW" } do
        assert.equal(method, serving.ask(method .. " /all").body)
      end
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

    it("tells all of a request, also after the response", function()
      serving.ask("POST /a/b%20c?x=1&x=2&y=%2B+", { ["X-One"] = { "1", "2" } }, "text")
      assert.equal("POST", seen.method)
      assert.equal("/a/b c", seen.path)
      assert.equal("/a/b%20c?x=1&x=2&y=%2B+", seen.target)
      assert.same({ b = "b c" }, seen.params)
      assert.same({ x = "2", y = "+ " }, seen.query)
      assert.same({ "1", "2" }, seen:query_all "x")
      assert.equal("text", seen.body)
      assert.equal("text", seen:text())
      assert.equal("127.0.0.1", seen.remote_address)
      assert.equal(transport.protocol, seen.protocol)
      assert.equal(transport.secure, seen.secure)
      assert.is_nil(seen.client_certificate)
      local host = serving.url(""):match "^%w+://(.*)$"
      assert.equal(host, seen.headers.host)
      assert.equal(host, seen.headers["HOST"])
      assert.equal("1, 2", seen.headers["x-one"])
      assert.equal(host, seen:header "Host")
      assert.is_nil(seen.headers.nothing)
      assert.is_nil(seen.last_event_id)
    end)

    it("tells the last event id by header, then by query, and none where it is empty", function()
      local function id(path, header)
        return serving.ask("GET " .. path, header and { ["Last-Event-ID"] = header }).body
      end
      assert.equal("h", id("/id?lastEventId=q", "h"))
      assert.equal("q r", id("/id?lastEventId=q+r"))
      assert.equal("q", id("/id?lastEventId=q", ""))
      assert.equal("nil", id("/id?lastEventId=", ""))
      assert.equal("nil", id("/id"))
      assert.equal("é", id("/id", "é"))
    end)

    it("decodes JSON, and tells what is none", function()
      assert.equal('{"a":[1]}', serving.ask("POST /json", nil, '{"a":[1]}').body)
      assert.equal(422, serving.ask("POST /json", nil, "{").status)
      assert.equal(422, serving.ask("POST /json", nil, "").status)
    end)
  end)

  it("answers from another task, later", function()
    serving.start(function(server)
      server:get("/", function(_, res)
        res:detach()
        task.spawn(function()
          task.sleep(5)
          res:reply(200, "later")
        end)
      end)
    end)
    assert.equal("later", serving.ask("GET /").body)
  end)

  describe("listening", function()
    it("tells the port, and counts", function()
      local server = serving.start(function(s) s:get("/", hello) end)
      assert.is_true(server.port > 0)
      serving.ask "GET /"
      serving.ask "GET /"
      local stats = server:stats()
      if not transport.fresh then
        assert.equal(1, stats.connections.open)
        assert.equal(1, stats.connections.accepted)
      end
      assert.equal(2, stats.requests.received)
      assert.is_true(stats.traffic.received_bytes > 0 and stats.traffic.sent_bytes > 0)
    end)

    it("closes connections and their responses at once", function()
      local reasons = {}
      local server = serving.start(function(s)
        s:get("/", function(_, res)
          res.on_close = function(why) table.insert(reasons, why) end
          res:write "x"
          task.await(function() end)
        end)
      end)
      local client = serving.listen "/"
      client:till "x"
      server:close()
      server:close()
      local rest, why = client:rest()
      assert.equal("", rest)
      assert.equal("ECONNRESET", why.code)
      raw.pump(function() return reasons[1] end, "on_close")
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
      assert.is_nil((serving.send "GET /"))
      assert.same({}, serving.errors)
    end)
  end)
end)

describe("server", function()
  after_each(serving.stop)

  it("lets run end once it is closed", function()
    local server = new_server { port = 0 }
    assert(server:listen())
    core.defer(function() server:close() end)
    core.run()
  end)

  it("takes a target in absolute form, and the one that is a star", function()
    serving.start(function(server)
      server:get("/clock/:zone", function(req, res) res:reply(200, req.params) end)
      server:post("/say", hello)
    end)
    assert.equal('{"zone":"x"}', serving.request("GET http://localhost/clock/x?y").body)
    local all = serving.request("OPTIONS *")
    assert.equal(204, all.status)
    assert.truthy(all.headers.allow:find("POST", 1, true))
  end)

  it("joins headers whose names differ in case", function()
    local seen
    serving.start(function(server)
      server:get("/", function(req, res)
        seen = req.headers["x-one"]
        res:reply(204)
      end)
    end)
    local client = serving.connect()
    client:send("GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nx-one: 2\r\n\r\n")
    client:response()
    assert.equal("1, 2", seen)
  end)

  it("has a chunked body whole", function()
    serving.start(function(server)
      server:post("/json", function(req, res) res:reply(200, req:json()) end)
    end)
    local client = serving.connect()
    client:send(raw.crlf "POST /json HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n")
    client:send(raw.crlf '2\n{"\n')
    client:send(raw.crlf '5;x=y\na":1}\n0\nX: y\n\n')
    assert.equal('{"a":1}', client:response().body)
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
end)
