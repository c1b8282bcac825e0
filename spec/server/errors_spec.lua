-- Errors in handlers, and CORS fields on every kind of response, over each transport.
local core = require "sse.core"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local task = require "sse.task"

serving.each("server error", function(transport)
  after_each(serving.stop)

  it("in a handler is a 500 and goes to on_error, and the next request is served", function()
    serving.start(function(server)
      server:get("/boom/:x", function() error("boom") end)
      server:get("/table", function() error({ code = 7 }) end)
      server:get("/late", function()
        task.sleep(1)
        error("late")
      end)
      server:get("/", function(_, res) res:reply(200, "fine") end)
    end)
    local got = serving.ask "GET /boom/a%20b"
    assert.equal(500, got.status)
    assert.equal("Internal Server Error\n", got.body)
    assert.equal(500, serving.ask("GET /table").status)
    assert.equal(500, serving.ask("GET /late").status)
    assert.equal("fine", serving.ask("GET /").body)
    assert.equal(transport.protocol, got.protocol)
    assert.equal(3, #serving.errors)
    local first = serving.errors[1]
    assert.truthy(first.message:find("server/errors_spec.lua:%d+: boom\nstack traceback:"),
      first.message)
    assert.equal("/boom/a b", first.req.path)
    assert.equal("GET", first.req.method)
    assert.same({ code = 7 }, serving.errors[2].message)
    assert.truthy(serving.errors[3].message:find("late", 1, true))
  end)

  it("after the response is reported and changes nothing", function()
    serving.start(function(server)
      server:get("/", function(_, res)
        res:reply(200, "fine")
        error("after")
      end)
    end)
    assert.equal("fine", serving.ask("GET /").body)
    assert.equal("fine", serving.ask("GET /").body)
    assert.equal(2, #serving.errors)
  end)

  it("in the middle of a response breaks it off, so that it can't be taken for whole", function()
    serving.start(function(server)
      server:get("/", function(_, res)
        res:write "half"
        task.sleep(1)
        error("middle")
      end)
    end)
    local half, why = serving.listen():rest()
    assert.equal("half", half)
    assert.equal("ECONNRESET", why.code)
    assert.equal(1, #serving.errors)
  end)

  it("in the middle of a stream closes it", function()
    local reason
    serving.start(function(server)
      server:get("/", function(_, res)
        local stream = res:event_stream()
        stream.on_close = function(why) reason = why end
        stream:send "x"
        task.sleep(1)
        error("middle")
      end)
    end)
    local client = serving.listen()
    client:till "x\n\n"
    assert.equal("ECONNRESET", select(2, client:rest()).code)
    assert.equal("error", reason)
    assert.equal(1, #serving.errors)
  end)

  it("goes to standard error without on_error", function()
    local real, text = io.stderr, ""
    local server = serving.start(function(s)
      s:get("/a b", function() error("boom") end)
    end)
    server.on_error = nil
    io.stderr = { write = function(_, bytes) text = text .. bytes end } -- luacheck: ignore 122
    local ok, got = pcall(serving.ask, "GET /a%20b")
    io.stderr = real -- luacheck: ignore 122
    assert(ok, got)
    assert.equal(500, got.status)
    assert.truthy(text:find("^lua%-sse: error in handler GET /a b: .*boom\nstack traceback:"), text)
  end)

  it("in on_error stops the loop, which raises it", function()
    local server = serving.start(function(s) s:get("/", function() error("first") end) end)
    server.on_error = function() error("second") end
    local got
    task.spawn(function() got = serving.ask "GET /" end)
    local ok, err = pcall(raw.pump, function() return got end, "the response")
    assert.is_false(ok)
    assert.truthy(tostring(err):find("second", 1, true), err)
    raw.pump(function() return got end, "the response")
    assert.equal(500, got.status)
  end)

  it("is a handler that returns without a response, at once and without a collection", function()
    local kept
    serving.start(function(server)
      server:get("/forgotten", function() end)
      server:get("/kept", function(_, res) kept = res end)
    end)
    local collected = false
    collectgarbage("stop")
    setmetatable({}, { __gc = function() collected = true end })
    local got = {}
    task.spawn(function()
      for i, path in ipairs { "forgotten", "kept" } do
        got[i] = serving.ask("GET /" .. path).status
      end
    end)
    local ok, err = pcall(raw.pump, function() return got[2] end, "both responses")
    local without_collection = not collected
    collectgarbage("restart")
    assert(ok, err)
    assert.is_true(without_collection or os.getenv "SSE_STRESS_GC" ~= nil)
    assert.same({ 500, 500 }, got)
    assert.equal(2, #serving.errors)
    assert.truthy(serving.errors[1].message:find("or res:detach() to answer later", 1, true))
    assert.equal("/forgotten", serving.errors[1].req.path)
    assert.is_true(kept.closed)
  end)

  it("is a handler without a response that sets on_close, too", function()
    local reasons = {}
    serving.start(function(server)
      server:get("/", function(_, res)
        res.on_close = function(reason) reasons[#reasons + 1] = reason end
      end)
    end)
    assert.equal(500, serving.ask("GET /").status)
    assert.truthy(serving.errors[1].message:find("without an answer", 1, true))
    assert.same({}, reasons)
  end)

  it("is none where the connection was closed meanwhile", function()
    local go, over
    serving.start(function(server)
      server:get("/", function()
        task.await(function(resume) go = resume end)
        over = true
      end)
    end)
    serving.begin "GET /"
    raw.pump(function() return go end, "the handler")
    serving.close()
    go()
    assert.is_true(over)
    assert.same({}, serving.errors)
  end)

  it("does not come from a task that still waits", function()
    local go
    serving.start(function(server)
      server:get("/", function(_, res)
        task.await(function(resume) go = resume end)
        res:reply(200, "waited")
      end)
    end)
    local response
    task.spawn(function() response = serving.ask "GET /" end)
    raw.pump(function() return go end, "the handler")
    core.defer(collectgarbage)
    core.turn()
    go()
    raw.pump(function() return response end, "the response")
    assert.equal("waited", response.body)
  end)
end)

serving.each("server cors", function()
  after_each(serving.stop)

  local ORIGIN = { Origin = "https://app.example" }
  local function start(cors)
    serving.start({ cors = cors }, function(server)
      server:get("/", function(_, res) res:reply(200, "x", { Vary = "Accept" }) end)
      server:post("/", function(_, res) res:reply(204) end)
      server:get("/stream", function(_, res) res:event_stream():close() end)
      server:get("/pieces", function(_, res) res:write "x" res:finish() end)
      server:get("/boom", function() error("boom") end)
    end)
  end

  it("is on responses of every kind", function()
    start { origin = { "https://app.example" }, credentials = true }
    for line, status in pairs {
      ["GET /"] = 200, ["POST /"] = 204, ["GET /stream"] = 200, ["GET /pieces"] = 200,
      ["GET /boom"] = 500,
      ["GET /nothing"] = 404, ["PUT /"] = 405, ["OPTIONS /"] = 204, ["HEAD /"] = 200,
    } do
      local got = serving.ask(line, ORIGIN)
      assert.equal(status, got.status)
      assert.equal("https://app.example", got.headers["access-control-allow-origin"], line)
      assert.equal("true", got.headers["access-control-allow-credentials"])
      assert.truthy(got.headers.vary:find("Origin", 1, true))
    end
    assert.equal("Origin, Accept", serving.ask("GET /", ORIGIN).headers.vary)
  end)

  it("serves a refused origin without the headers", function()
    start { origin = "https://other.example" }
    for _, line in ipairs { "GET /", "GET /stream", "GET /nothing", "OPTIONS /" } do
      local got = serving.ask(line, ORIGIN)
      assert.is_nil(got.headers["access-control-allow-origin"])
      assert.truthy(got.headers.vary:find("Origin", 1, true))
    end
    local got = serving.ask("OPTIONS /", { Origin = ORIGIN.Origin,
      ["Access-Control-Request-Method"] = "POST" })
    assert.equal(204, got.status)
    assert.is_nil(got.headers["access-control-allow-origin"])
    assert.is_nil(got.headers["access-control-allow-methods"])
  end)

  it("answers a preflight with the path's methods", function()
    start { origin = "https://app.example", max_age = 60000 }
    local asks = {
      Origin = ORIGIN.Origin, ["Access-Control-Request-Method"] = "POST",
      ["Access-Control-Request-Headers"] = "content-type,x-key",
    }
    local got = serving.ask("OPTIONS /", asks)
    assert.equal(204, got.status)
    assert.equal("https://app.example", got.headers["access-control-allow-origin"])
    assert.equal("GET, HEAD, POST, OPTIONS", got.headers["access-control-allow-methods"])
    assert.equal("content-type, x-key", got.headers["access-control-allow-headers"])
    assert.equal("60", got.headers["access-control-max-age"])
    assert.equal(404, serving.ask("OPTIONS /nothing", asks).status)
  end)

  it("takes a function, whose error is a 500", function()
    start { origin = function(origin, req)
      if req.path == "/boom" then error("deciding") end
      return origin == "https://app.example"
    end }
    assert.equal("https://app.example", serving.ask("GET /",
      ORIGIN).headers["access-control-allow-origin"])
    assert.equal(500, serving.ask("GET /boom", ORIGIN).status)
    assert.truthy(serving.errors[1].message:find("deciding", 1, true))
  end)

  it("is silent where it is off", function()
    start(false)
    local got = serving.ask("GET /", ORIGIN)
    assert.equal("Accept", got.headers.vary)
    assert.is_nil(got.headers["access-control-allow-origin"])
  end)
end)
