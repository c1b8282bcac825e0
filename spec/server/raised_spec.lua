-- Tables that a handler raises in order to answer its request, over each transport.
local failure = require "sse.client.failure"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"
local task = require "sse.task"

local function start(handler, options)
  return serving.start(options or {}, function(server) server:get("/", handler) end)
end

local function answer(handler, line)
  start(handler)
  return serving.ask(line or "GET /")
end

serving.each("server, a raised table", function(transport)
  after_each(serving.stop)

  it("answers with its status and message, and is not reported below 500", function()
    for _, status in ipairs { 400, 404, 499 } do
      local got = answer(function() error { status = status, message = "no such user" } end)
      assert.equal(status, got.status)
      assert.equal("no such user", got.body)
      assert.equal("text/plain; charset=utf-8", got.headers["content-type"])
      assert.same({}, serving.errors)
      serving.stop()
    end
  end)

  it("is reported as it is from 500 on", function()
    for _, status in ipairs { 500, 503, 599 } do
      local err = { status = status, message = "try later", cause = "db" }
      local got = answer(function() error(err) end)
      assert.equal(status, got.status)
      assert.equal("try later", got.body)
      assert.equal(1, #serving.errors)
      assert.equal(err, serving.errors[1].message)
      serving.stop()
    end
  end)

  it("may have headers; kept ones are not sent, and other fields stay here", function()
    local got = answer(function(_, res)
      res:header("Cache-Control", "public"):header("Content-Type", "text/x")
      error { status = 401.0, message = "", code = "secret",
        headers = { ["WWW-Authenticate"] = 'Basic realm="a"' } }
    end)
    assert.equal(401, got.status)
    assert.equal("", got.body)
    assert.equal('Basic realm="a"', got.headers["www-authenticate"])
    assert.is_nil(got.headers["cache-control"])
    assert.equal("text/plain; charset=utf-8", got.headers["content-type"])
    assert.is_nil(got.headers.code)
  end)

  it("comes from any depth, and after a wait, with the fields of CORS", function()
    local function find() error { status = 404, message = "none" } end
    start(function(_, res)
      sse.sleep(1)
      res:json(find())
    end, { cors = true })
    local got = serving.ask("GET /", { Origin = "https://a.example" })
    assert.equal(404, got.status)
    assert.equal("*", got.headers["access-control-allow-origin"])
    assert.same({}, serving.errors)
  end)

  it("is answered to HEAD by its head", function()
    local got = answer(function() error { status = 404, message = "none" } end, "HEAD /")
    assert.equal(404, got.status)
    assert.equal("4", got.headers["content-length"])
    assert.equal("", got.body)
  end)

  it("may have a metatable, and fields by it", function()
    local NotFound = { status = 404, __tostring = function() return "not found!" end }
    NotFound.__index = NotFound
    local got = answer(function() error(setmetatable({ message = "by class" }, NotFound)) end)
    assert.equal(404, got.status)
    assert.equal("by class", got.body)
  end)

  for what, make in pairs {
    ["without a message"] = function() return { status = 404 } end,
    ["whose message is none"] = function() return { status = 404, message = {} } end,
    ["without a status"] = function() return { message = "x" } end,
    ["whose status is text"] = function() return { status = "404", message = "x" } end,
    ["whose status is a fraction"] = function() return { status = 404.5, message = "x" } end,
    ["whose status is no error"] = function() return { status = 200, message = "x" } end,
    ["whose status is out of range"] = function() return { status = 600, message = "x" } end,
    ["that is a failure of a client"] = function()
      return failure.new("the server answered with status 404", "EHTTP", { status = 404 })
    end,
    ["whose fields raise"] = function()
      return setmetatable({}, { __index = function() error "no field" end })
    end,
    ["whose metatable is hidden"] = function()
      return setmetatable({ message = "x" }, { __metatable = false })
    end,
  } do
    it(what .. " is an error as any other", function()
      local err = make()
      local got = answer(function() error(err) end)
      assert.equal(500, got.status)
      assert.equal("Internal Server Error\n", got.body)
      assert.equal(1, #serving.errors)
      assert.is_true(rawequal(err, serving.errors[1].message))
    end)
  end

  it("whose headers can't be sent is a 500 that says so", function()
    local many = {}
    for i = 1, 93 do many["X-" .. i] = i end
    for told, fields in pairs {
      ["headers: 'X Y' is not a header name"] = { ["X Y"] = "a" },
      ["headers: expected a table, got boolean"] = false,
      ["too many headers: 93, at most 92"] = many,
    } do
      local got = answer(function() error { status = 404, message = "x", headers = fields } end)
      assert.equal(500, got.status)
      assert.equal("the raised table can't be the response: " .. told,
        (serving.errors[1].message:gsub(" %[docs/errors%.md#headers%]$", "")))
      serving.stop()
    end
  end)

  it("whose headers are too large for the protocol is a 500, unless they can be sent", function()
    local got = answer(function()
      error { status = 404, message = "x", headers = { ["X-A"] = ("a"):rep(300000) } }
    end)
    if transport.protocol == "HTTP/2" then
      assert.equal(500, got.status)
      assert.truthy(serving.errors[1].message:find("can't be the response: ", 1, true))
    end
  end)

  it("after the answer is reported and changes nothing", function()
    local err = { status = 404, message = "x" }
    local got = answer(function(_, res)
      res:reply(200, "fine")
      error(err)
    end)
    assert.equal("fine", got.body)
    assert.equal(err, serving.errors[1].message)
  end)

  it("in the middle of a response or a stream breaks it off, and is reported", function()
    for _, begin in ipairs { "write", "event_stream" } do
      start(function(_, res)
        if begin == "write" then res:write "half\n\n" else res:event_stream():send "half" end
        task.sleep(1)
        error { status = 404, message = "x" }
      end)
      local client = serving.listen()
      client:till "half\n\n"
      assert.equal("ECONNRESET", select(2, client:rest()).code)
      assert.equal(1, #serving.errors)
      serving.stop()
    end
  end)

  it("answers nobody where the client has left: reported from 500 on, as ever", function()
    for status, count in pairs { [404] = 0, [503] = 1 } do
      local go, over
      start(function()
        local _end <close> = setmetatable({}, { __close = function() over = true end })
        task.await(function(resume) go = resume end)
        error { status = status, message = "x" }
      end)
      serving.begin "GET /"
      raw.pump(function() return go end, "the handler")
      serving.close()
      go()
      assert.is_true(over)
      assert.equal(count, #serving.errors)
      serving.stop()
    end
  end)

  -- The status of the response, and what is written on standard error, where a handler raises a
  -- table and the server has no on_error.
  local function told(raised)
    local real, text = io.stderr, ""
    start(function() error(raised) end).on_error = nil
    io.stderr = { write = function(_, bytes) text = text .. bytes end } -- luacheck: ignore 122
    local ok, got = pcall(serving.ask, "GET /")
    io.stderr = real -- luacheck: ignore 122
    assert(ok, got)
    return got.status, text
  end

  it("is told on standard error by its status and message", function()
    local status, text = told { status = 503, message = "no database" }
    assert.equal(503, status)
    assert.equal("lua-sse: error in handler GET /: 503 no database\n", text)
  end)

  it("that is no response is told there, too, with what it lacks", function()
    local status, text = told { status = 404 }
    assert.equal(500, status)
    assert.equal("lua-sse: error in handler GET /: a table that is no response (status = 400 to "
      .. "599, message = a string)\n", text)
  end)
end)
