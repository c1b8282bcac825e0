-- hosts: requests for other hosts get a 421, over each transport, and reach no handler.
local frames = require "spec.support.frames"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"

local HOSTS <const> = { "app.example", "*.any.example", "port.example:8443", "[2001:db8::1]" }

local calls, entries

local function start(options)
  calls, entries = 0, {}
  options.hosts = options.hosts or HOSTS
  options.on_response = function(entry) table.insert(entries, entry) end
  return serving.start(options, function(server)
    server:all("/", function(req, res)
      calls = calls + 1
      res:reply(200, req.host)
    end)
  end)
end

serving.each("hosts", function(transport)
  after_each(serving.stop)

  it("of the list, and those of this machine, are answered for", function()
    local server = start {}
    for _, host in ipairs { "app.example", "APP.example.:81", "x.any.example", "port.example:8443",
      "[2001:db8::1]:9", "localhost", "localhost:" .. server.port, "127.0.0.1:1", "[::1]" } do
      local got = serving.ask("GET /", { Host = host })
      assert.same({ 200, host:lower() }, { got.status, got.body })
    end
    assert.equal(200, serving.ask("GET /").status)
  end)

  it("that are others get a 421", function()
    local server = start {}
    local others = { "evil.test", "evil.test:80", "app.example.evil.test", "any.example",
      "a.b.any.example", "port.example", "port.example:8444", "[2001:db8::2]", "192.0.2.1",
      "localhost.evil.test", "0.0.0.0:" .. server.port }
    for _, host in ipairs(others) do
      local got = serving.ask("GET /", { Host = host })
      assert.same({ 421, "421 Misdirected Request: this server does not answer for that host\n" },
        { got.status, got.body }, host)
    end
    assert.equal(421, serving.ask("POST /", { Host = "evil.test" }, "body").status)
    local event = serving.ask("GET /", { Host = "evil.test", Accept = "text/event-stream" })
    assert.equal(421, event.status)
    assert.equal(421, serving.ask("HEAD /", { Host = "evil.test" }).status)
    assert.equal(0, calls)
    assert.equal(#others + 3, server:stats().requests.refused[421])
    raw.pump(function() return #entries == #others + 3 end, "the entries")
    assert.same({ 421, "127.0.0.1", transport.protocol },
      { entries[1].status, entries[1].remote_address, entries[1].protocol })
  end)

  it("are those that a trusted proxy tells, if it tells one", function()
    start { trusted_proxies = { "127.0.0.1" } }
    local function status(host, forwarded)
      return serving.ask("GET /", { Host = host, ["X-Forwarded-Host"] = forwarded }).status
    end
    assert.equal(200, status("evil.test", "app.example"))
    assert.equal(421, status("app.example", "evil.test"))
    assert.equal(200, status("app.example", "a/b"))
  end)

  it("are those of the field Host where nobody is trusted", function()
    start {}
    local fields = { Host = "evil.test", ["X-Forwarded-Host"] = "app.example" }
    assert.equal(421, serving.ask("GET /", fields).status)
  end)
end)

describe("hosts and HTTP/1", function()
  after_each(serving.stop)

  local function status(bytes)
    local client = serving.connect()
    client:send(bytes)
    local got = client:response().status
    client:close()
    return got
  end

  it("refuse a Host of every other shape", function()
    start {}
    for _, value in ipairs { "", " ", "a b", "app.example,evil.test", "app.example/x",
      "a@app.example",
      "app.example:x", "app.example:65536", "[app.example]", "[::1", "::1", "app.example\\",
      "app_ä",
      '"app.example"', "[::1%lo]", "app.example:80:80" } do
      assert.equal(400, status(("GET / HTTP/1.1\r\nHost: %s\r\n\r\n"):format(value)), value)
    end
    for _, value in ipairs { "app.example..", ".app.example", "app%2eexample", "127.1", "0x7f.1",
      "%61",
      "2130706433", "app.exampl", "app.example:0", "*", "*.any.example.evil" } do
      local expected = value == "app.example:0" and 200 or 421
      assert.equal(expected, status(("GET / HTTP/1.1\r\nHost: %s\r\n\r\n"):format(value)), value)
    end
  end)

  it("refuse a second Host, and one that differs from the target", function()
    start {}
    assert.equal(400, status "GET / HTTP/1.1\r\nHost: app.example\r\nHost: app.example\r\n\r\n")
    assert.equal(400, status "GET http://evil.test/ HTTP/1.1\r\nHost: app.example\r\n\r\n")
    assert.equal(200, status "GET http://app.example/ HTTP/1.1\r\nHost: app.example\r\n\r\n")
    assert.equal(421, status "GET http://evil.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n")
  end)

  it("refuse HTTP/1.0 without a host", function()
    start {}
    assert.equal(421, status "GET / HTTP/1.0\r\n\r\n")
    assert.equal(421, status "GET http://evil.test/ HTTP/1.0\r\n\r\n")
    assert.equal(200, status "GET http://app.example/ HTTP/1.0\r\n\r\n")
    assert.equal(200, status "GET / HTTP/1.0\r\nHost: app.example\r\n\r\n")
  end)

  it("end the connection with the 421", function()
    start {}
    local client = serving.connect()
    client:send("GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n"
      .. "GET / HTTP/1.1\r\nHost: app.example\r\n\r\n")
    assert.equal(421, client:response().status)
    assert.equal("", client:receive_all())
    assert.equal(0, calls)
  end)

  it("may be none: then only this machine's names are answered for", function()
    start { hosts = {} }
    assert.equal(200, status "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert.equal(421, status "GET / HTTP/1.1\r\nHost: app.example\r\n\r\n")
  end)
end)

describe("hosts and HTTP/2", function()
  after_each(serving.stop)

  local client, id

  local function open()
    start {}
    client, id = frames.open(serving.connect()), -1
  end

  -- The status of a request with these header fields, behind :method and :scheme; "reset" where its
  -- stream was.
  local function status(...)
    id = id + 2
    client:send("HEADERS", frames.END_HEADERS | frames.END_STREAM, id,
      frames.block { ":method", "GET", ":scheme", "http", ... })
    local body, code = client:body(id)
    if code == 1 then return "reset" end -- PROTOCOL_ERROR
    return tonumber(body:match "^(%d+) ") or 200
  end

  it("refuse an :authority of every other shape, and a Host in its place", function()
    open()
    local n = 0
    for expected, values in pairs {
      [400] = { " ", "a b", "app.example,evil.test", "app.example/x", "a@app.example",
        "app.example:x", "app.example:65536", "[app.example]", "[::1", "::1", "app.example\\",
        "app_ä", '"app.example"', "[::1%lo]", "app.example:80:80", "app.example\r\nX: y", "a\0",
        "app.example ", " app.example", "app.example\t" },
      [421] = { "app.example..", ".app.example", "app%2eexample", "127.1", "0x7f.1", "%61",
        "2130706433", "app.exampl", "*", "*.any.example.evil", "evil.test", ("x"):rep(2000) },
      [200] = { "app.example", "APP.EXAMPLE.:0", "app.example:", "x.any.example", "localhost" },
    } do
      for _, value in ipairs(values) do
        local got = status(":authority", value, ":path", "/")
        assert.is_true(got == expected or expected == 400 and got == "reset", value)
        -- A field's value has no blanks around it, so that Host is another one with them.
        got = value:find "^[^ \t].*[^ \t]$" and status(":path", "/", "host", value) or expected
        assert.is_true(got == expected or expected == 400 and got == "reset", value)
        n = n + 1
      end
    end
    assert.equal(37, n)
    assert.equal(10, calls)
  end)

  it("refuse none at all, an empty one, two, and two that differ", function()
    open()
    assert.equal("reset", status(":path", "/"))
    assert.not_equal(200, status(":authority", "", ":path", "/"))
    assert.equal(200, status(":authority", "app.example", ":path", "/", "host", "APP.example"))
    assert.equal(400, status(":authority", "app.example", ":path", "/", "host", "evil.test"))
    assert.equal(400, status(":authority", "evil.test", ":path", "/", "host", "app.example"))
    assert.equal(400, status(":authority", "app.example", ":path", "/", "host", "app.example:80"))
    assert.equal("reset",
      status(":authority", "app.example", ":authority", "evil.test", ":path", "/"))
    assert.not_equal(200, status(":path", "/", "host", "app.example", "host", "evil.test"))
    assert.equal(1, calls)
  end)

  it("refuse a :path that names another server", function()
    open()
    assert.not_equal(200, status(":authority", "app.example", ":path", "http://evil.test/"))
    assert.equal(0, calls)
  end)

  it("end the request alone with the 421, not the connection", function()
    open()
    assert.equal(421, status(":authority", "evil.test", ":path", "/"))
    assert.equal(200, status(":authority", "app.example", ":path", "/"))
  end)
end)

describe("the option hosts", function()
  local blames = require("spec.support.misuse").blames

  it("is refused where it can't be read", function()
    for _, text in ipairs { "", "http://app.example", "app.example/", "*", "::1",
      "bücher.example" } do
      local message = "sse.server: option 'hosts': '%s': expected a host such as 'app.example'"
      blames(message:format(text), function() sse.server { hosts = { text } } end)
    end
    for _, given in ipairs { "app.example", 1, { 1 }, { a = "app.example" } } do
      blames("option 'hosts' must be a list of hosts", function() sse.server { hosts = given } end)
    end
  end)
end)
