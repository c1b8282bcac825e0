-- What a request, a response and a stream show, and that nothing internal can be read or written by
-- a name. Over each transport.
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"

-- Runs fn(req, res) in a handler, and raises its error.
local function handle(fn, line, fields, body)
  local ok, err
  serving.start(function(server)
    server:post("/:name", function(req, res)
      ok, err = pcall(fn, req, res)
      if not res.closed then res:reply(200) end
    end)
  end)
  serving.ask(line or "POST /a", fields, body)
  assert(ok, err)
end

local function keys_of(object)
  local list = {}
  for key in pairs(object) do list[#list + 1] = tostring(key) end
  table.sort(list)
  return list
end

serving.each("private state:", function(transport)
  after_each(serving.stop)

  it("pairs(req) gives what is documented, and the program's own fields", function()
    handle(function(req)
      assert.same({ "body", "cookies", "headers", "host", "id", "last_event_id", "method", "params",
        "path", "protocol", "query", "remote_address", "scheme", "secure", "target" }, keys_of(req))
      req.account = { id = 7 }
      req[1] = "one"
      local all = {}
      for key, value in pairs(req) do all[key] = value end
      assert.equal(req.account, all.account)
      assert.equal("one", all[1])
      assert.same({ name = "a b" }, all.params)
      assert.same({ q = "1" }, all.query)
      assert.equal("/a b", all.path)
      assert.equal("/a%20b?q=1", all.target)
      assert.equal("text", all.body)
      assert.equal("5", all.last_event_id)
      assert.equal(transport.protocol, all.protocol)
      assert.equal(transport.secure, all.secure)
      assert.equal("127.0.0.1", all.remote_address)
    end, "POST /a%20b?q=1", { ["Last-Event-ID"] = "5" }, "text")
  end)

  it("pairs(res) gives what is documented", function()
    handle(function(_, res)
      assert.same({ "closed", "pending" }, keys_of(res))
      res.on_close = print
      res:detach()
      res:header("X-A", "a")
      assert.same({ "closed", "on_close", "pending" }, keys_of(res))
      for key, value in pairs(res) do
        assert.equal(({ closed = false, on_close = print, pending = 0 })[key], value)
      end
    end)
  end)

  it("nothing that is kept of a request or a response has a name", function()
    handle(function(req, res)
      for _, name in ipairs { "exchange", "raw_path", "raw_query", "req", "server" } do
        assert.is_nil(req[name])
      end
      for key in next, res do assert.is_table(key) end
      for _, name in ipairs { "exchange", "kept", "base", "observer", "answered", "begun",
        "detached", "stream", "req", "compress", "server", "closed", "pending" } do
        assert.error_matches(function() res[name] = true end,
          "field '" .. name .. "' of a response")
      end
    end)
  end)

  it("what a program writes to a request does not change the library's own", function()
    local seen
    handle(function(req, res)
      req.exchange, req.raw_path, req.raw_query = false, "/x", "q=2"
      req.method, req.body, req.server = "GET", nil, "mine"
      for _, name in ipairs { "header", "text", "json", "query_all" } do
        assert.error_matches(function() req[name] = print end,
          "field '" .. name .. "' of a request is a method, and is not to be written")
      end
      assert.equal("/a", req.path)
      assert.same({ "1" }, req:query_all "q")
      assert.equal("a", req:header "x-a")
      seen = res:reply(200)
    end, "POST /a?q=1", { ["X-A"] = "a" })
    assert.is_true(seen)
  end)

  it("a stream has no internal field or method", function()
    local done
    handle(function(_, res)
      local stream = res:event_stream()
      for _, name in ipairs { "onwake", "on_wake", "abort", "attach", "break_off", "owner",
        "server", "reason" } do
        assert.error_matches(function() return stream[name] end,
          "field '" .. name .. "' of a stream")
        assert.error_matches(function() stream[name] = print end, "is not to be written")
      end
      stream:close()
      done = true
    end)
    assert.is_true(done)
  end)
end)

serving.each("stream.user", function()
  after_each(serving.stop)

  it("is the program's own, whatever it is, also when the stream has ended", function()
    handle(function(_, res)
      local stream = res:event_stream()
      assert.is_nil(stream.user)
      for _, value in ipairs { "ann", 7, false, print, {}, stream } do
        stream.user = value
        assert.equal(value, stream.user)
      end
      stream.user = nil
      assert.is_nil(stream.user)
      stream.user = "ann"
      stream:close()
      assert.equal("ann", stream.user)
      stream.user = "bob"
      assert.equal("bob", stream.user)
    end)
  end)

  it("lives as long as the stream, which may refer to itself by it, and no longer", function()
    local held, open = setmetatable({}, { __mode = "k" }), true
    serving.start(function(server)
      server:get("/", function(_, res)
        local stream = res:event_stream()
        stream.user = { stream }
        held[stream.user] = true
        open = true
      end)
    end)
    local client = serving.listen()
    assert.is_true(open)
    collectgarbage()
    collectgarbage()
    local user = next(held)
    assert.equal(user, user[1].user)
    user = nil -- luacheck: ignore 311
    client:close()
    serving.idle()
    raw.pump(function()
      collectgarbage()
      return next(held) == nil
    end, "the value to be collected")
  end)
end)
