-- Bad options, files, handlers and clients: the error is clear, the status right, other clients are
-- served, and nothing is left behind (serving.stop compares descriptors).
local files = require "sse.server.files"
local new_server = require "sse.server"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local task = require "sse.task"
local wait = require "spec.support.wait"

local streams -- of /stream, while they are open

local function start(options)
  streams = {}
  return serving.start(options or {}, function(server)
    server:get("/", function(_, res) res:reply(200, "fine") end)
    server:post("/", function(req, res) res:reply(200, tostring(#req.body)) end)
    server:get("/boom", function() error("boom") end)
    server:get("/stream", function(_, res) table.insert(streams, res:event_stream()) end)
  end)
end

-- Another client, which is served before and after.
local function bystander()
  local client = serving.connect()
  local stream = serving.connect()
  stream:send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
  stream:head()
  return function()
    assert.equal("fine", client:request("GET /").body)
    assert(streams[1]:send "still here")
    stream:receive_until("still here\n\n")
  end
end

-- Sends the bytes; the server must refuse them with that status and close the connection.
local function refused(status, bytes, options)
  start(options)
  local still_served = bystander()
  local client = serving.connect()
  client:send(bytes)
  local got = client:response()
  assert.equal(status, got.status)
  assert.equal("close", got.headers.connection)
  assert.is_true(#got.body > 0)
  assert.equal("", client:receive_all())
  still_served()
  assert.same({}, serving.errors)
end

describe("bad input", function()
  after_each(serving.stop)

  describe("options", function()
    for name, case in pairs {
      ["an unknown name"] = { { prot = 1 },
        "sse.server: unknown option 'prot' (did you mean 'port'?)" },
      ["a wrong type"] = { { port = "80" },
        "option 'port' must be a whole number from 0 to 65535, got string \"80\"" },
      ["a port out of range"] = { { port = 65536 }, "from 0 to 65535, got number 65536" },
      ["a host with NUL"] = { { host = "127.0.0.1\0.example" },
        "option 'host' must be a string without NUL" },
      ["a host that is no name"] = { { host = 1 },
        "option 'host' must be a string without NUL, got number 1" },
      ["a negative time"] = { { head_timeout = -1 },
        "option 'head_timeout' must be a number of at least 1" },
      ["no limit of body"] = { { max_body_size = math.huge }, "option 'max_body_size'" },
      ["an on_error that can't be called"] = { { on_error = "x" },
        "option 'on_error' must be function" },
      ["cors as a string"] = { { cors = "*" }, "option 'cors' must be true or a table" },
      ["credentials for any origin"] = { { cors = { origin = "*", credentials = true } },
        "name the origins" },
      ["what comes from a metatable"] = {
        setmetatable({}, { __index = { max_body_size = true } }), "option 'max_body_size'" },
      ["what is no table"] = { "9522", "expected a table of options, got string" },
      ["a positional value"] = { { 9522 }, "unknown option '1'" },
    } do
      it("name " .. name, function()
        local before = wait.fds()
        local ok, err = pcall(function() new_server(case[1]) end)
        assert.is_false(ok)
        assert.truthy(err:find(case[2], 1, true), err)
        assert.truthy(err:find("server/bad_input_spec.lua", 1, true), err)
        wait.collect()
        assert.equal(before, wait.fds())
      end)
    end
  end)

  for name, case in pairs {
    ["a handler that is no function"] = { "get", { "/", "x" },
      "the handler of GET / must be a function, got string" },
    ["a pattern without a slash"] = { "get", { "x", print }, "begins with '/'" },
    ["a route twice"] = { "get", { "/there", print }, "GET /there has a handler already" },
    ["a method that is none"] = { "route", { "G T", "/", print }, "'G T' is not a method" },
    ["a missing folder"] = { "static", { "/x", "/nonexistent" },
      "cannot read '/nonexistent': No such file" },
  } do
    it("raises on " .. name, function()
      local server = new_server()
      server:get("/there", print)
      local ok, err = pcall(function() server[case[1]](server, table.unpack(case[2])) end)
      assert.is_false(ok)
      assert.truthy(err:find(case[3], 1, true), err)
      assert.truthy(err:find("server/bad_input_spec.lua", 1, true), err)
    end)
  end

  it("raises on a missing file", function()
    local ok, err = pcall(function() files.file("nope.html") end)
    assert.is_false(ok)
    assert.truthy(err:find("sse.file: cannot read 'nope.html': No such file", 1, true), err)
  end)

  it("tells of a port in use, and the server that has it goes on", function()
    local first = start()
    local still_served = bystander()
    local before = wait.fds()
    local second = new_server { port = first.port }
    local ok, message, code = second:listen()
    assert.is_nil(ok)
    local want = ("address 127.0.0.1:%d is already in use"):format(first.port)
    assert.truthy(message:find(want, 1, true), message)
    assert.equal("EADDRINUSE", code)
    second:close()
    assert.equal(before, wait.fds())
    still_served()
  end)

  it("tells of a host that can't be found", function()
    local server = new_server { host = "256.1.1.1.invalid" }
    local ok, message, code = server:listen()
    assert.is_nil(ok)
    assert.truthy(message:find("256.1.1.1.invalid", 1, true), message)
    assert.equal("ENOTFOUND", code)
  end)

  it("of a handler is a 500", function()
    start()
    local still_served = bystander()
    assert.equal(500, serving.request("GET /boom").status)
    assert.truthy(serving.errors[1].message:find("boom", 1, true))
    still_served()
  end)

  for name, bytes in pairs {
    ["garbage"] = "\0\1\2\3\255garbage\r\n\r\n",
    ["a TLS hello"] = "\22\3\1\2\0\1\0\1\252\3\3",
    ["SMTP"] = "HELO there\r\n",
    ["no Host"] = "GET / HTTP/1.1\r\n\r\n",
    ["both lengths"] = raw.crlf "POST / HTTP/1.1\nHost: a\nContent-Length: 4\n"
      .. "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ["a space before a colon"] = raw.crlf "POST / HTTP/1.1\nHost: a\nContent-Length : 4\n\nGET ",
    ["a bad chunk size"] = raw.crlf "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\nxyz\n",
    ["a bare LF"] = "GET / HTTP/1.1\nHost: a\n\n",
  } do
    it("answers 400 to " .. name, function() refused(400, bytes) end)
  end

  it("answers 505 to HTTP/2's preface that doesn't end as one", function()
    refused(505, "PRI * HTTP/2.0\r\n\r\nGET")
  end)
  it("answers 417 to another expectation", function()
    refused(417, "GET / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n")
  end)
  it("answers 501 to another transfer coding", function()
    refused(501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n")
  end)
  it("answers 414 to a target without end", function()
    refused(414, "GET /" .. ("a"):rep(8192))
  end)
  it("answers 431 to a head without end", function()
    refused(431, "GET / HTTP/1.1\r\nHost: a\r\nX: " .. ("a"):rep(16384))
  end)
  it("answers 431 to more fields than a hundred", function()
    refused(431, "GET / HTTP/1.1\r\nHost: a\r\n" .. ("X: y\r\n"):rep(101))
  end)
  it("answers 431 past max_head_size", function()
    refused(431, "GET / HTTP/1.1\r\nHost: a\r\nX: " .. ("a"):rep(300), { max_head_size = 300 })
  end)
  it("answers 413 to a length past the limit, before the body", function()
    refused(413, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", { max_body_size = 10 })
  end)
  it("answers 413 to chunks past the limit, as soon as the size is known", function()
    refused(413,
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n5\r\n",
      { max_body_size = 10 })
  end)
  it("answers 413 to a body that comes nevertheless, so that the client can read it", function()
    start { max_body_size = 10 }
    local client = serving.connect()
    client:send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n" .. ("x"):rep(500000))
    assert.equal(413, client:response().status)
  end)
  it("takes a body of exactly the limit", function()
    start { max_body_size = 10 }
    assert.equal("10", serving.request("POST /", nil, "0123456789").body)
  end)

  it("answers 408 to half a head", function()
    refused(408, "GET / HTTP/1.1\r\nHost: a\r\nX: ", { head_timeout = 40 })
  end)
  it("answers 408 to half a body", function()
    refused(408, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc",
      { body_timeout = 40 })
  end)
  it("answers 408 to a head that comes byte by byte", function()
    start { head_timeout = 60 }
    local client = serving.connect()
    client:send("GET / HTTP/1.1\r\nHost: a\r\nX: ")
    local answered = false
    task.spawn(function()
      while not answered do
        client.socket:send("x")
        task.sleep(5)
      end
    end)
    local ok, got = pcall(client.response, client)
    answered = true
    assert(ok, got)
    assert.equal(408, got.status)
  end)

  it("lets go of a client that leaves with half a head, half a body, or nothing said", function()
    local server = start { head_timeout = 100, body_timeout = 100, idle_timeout = 100000 }
    local still_served = bystander()
    for _, bytes in ipairs { "", "GE", "GET / HTTP/1.1\r\nHo",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab" } do
      for _, leave in ipairs { "close", "reset", "shut" } do
        local client = serving.connect()
        client:send(bytes)
        client[leave](client)
      end
    end
    raw.pump(function() return server:stats().connections.open == 2 end, "the leavers to be gone")
    still_served()
  end)

  it("closes an idle connection without a word", function()
    start { idle_timeout = 40 }
    local client = serving.connect()
    assert.equal("fine", client:request("GET /").body)
    assert.equal("", client:receive_all())
  end)

  it("answers the good requests of a pipeline before the bad one", function()
    start()
    local client = serving.connect()
    local good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    client:send(good .. good .. "GET /\0 HTTP/1.1\r\n\r\n" .. good)
    assert.equal("fine", client:response().body)
    assert.equal("fine", client:response().body)
    assert.equal(400, client:response().status)
    assert.equal("", client:receive_all())
  end)

  it("answers 503 to a connection too many", function()
    local server = start { max_connections = 1 }
    local first = serving.connect()
    assert.equal("fine", first:request("GET /").body)
    local second = serving.connect()
    local got = second:request "GET /"
    assert.equal(503, got.status)
    assert.truthy(tonumber(got.headers["retry-after"]))
    second:receive_all()
    assert.equal("fine", first:request("GET /").body)
    assert.equal(1, server:stats().connections.refused)
  end)

  it("in an event is refused whole, and the stream goes on", function()
    start()
    local client = serving.connect()
    client:send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
    client:head()
    for _, event in ipairs {
      { event = "a\nb", data = "x" }, { event = "a\rb", data = "x" }, { event = "a\0b",
        data = "x" },
      { id = "1\n2", data = "x" }, { id = "1\0", data = "x" },
    } do
      local ok, message, code = streams[1]:send(event)
      assert.is_nil(ok)
      assert.is_string(message)
      assert.equal("EINVAL", code)
    end
    assert(streams[1]:send { event = "good", data = "y" })
    local text = client:receive_until("y\n\n")
    assert.is_nil(text:find("x", 1, true))
    assert.is_nil(text:find("event: ?a"))
  end)
end)
