-- Reading the body of a response: chunks, lines, events, limits, backpressure.
local core = require "sse.core"
local fixture = require "spec.support.fixture"
local response_body = require "sse.client.response_body"
local sse = require "sse"
local wait = require "spec.support.wait"

local serve, answer, in_task = fixture.serve, fixture.answer, fixture.in_task

describe("a response's body", function()
  after_each(fixture.finish)

  it("iterates over chunks as they come", function()
    local send
    local server = serve(function(conn)
      conn:head(200, "Transfer-Encoding: chunked")
      send = function(text) conn:chunk(text) end
      send("one")
    end)
    local got = {}
    for piece in assert(sse.fetch(server:url())):chunks() do
      got[#got + 1] = piece
      send(({ "two", "three", "" })[#got])
    end
    assert.same({ "one", "two", "three" }, got)
  end)

  it("iterates over lines however they are cut", function()
    local text = "a\nbc\r\n\nd\re\nlast"
    for size = 1, #text do
      local server = serve(function(conn)
        conn:head(200, "Transfer-Encoding: chunked")
        for i = 1, #text, size do conn:chunk(text:sub(i, i + size - 1)) end
        conn:chunk("")
      end)
      local lines = {}
      for line in assert(sse.fetch(server:url())):lines() do lines[#lines + 1] = line end
      assert.same({ "a", "bc", "", "d\re", "last" }, lines)
      server:stop()
    end
  end)

  it("iterates over events, also inside a task, and they decode", function()
    local server = serve(function(conn)
      conn:stream():send('id: 1\ndata: {"n":1}\n\n')
      conn:send("event: t\nretry: 7\ndata: [DONE]\n\nid: 2\n"):close()
    end)
    in_task(function()
      local seen, res = {}, assert(sse.fetch(server:url()))
      for ev in res:events() do
        seen[#seen + 1] = { ev.type, ev.data, ev.lastEventId, ev.origin }
      end
      local o = "http://127.0.0.1:" .. server.port
      assert.same({ { "message", '{"n":1}', "1", o }, { "t", "[DONE]", "1", o } }, seen)
      assert.equal(7, res.retry)
      assert.is_nil(res.failure)
    end)
    assert.equal(1, (assert(sse.fetch(server:url())):events())():json().n)
  end)

  it("closes the transfer where a loop is left early", function()
    for _, how in ipairs { "chunks", "lines", "events" } do
      local server = serve(function(conn) conn:stream():send("data: 1\n\ndata: 2\n\n") end)
      local response = assert(sse.fetch(server:url()))
      for _ in response[how](response) do break end
      wait.till(function() return server.open == 0 end, how)
      local ok = pcall(function()
        for _ in assert(sse.fetch(server:url())):events() do error("in the loop") end
      end)
      assert.is_false(ok)
      wait.till(function() return server.open == 0 end, how)
    end
  end)

  it("a body that breaks off says so", function()
    local server = serve(function(conn)
      conn:head(200, "Content-Length: 100"):send("a\nb"):close()
    end)
    local res = assert(sse.fetch(server:url()))
    local lines = {}
    for line in res:lines() do lines[#lines + 1] = line end
    assert.same({ "a" }, lines)
    assert.equal("ECONNRESET", res.failure.code)
    local text, message, code = assert(sse.fetch(server:url())):text()
    assert.is_nil(text)
    assert.is_string(message)
    assert.equal("ECONNRESET", code)
  end)

  it("bounds lines and events of a body that has come whole before it is read", function()
    local function nothing() end
    for _, how in ipairs { "lines", "events" } do
      local exchange = { pause = nothing, resume = nothing, cancel = nothing }
      local body = response_body.new(exchange, {
        max_event = 500, utf8 = "replace", head = { status = 200, headers = {} },
      })
      body:put("data: " .. ("x"):rep(1000) .. "\n\n")
      body:finish()
      for _ in body[how](body, {}, {}) do error("nothing fits") end
      assert.equal("ETOOBIG", body.failure and body.failure.code, how)
    end
  end)

  it("bounds text, lines and events", function()
    local server = answer(200, "data: " .. ("x"):rep(1000) .. "\n\n")
    local function get(options) return assert(sse.fetch(server:url(), options)) end
    assert.equal(1008, #get({ maxBodySize = 1008 }):text())
    assert.same({ "ETOOBIG" }, { select(3, get({ maxBodySize = 1007 }):text()) })
    for _, how in ipairs { "lines", "events" } do
      local res = get { maxEventSize = 500 }
      for _ in res[how](res) do error("nothing fits") end
      assert.equal("ETOOBIG", res.failure.code)
      assert.matches("500", res.failure.message)
    end
    -- The connection of a body that had come whole is kept for another request.
    core.forget_connections()
    wait.till(function() return server.open == 0 end, "the close")
  end)

  it("reads nothing ahead of its reader", function()
    local server
    server = serve(function(conn)
      conn:head(200)
      conn:send(("x"):rep(64 * 2 ^ 20))
    end)
    local res = assert(sse.fetch(server:url()))
    local conn = server.connections[1]
    local left = wait.unchanged(function() return #conn.out end)
    assert.is_true(left > 32 * 2 ^ 20, "the sender felt nothing")
    local size = 0
    for piece in res:chunks() do
      size = size + #piece
      if size > 2 ^ 20 then break end
    end
    wait.till(function() return server.open == 0 end, "the close")
  end)

  it("a slow reader gets every byte, in order", function()
    local parts = {}
    for i = 1, 20000 do parts[i] = ("%08d\n"):format(i) end
    local text = table.concat(parts)
    local server = serve(function(conn)
      conn:head(200, "Transfer-Encoding: chunked")
      for i = 1, #text, 5000 do conn:chunk(text:sub(i, i + 4999)) end
      conn:chunk("")
    end)
    in_task(function()
      local got = {}
      for piece in assert(sse.fetch(server:url())):chunks() do
        got[#got + 1] = piece
        sse.sleep(0)
      end
      assert.is_true(text == table.concat(got))
    end)
  end)
end)
