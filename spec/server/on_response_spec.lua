-- server.on_response: one entry for each response, when it has ended. (Responses that the core
-- sends by itself: on_response_refusals_spec.lua; how a response ends: on_response_ends_spec.lua.)
local certs = require "spec.support.certs"
local entries = require "spec.support.entries"
local keep = require "spec.support.kept"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"

local check, start = entries.check, entries.start

local FIELDS = { req = true, method = true, target = true, protocol = true, remote_address = true,
  status = true, bytes = true, ms = true, time = true, reason = true,
  id = true }

serving.each("server.on_response", function(transport)
  after_each(serving.stop)

  it("tells of a whole reply", function()
    local before, seen = os.time(), nil
    start(function(server)
      server:get("/hello", function(req, res)
        seen = req
        req.user = "me"
        res:reply(201, "hello")
      end)
    end)
    serving.ask("GET /hello?x=1")
    local entry = check(1, { method = "GET", target = "/hello?x=1", status = 201, bytes = 5,
      remote_address = "127.0.0.1", protocol = transport.protocol, reason = "finished" })
    assert.equal(seen, entry.req)
    assert.equal("me", entry.req.user)
    assert.truthy(entry.time >= before and entry.time <= os.time())
    for name in pairs(entry) do assert.truthy(FIELDS[name], name) end
    assert.equal(1, #entries.list)
  end)

  it("tells of pieces, of HEAD, of no body, and of what no handler answers", function()
    start(function(server)
      server:get("/pieces", function(_, res)
        for i = 1, 3 do
          res:write(("x"):rep(i * 1000))
          sse.sleep(5)
        end
      end)
      server:get("/head", function(_, res) res:write "not sent" end)
      server:get("/none", function(_, res) res:reply(204) end)
    end)
    serving.ask("GET /pieces")
    assert.truthy(check(1, { status = 200, bytes = 6000, reason = "finished" }).ms > 0)
    serving.ask("HEAD /head")
    check(2, { method = "HEAD", status = 200, bytes = 0, reason = "finished" })
    serving.ask("GET /none")
    check(3, { status = 204, bytes = 0, reason = "finished" })
    serving.ask("GET /nowhere")
    assert.equal("/nowhere", check(4, { status = 404, reason = "finished" }).req.path)
    serving.ask("POST /none", nil, "x")
    check(5, { status = 405, method = "POST", reason = "finished" })
  end)

  it("tells of a file", function()
    local text = ("0123456789"):rep(100000)
    local path = certs.write("file", text)
    start(function(server) server:get("/", sse.file(path)) end)
    assert.equal(#text, #serving.ask("GET /").body)
    check(1, { status = 200, bytes = #text, reason = "finished" })
  end)

  it("tells of a handler's error", function()
    start(function(server)
      server:get("/raises", function() error "no" end)
      server:get("/begun", function(_, res)
        res:write "x"
        error "no"
      end)
    end)
    assert.equal(500, serving.ask("GET /raises").status)
    check(1, { status = 500, bytes = #"Internal Server Error\n", reason = "finished" })
    local got = serving.ask("GET /begun") -- of which nothing had been sent
    assert.equal(500, got.status)
    check(2, { status = 500, bytes = #got.body, reason = "error" })
  end)

  it("tells of a client that leaves, before the head and within the body", function()
    local waiting -- over HTTP/1, until idle_timeout: the client may have closed its sending side
    start(function(server)
      server:get("/silent", function(_, res)
        waiting = true
        res:detach()
      end)
      server:get("/pieces", function(_, res)
        while res:write(("x"):rep(1000)) do sse.sleep(1) end
      end)
    end, { idle_timeout = 50 })
    local abort = serving.begin "GET /silent"
    raw.pump(function() return waiting end, "the request")
    abort()
    check(1, { target = "/silent", status = 0, bytes = 0, reason = "client" })
    local client = serving.listen "/pieces"
    client:till "x"
    client:close()
    -- The framing of what was not sent counts against what was.
    assert.truthy(check(2, { status = 200, reason = "client" }).bytes >= 900)
  end)

  it("tells of an event stream when it has ended, and why", function()
    local streams = {}
    start(function(server)
      server:get("/", function(_, res)
        local stream = res:event_stream { compress = false }
        streams[#streams + 1] = stream
        stream:send "tick"
      end)
    end)
    local client = serving.listen "/"
    client:till "data: tick\n\n"
    assert.same({}, entries.list)
    streams[1]:close()
    client:rest()
    check(1, { status = 200, bytes = 12, reason = "server" })
    client = serving.listen "/"
    client:till "data: tick\n\n"
    client:close()
    check(2, { status = 200, bytes = 12, reason = "client" })
    assert.equal("/", entries.list[2].req.path)
  end)

  it("has every entry before server:shutdown returns", function()
    local server = start(function(server)
      server:get("/", function(_, res) keep(res:event_stream()) end)
    end)
    serving.listen "/"
    serving.listen "/"
    server:shutdown { within = 10, grace = 50, retry = 10 }
    assert.equal(2, #entries.list)
    for n = 1, 2 do
      assert.truthy(check(n, { status = 200, reason = "server" }).bytes > 0) -- retry:
    end
  end)

  it("may change the entry and raise", function()
    start(function(s) s:get("/", function(_, res) res:reply(200) end) end, {
      on_response = function(entry)
        entry.req, entry.method = 1, nil
        error "no"
      end,
    })
    serving.ask "GET /"
    raw.pump(function() return serving.errors[1] end, "the error")
    assert.equal("on_response", serving.errors[1].context.what)
    assert.equal("GET", serving.errors[1].context.req.method)
  end)

  it("may close the server, raise and collect", function()
    local server
    server = start(function(s)
      s:get("/", function(_, res) res:reply(200, "fine") end)
    end, { on_response = function(entry)
      entries.keep(entry)
      collectgarbage()
      if #entries.list == 2 then server:close() end
      error "from on_response"
    end })
    assert.equal("fine", serving.ask("GET /").body)
    check(1, { status = 200 })
    serving.send("GET /")
    check(2, { status = 200 })
    raw.pump(function() return #serving.errors == 2 end, "the errors")
    assert.truthy(tostring(serving.errors[1].message):find "from on_response")
  end)

  it("can be set and taken away", function()
    local server = serving.start(function(s)
      s:get("/", function(_, res) res:reply(200, "fine") end)
    end)
    entries.clear()
    serving.ask "GET /"
    local function f(entry) entries.keep(entry) end
    server.on_response = f
    assert.equal(f, server.on_response)
    serving.ask("GET /?second")
    check(1, { target = "/?second" })
    server.on_response = nil
    serving.ask("GET /")
    assert.equal(1, #entries.list)
    assert.has_error(function() server.on_response = 1 end,
      "on_response must be a function or nil, got number 1 [docs/errors.md#options]")
  end)

  it("keeps nothing of a response that has ended", function()
    local held, streams = setmetatable({}, { __mode = "v" }), {}
    start(function(server)
      server:get("/", function(req, res)
        held[#held + 1] = req
        streams[#streams + 1] = res:event_stream()
      end)
    end)
    for _ = 1, 3 do serving.listen("/"):close() end
    check(3, { reason = "client" })
    entries.clear()
    streams = nil
    raw.pump(function()
      collectgarbage()
      return next(held) == nil
    end, "the requests to be collected")
  end)
end)
