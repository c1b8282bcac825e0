-- Misuse of the server raises an error that blames the caller's line and says what was expected.
local misuse = require "spec.support.misuse"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

local blames, handle = misuse.blames, misuse.handle

describe("misuse", function()
  after_each(serving.stop)

  it("of cors blames the caller of sse.server", function()
    blames("sse.server: cors: option 'origin' must be an origin",
      function() sse.server { cors = { origin = 5 } } end)
    blames("sse.server: cors: option 'origin' is missing",
      function() sse.server { cors = {} } end)
    blames("sse.server: cors: credentials can't be allowed to any origin",
      function() sse.server { cors = { origin = "*", credentials = true } } end)
  end)

  it("of a status is told before anything is sent", function()
    handle(function(_, res)
      blames("reply: status must be a whole number from 200 to 599, got number 20",
        function() res:reply(20, "x") end)
      blames("reply: status must be a whole number from 200 to 599, got table",
        function() res:reply { a = 1 } end)
      blames('write_head: status must be a whole number from 200 to 599, got string "200"',
        function() res:write_head("200") end)
      res:reply(200)
    end)
  end)

  it("of '.' for ':' is told", function()
    local server = sse.server {}
    blames("call it with ':' (server:get)", function() server.get("/", print) end)
    blames("call it with ':' (server:listen)", function() server.listen() end)
    handle(function(req, res)
      blames("call it with ':' (res:reply)", function() res.reply(200, "x") end)
      blames("call it with ':' (res:event_stream)", function() res.event_stream() end)
      blames("call it with ':' (req:header)", function() req.header("x") end)
      res:reply(200)
    end)
  end)

  it("of JSON names the field", function()
    local bad = { f = print }
    blames("field 'data': JSON: a function can't be encoded (at f)",
      function() sse.encode { data = bad } end)
    blames("option 'body': JSON: a function can't be encoded (at f)",
      function() sse.fetch("http://127.0.0.1:1/", { body = bad }) end)
    handle(function(_, res)
      blames("reply: the body: JSON: a function can't be encoded (at f)",
        function() res:reply(200, bad) end)
      local stream = res:event_stream()
      blames("field 'data': JSON: a function can't be encoded (at f)",
        function() stream:send { data = bad } end)
      blames("on_close must be a function or nil, got number", function() stream.on_close = 5 end)
      stream:close()
    end)
  end)

  it("of a second argument, and of an event without data, is told", function()
    blames("sse.encode takes one table or string", function() sse.encode("a", "b") end)
    blames('an event needs data (data = "" for an empty one)',
      function() sse.encode { event = "x" } end)
    handle(function(_, res)
      local stream = res:event_stream()
      blames("stream:send takes one table or string", function() stream:send("time", "data") end)
      blames("an event needs data", function() stream:send { event = "x" } end)
      assert.is_true(stream:send { id = "5" })
      stream:close()
    end)
  end)

  it("of a field's name has a suggestion", function()
    local server = sse.server {}
    blames("field 'on_eror' of a server is not to be written (did you mean 'on_error'?)",
      function() server.on_eror = print end)
    blames("field 'port' of a server is not to be written", function() server.port = 5 end)
    for _, name in ipairs { "core", "router", "cors", "compress", "waiters" } do
      blames(("field '%s' of a server is not to be written"):format(name),
        function() server[name] = {} end)
      blames(("field '%s' of a server does not exist"):format(name),
        function() return server[name] end)
    end
    blames("on_error must be a function or nil, got number 5",
      function() server.on_error = 5 end)
    server.on_error = print
    assert.equal(print, server.on_error)
    local fields = {}
    for name, value in pairs(server) do fields[name] = value end
    assert.same({ port = 0, on_error = print }, fields)
    handle(function(_, res)
      blames("field 'onclos' of a response is not to be written (did you mean 'on_close'?)",
        function() res.onclos = print end)
      blames("on_close must be a function or nil, got number 5", function() res.on_close = 5 end)
      res:reply(200)
    end)
  end)

  it("of a URL says what one looks like", function()
    local expected = '(expected an absolute URL such as "http://host/path")'
    blames(expected, function() sse.EventSource("foo") end)
    blames(expected, function() sse.fetch("foo") end)
  end)

  it("of other functions is told in their words", function()
    blames('got string "1"', function() sse.sleep("1") end)
    blames("server:static: cannot read 'nowhere'",
      function() sse.server():static("/x", "nowhere") end)
    local target = sse.AbortController().signal
    blames("addEventListener: expected a type and a listener",
      function() target:addEventListener("x") end)
    target:addEventListener("x", nil)
  end)
end)

describe("the server", function()
  after_each(serving.stop)

  it("takes a route's method in any case, if it is one", function()
    serving.start(function(server)
      server:route("get", "/", function(_, res) res:reply(200, "r") end)
      blames("'g t' is not a method", function() server:route("g t", "/", print) end)
    end)
    assert.equal("r", serving.request("GET /").body)
  end)

  it("tells an address that is not there from other failures", function()
    local ok, message, code = sse.server { host = "192.0.2.1" }:listen()
    assert.is_nil(ok)
    assert.equal("EADDRNOTAVAIL", code)
    assert.equal("cannot listen on 192.0.2.1:0: this machine has no such address "
      .. "[docs/errors.md#eaddrnotavail]", message)
  end)

  it("names the limit that a body passes", function()
    serving.start({ max_body_size = 10 }, function(server)
      server:post("/", function(_, res) res:reply(200) end)
    end)
    local client = serving.connect()
    client:send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n")
    assert.truthy(client:receive_all():find("the body is larger than 10 bytes (max_body_size)", 1,
    true))
  end)

  it("answers 500 where a handler fails before a byte of its response went out", function()
    local reason
    serving.start(function(server)
      server:get("/stream", function(_, res)
        local stream = res:event_stream()
        stream.on_close = function(why) reason = why end
        stream:send "hello"
        error("boom")
      end)
      server:get("/write", function(_, res)
        res:write "hello"
        error("boom")
      end)
    end)
    for _, path in ipairs { "/stream", "/write" } do
      local response = serving.request("GET " .. path)
      assert.equal(500, response.status)
      assert.is_nil(response.body:find("hello", 1, true))
      local old = serving.connect()
      old:send(("GET %s HTTP/1.0\r\n\r\n"):format(path))
      assert.truthy(old:receive_all():find("^HTTP/1.1 500 "))
    end
    assert.equal("error", reason)
    assert.equal(4, #serving.errors)
  end)

  it("sends what was written in the turn of the error, then breaks off", function()
    serving.start(function(server)
      server:get("/", function(_, res)
        res:write "one"
        sse.sleep(1)
        res:write "two"
        error("boom")
      end)
    end)
    local client = serving.connect()
    client:send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    client:receive_until("\r\n\r\n")
    assert.equal("3\r\none\r\n3\r\ntwo\r\n", client:receive_all())
    assert.equal(1, #serving.errors)
  end)

  it("tells the client in words that a response broke off", function()
    local server = serving.start(function(server)
      server:get("/", function(_, res)
        res:write "one"
        sse.sleep(1)
        error("boom")
      end)
    end)
    local res = assert(sse.fetch(("http://127.0.0.1:%d/"):format(server.port)))
    local text, message, code = res:text()
    assert.is_nil(text)
    assert.equal("the connection broke off before the end of the answer", message)
    assert.equal("ECONNRESET", code)
  end)

  it("of the client's strings is told when it is made", function()
    for name, value in pairs { unixSocket = "a\0b", cookieFile = "a\0", noProxy = "\0" } do
      for _, fn in ipairs { sse.EventSource, sse.fetch, sse.fetchEventSource } do
        blames(("option '%s' must be a string without NUL"):format(name),
          function() fn("http://127.0.0.1:1/", { [name] = value }) end)
      end
    end
    blames("option 'tls.ca' must be a string without NUL",
      function() sse.fetch("http://127.0.0.1:1/", { tls = { ca = "a\0" } }) end)
    blames("sse.parser: option 'last_event_id' must be a string without NUL, CR and LF",
      function() sse.parser { last_event_id = "a\n" } end)
  end)

  it("of a proxy is told when it is made, without its password", function()
    for given, shown in pairs {
      ["ftp://127.0.0.1:1"] = "ftp://127.0.0.1:1", ["http://me:secret@[bad"] = "http://...@[bad",
      ["me:s/ecret@::"] = "...@::", ["http://127.0.0.1:65536"] = "http://127.0.0.1:65536",
      ["http://a\0"] = "http://a", ["http://a\r\nb"] = "http://a",
    } do
      blames("option 'proxy' must be a proxy's URL (http, https, socks4, socks4a, socks5, socks5h) "
        .. 'or "", got string "' .. shown,
        function() sse.EventSource("http://127.0.0.1:1/", { proxy = given }) end)
    end
    blames("got number 5", function() sse.fetch("http://127.0.0.1:1/", { proxy = 5 }) end)
    for _, good in ipairs { "127.0.0.1:1", "me:secret@127.0.0.1:1", "", "SOCKS5H://[::1]:1/" } do
      sse.EventSource("http://127.0.0.1:1/", { proxy = good }):close()
    end
  end)

  it("of a URL is told without its password", function()
    blames("invalid URL 'http://...@h:99999/'",
      function() sse.fetch("http://me:secret@h:99999/") end)
    blames("user or password holds a control character",
      function() sse.EventSource("http://me:sec%0Aret@127.0.0.1:1/") end)
  end)

  it("of options that are written to later has no part in what was made with them", function()
    local seen = {}
    serving.start(function(server)
      server:get("/", function(req, res)
        seen[#seen + 1] = ("%s %s"):format(req:header "authorization", req:header "x-list")
        res:event_stream():close()
      end)
    end)
    for _, name in ipairs { "EventSource", "fetchEventSource" } do
      local o = { headers = { Authorization = "mine", ["X-List"] = { "mine" } } }
      o.onerror = name ~= "EventSource" and function() return 1 end or nil
      o.onclose = o.onerror and function() error "again" end
      o.retryInterval = not o.onerror and 5 or nil
      local made = sse[name](serving.url("/"), o)
      o.headers.Authorization, o.headers["X-List"][1], o.retryInterval = "other's", "other's", "x"
      o.headers = { Authorization = "other's" }
      seen = {}
      wait.till(function() return #seen >= 3 end, "three requests")
      made:close()
      assert.same({ "mine mine", "mine mine", "mine mine" }, { table.unpack(seen, 1, 3) })
    end
  end)

  it("of '.' for ':' is told by the client, too", function()
    serving.start(function(server) server:get("/", function(_, res) res:reply(200, "x") end) end)
    local source = sse.EventSource(serving.url("/"))
    source:close()
    for _, name in ipairs { "close", "reconnect", "stats", "events" } do
      blames("call it with ':'", function() source[name]() end)
    end
    local res = assert(sse.fetch(serving.url("/")))
    for _, name in ipairs { "text", "json", "events", "lines", "chunks", "close" } do
      blames("call it with ':'", function() local _ = res[name]() end)
    end
    res:close()
  end)
end)
