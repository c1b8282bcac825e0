-- What a program could write that meant nothing, or something else, and was accepted in silence.
-- Arguments too many are in interface_misuse_spec, unknown names in hints_spec.
local core = require "sse.core"
local misuse = require "spec.support.misuse"
local objects = require "spec.support.objects"
local serving = require "spec.support.serving"
local sse = require "sse"

local blames, handle, NOWHERE = misuse.blames, misuse.handle, objects.NOWHERE

describe("a route", function()
  it("with a * in the middle, {, < or %20 raises, and says what there is", function()
    local server = sse.server()
    for _, pattern in ipairs { "/a*b", "/a/*/b", "/*path/b", "/a/b*" } do
      blames(("pattern '%s': '*' means nothing here: a segment is a literal or a ':name', "
        .. "and the last one can be a '*name'"):format(pattern),
        function() server:get(pattern, print) end)
    end
    for _, pattern in ipairs { "/files/*", "/*" } do
      blames("is not a parameter's name (write '*path', say)",
        function() server:get(pattern, print) end)
    end
    blames("pattern '/x/{id}': '{' means nothing here: a segment is a literal or a ':name'",
      function() server:route("GET", "/x/{id}", print) end)
    blames("pattern '/x/<id>': '<' means nothing here", function() server:all("/x/<id>", print) end)
    blames("pattern '/x%20y': write it decoded: '/x y'", function() server:get("/x%20y", print) end)
    server:get("/100%", print)
    blames("'*' means nothing here: a prefix has no parameters",
      function() server:static("/x/*path", "spec") end)
    server:route("*", "/x", print)
  end)
end)

describe("a header's name with _", function()
  after_each(serving.stop)

  it("raises wherever headers are given", function()
    local told = "headers: 'content_type' has a '_' (did you mean 'Content-Type'?)"
    local given = { content_type = "text/html" }
    for _, name in ipairs { "EventSource", "fetch", "fetchEventSource" } do
      blames(told, function() local _ = sse[name](NOWHERE, { headers = given }) end)
    end
    blames(told, function() sse.file("README.md", { headers = given }) end)
    blames("option 'headers' must be a list of header names (without '_')",
      function() sse.server { cors = { origin = "*", headers = { "x_mine" } } } end)
    handle(function(_, res)
      blames(told, function() res:reply(200, "x", given) end)
      blames(told, function() res:write_head(200, given) end)
      blames(told, function() res:event_stream { headers = given } end)
      local own = { X_request_id = 1 }
      blames("did you mean 'X-Request-Id'?", function() res:reply(200, "", own) end)
      res:reply(200)
    end)
  end)

  it("raises where a usual one is looked up and is not there", function()
    local server = serving.start(function(server)
      server:get("/", function(req, res)
        local told = "there is no header 'content_type' (did you mean 'Content-Type'?)"
        blames(told, function() local _ = req:header "content_type" end)
        blames(told, function() return req.headers.content_type end)
        blames(told, function() local _ = req:header "content_type" end)
        assert.is_nil(req.headers.api_key)
        res:reply(200, req.headers.user_agent .. req:header "user_agent")
      end)
    end)
    local client = serving.connect()
    client:send "GET / HTTP/1.1\r\nHost: a\r\nuser_agent: me\r\nConnection: close\r\n\r\n"
    local all = client:receive_all()
    assert.same({}, serving.errors)
    assert.truthy(all:find "meme$", all)
    local res = assert(sse.fetch(("http://127.0.0.1:%d/none"):format(server.port)))
    blames("did you mean 'Content-Length'?", function() return res.headers.content_length end)
    res:close()
  end)

  it("raises where the field with - is there", function()
    handle(function(req, res)
      req.headers["x-mine"] = "1"
      local told = "there is no header 'x_mine' (did you mean 'X-Mine'?)"
      blames(told, function() local _ = req:header "x_mine" end)
      blames(told, function() return req.headers.x_mine end)
      assert.is_nil(req.headers.x_yours)
      blames("headers have no method 'get': look them up by headers[name]",
        function() return req.headers:get "X-Mine" end)
      res:reply(200)
    end)
  end)

  it("of a function for headers fails the attempt", function()
    for _, name in ipairs { "EventSource", "fetchEventSource" } do
      local told
      local source = sse[name](NOWHERE, {
        headers = function() return { user_agent = "x" } end,
        onerror = name == "fetchEventSource" and function(why)
          told = why.message
          return false
        end or nil,
      })
      local ok, err = pcall(sse.run)
      told = told or not ok and err
      assert.truthy(told:find("did you mean 'User-Agent'?", 1, true), told)
      source:close()
    end
  end)
end)

describe("dispatchEvent", function()
  it("raises for what is no Event, and an Event's type is not among its fields", function()
    local signal = sse.AbortController().signal
    blames("dispatchEvent: expected an Event, got table",
      function() signal:dispatchEvent { type = "x" } end)
    blames('dispatchEvent: expected an Event, got string "x"',
      function() signal:dispatchEvent "x" end)
    blames("Event: the type is the first argument", function() sse.Event("x", { type = "y" }) end)
  end)
end)

describe("AbortSignal.any", function()
  it("raises for what is no list", function()
    local signal = sse.AbortController().signal
    for _, wrong in ipairs { signal, { one = signal } } do
      blames("AbortSignal.any: expected a list of signals: { one, another }",
        function() sse.AbortSignal.any(wrong) end)
    end
    assert.is_false(sse.AbortSignal.any({}).aborted)
  end)
end)

describe("sse.run with a function", function()
  it("runs it as a task with its arguments", function()
    local got
    sse.run(function(...)
      sse.sleep(1)
      got = table.pack(...)
    end, 1, nil, "x")
    assert.same({ 1, nil, "x", n = 3 }, got)
  end)

  it("raises its errors, and where it is no function or the loop runs already", function()
    local ok, err = pcall(sse.run, function() error("mine") end)
    assert.is_false(ok)
    assert.truthy(err:find("mine", 1, true))
    blames("sse.run: expected a function, got a table", function() sse.run(sse.server()) end)
    blames("sse.run: expected a function, got a nil", function() sse.run(nil, 1) end)
    local dot = "(call it with '.': sse.run())"
    blames("sse.run: expected a function, got a table " .. dot, function() sse:run() end)
    assert.is_nil(select(2, pcall(sse.run, {})):find(dot, 1, true))
    local called, nested = false, nil
    sse.after(0, function() nested = select(2, pcall(sse.run, function() called = true end)) end)
    sse.run()
    sse.sleep(1)
    assert.truthy(nested:find("the loop is already running", 1, true))
    assert.is_false(called)
    sse.run(nil)
  end)
end)

describe("res:finish with bytes", function()
  after_each(serving.stop)

  it("sends them before the end", function()
    local results = {}
    serving.start(function(server)
      server:get("/pieces", function(_, res)
        res:write "one,"
        results.pieces = res:finish "two"
      end)
      server:get("/whole", function(_, res) results.whole = res:finish "all" end)
      server:get("/none", function(_, res) results.none = res:finish() end)
      server:get("/ended", function(_, res)
        res:reply(200, "x")
        results.again = res:finish()
        results.ended = { res:finish "more" }
      end)
    end)
    assert.equal("one,two", serving.request("GET /pieces").body)
    assert.equal("all", serving.request("GET /whole").body)
    assert.equal("", serving.request("GET /none").body)
    assert.equal("x", serving.request("GET /ended").body)
    for _, name in ipairs { "pieces", "whole", "none", "again" } do
      assert.is_true(results[name], name)
    end
    assert.same({ nil, "closed", "ECLOSED" }, results.ended)
  end)

  it("leaves the response open where there is no room for them", function()
    local refused
    serving.start({ max_pending = 100000 }, function(server)
      server:get("/", function(_, res)
        repeat local room = res:write(("x"):rep(50000)) until not room
        refused = { res:finish(("y"):rep(50000)) }
        res:drain()
        res:finish "end"
      end)
    end)
    assert.truthy(serving.request("GET /").body:find "xend$")
    assert.same({ nil, "full", "EFULL" }, refused)
  end)

  it("raises for what is no string", function()
    handle(function(_, res)
      blames("finish: expected a string, got number", function() res:finish(5) end)
      res:finish()
    end)
  end)
end)

describe("source:events with types", function()
  after_each(serving.stop)

  -- A source of five events of three types.
  local function source()
    local pieces = { "event: a\ndata: 1\n\nevent: b\ndata: 2\n\n",
      "data: 3\n\nevent: a\ndata: 4\n\n",
      "event: b\ndata: 5\n\n" }
    return sse.EventSource.fromReader(function() return table.remove(pieces, 1) end)
  end

  local function read(...)
    local list = {}
    for ev in source():events(...) do list[#list + 1] = ev.data end
    return table.concat(list)
  end

  it("gives the events of these types only", function()
    assert.equal("14", read "a")
    assert.equal("134", read("message", "a"))
    assert.equal("", read "c")
    assert.equal("12345", read())
    assert.equal("12345", read "*")
    assert.equal("12345", read("a", "*"))
  end)

  it("leaves other loops and listeners what they ask for", function()
    local s, heard, all = source(), {}, {}
    s:addEventListener("b", function(ev) heard[#heard + 1] = ev.data end)
    sse.spawn(function()
      for ev in s:events() do all[#all + 1] = ev.data end
    end)
    local own = {}
    for ev in s:events "a" do own[#own + 1] = ev.data end
    sse.sleep(5)
    assert.equal("14", table.concat(own))
    assert.equal("25", table.concat(heard))
    assert.equal("12345", table.concat(all))
  end)

  it("raises for what is no type", function()
    local s = source()
    blames("source:events: a type must be a string, got table", function() s:events { "a" } end)
    blames("source:events: a type must be a string, got nil", function() s:events(nil) end)
    s:close()
  end)
end)

describe("what a callback returns", function()
  after_each(serving.stop)

  it("is an error of onerror where it is no delay", function()
    for _, value in ipairs { -1, "5", true, 0 / 0, math.huge, {} } do
      local wanted = sse.fetchEventSource(NOWHERE, { onerror = function() return value end })
      local ok, err = pcall(core.run)
      assert.is_false(ok)
      local told = "sse.fetchEventSource: onerror must return milliseconds, false or nil, got "
      assert.truthy(err:find(told, 1, true), err)
      local done, message, code = wanted:wait()
      assert.is_nil(done)
      assert.equal("ECALLBACK", code)
      assert.truthy(message:find(told, 1, true))
    end
  end)

  it("is an error of a function for headers where it is no table", function()
    for _, value in ipairs { false, "X: y", 5 } do
      local source = sse.EventSource(NOWHERE, { headers = function() return value end })
      local ok, err = pcall(core.run)
      assert.is_false(ok)
      assert.truthy(err:find("headers: expected a table, got " .. type(value), 1, true), err)
      assert.equal(2, source.readyState)
      local why
      sse.fetchEventSource(NOWHERE, {
        headers = function() return value end,
        onerror = function(failure)
          why = failure
          return false
        end,
      }):wait()
      assert.truthy(why.message:find("headers: expected a table, got " .. type(value), 1, true))
    end
  end)
end)
