-- Rare cases in which an EventSource could lose an event, an error or, by a collection, itself.
local core = require "sse.core"
local fixture = require "spec.support.fixture"
local sse = require "sse"
local wait = require "spec.support.wait"

local serve, open, record = fixture.serve, fixture.source, fixture.record
local CLOSED = 2

-- Calls fn(...) with a full collection before every line of Lua in the main thread.
local function collecting(fn, ...)
  debug.sethook(function() collectgarbage() end, "l")
  local results = table.pack(pcall(fn, ...))
  debug.sethook()
  assert(table.unpack(results, 1, results.n))
end

describe("an EventSource", function()
  after_each(fixture.finish)

  it('line 39: once under "*" is called once, and can be added again', function()
    local server = serve(function(conn)
      conn:stream():send("event: a\ndata: 1\n\nevent: b\ndata: 2\n\nevent: end\ndata:\n\n")
    end)
    local source, heard = open(server:url()), {}
    local function hear(ev) heard[#heard + 1] = ev.data end
    source:addEventListener("*", hear, { once = true })
    source:addEventListener("b", function()
      source:addEventListener("*", hear, { once = true })
    end)
    local ended
    source:addEventListener("end", function() ended = true end)
    wait.till(function() return ended end, "the last event")
    assert.same({ "1", "" }, heard)
  end)

  it("line 41: tells of its end though nobody refers to it and a collection is due", function()
    local server = serve(function(conn) conn:reply(404, "") end)
    local code
    open(server:url()).onerror = function(ev) code = ev.code end
    wait.till(function() return #server.requests > 0 end, "the request")
    fixture.drop_references() -- from here on nobody refers to the source
    collecting(wait.till, function() return code end, "the error")
    assert.equal("EHTTP", code)
  end)

  it("line 41: lives while only oncomment or onreconnect hears it", function()
    for _, name in ipairs { "oncomment", "onreconnect" } do
      local server = serve(function(conn)
        conn:stream():send(": hello\n\n")
        if name == "onreconnect" then conn:close() end
      end)
      local given, assigned
      open(server:url(), { [name] = function() given = true end })
      open(server:url())[name] = function() assigned = true end
      fixture.drop_references()
      wait.collect()
      wait.till(function() return given and assigned end, name)
    end
  end)

  it("line 41: an iterator alone holds its source", function()
    local server = serve(function(conn) conn:stream():send("data: 1\n\n") end)
    local next_event = open(server:url()):events()
    fixture.drop_references()
    wait.collect()
    assert.equal("1", next_event().data)
  end)

  it("line 23: a comment that nobody listens to may be of any length", function()
    local server = serve(function(conn)
      conn:stream():send(":", ("x"):rep(5000), "\n:short\ndata: after\n\n")
    end)
    local source = open(server:url(), { maxEventSize = 100 })
    local log = record(source)
    assert.equal("after", log.till("message").event.data)
    assert.equal(0, log.count("error"))
    source:close()
    local comments = {}
    source = open(server:url(), { oncomment = function(text) comments[#comments + 1] = #text end })
    record(source).till("message")
    assert.same({ 5000, 5 }, comments)
  end)

  it("line 12: oncomment may come and go while the stream flows", function()
    local server = serve(function(conn) conn:stream():send("data: 1\n\n") end)
    local source, comments = open(server:url()), {}
    local log = record(source)
    log.till("message", 1)
    source.oncomment = function(text) comments[#comments + 1] = text end
    server.connections[1]:send(":heard\ndata: 2\n\n")
    log.till("message", 2)
    source.oncomment = nil
    server.connections[1]:send(":unheard\ndata: 3\n\n")
    log.till("message", 3)
    assert.same({ "heard" }, comments)
  end)

  it("line 29: a refused response stays refused, however slow its body", function()
    local server = serve(function(conn) conn:head(500, "Content-Length: 100"):send("half") end)
    local response_check = require "sse.client.response_check"
    local before = response_check.body_time
    response_check.body_time = 700
    local source = open(server:url(), { heartbeatTimeout = 500 }) -- enough for the head
    local log = record(source)
    log.till("error")
    response_check.body_time = before
    assert.equal(CLOSED, source.readyState)
    assert.equal("EHTTP", log.first("error").event.code)
    assert.equal("half", log.first("error").event.body)
  end)

  it("a Retry-After without end is a wait of a day, not an error", function()
    for _, text in ipairs { ("9"):rep(400), ("9"):rep(18) } do
      local server = serve(function(conn) conn:reply(503, "", "Retry-After: " .. text) end)
      local wait_ms
      local source = open(server:url(), {
        reconnect = "resilient", onreconnect = function(ms) wait_ms = ms end,
      })
      wait.till(function() return wait_ms end, "the wait")
      assert.equal(86400000, wait_ms)
      source:close()
    end
  end)

  it("line 27: a content type of many spaces is refused at once", function()
    local server = serve(function(conn)
      conn:head(200, "Content-Type: text/event-stream" .. (" "):rep(60000) .. "x"):close()
    end)
    local began = os.clock()
    assert.equal("ETYPE", record(open(server:url())).till("error").event.code)
    assert.is_true(os.clock() - began < 2)
  end)

  it("an error in another callback loses no event of a loop that goes on", function()
    local server = serve(function(conn) conn:stream():send("data: 1\n\n") end)
    local source = open(server:url())
    local next_event = source:events()
    assert.equal("1", next_event().data)
    core.after(1, function() error("elsewhere") end)
    local ok, message = pcall(next_event)
    assert.is_false(ok)
    assert.matches("elsewhere", message)
    server.connections[1]:send("data: 2\n\ndata: 3\n\n")
    assert.equal("2", next_event().data)
    assert.equal("3", next_event().data)
  end)

  it("two loops hear every event once, also where one ends the other", function()
    local server = serve(function(conn)
      conn:stream():send("data: 1\n\ndata: 2\n\ndata: 3\n\nevent: end\ndata: end\n\n")
    end)
    local source, heard = open(server:url()), { {}, {} }
    local resume_first
    sse.spawn(function()
      for ev in source:events() do -- luacheck: ignore 512
        table.insert(heard[1], ev.data)
        require("sse.task").await(function(resume) resume_first = resume end)
        break
      end
    end)
    sse.spawn(function()
      for ev in source:events() do
        table.insert(heard[2], ev.data)
        if ev.data == "2" then resume_first() end
        if ev.type == "end" then break end
      end
    end)
    wait.till(function() return source.readyState == CLOSED end, "the end")
    assert.same({ { "1" }, { "1", "2", "3", "end" } }, heard)
  end)

  it("blames the caller who waits within a callback", function()
    local server = serve(function(conn) conn:stream():send("data: 1\n\n") end)
    local source = open(server:url())
    local messages = {}
    source.onmessage = function()
      local tries = {
        function()
          for _ in source:events() do break end -- luacheck: ignore 512
        end,
        function() local _ = sse.fetch(server:url()); _ = nil end,
        function() sse.sleep(1); return true end,
      }
      for i, try in ipairs(tries) do messages[i] = select(2, pcall(try)) end
    end
    wait.till(function() return #messages == 3 end, "the messages")
    for _, message in ipairs(messages) do
      assert.matches("^spec/client/eventsource_edge_spec.lua:%d+: [%w.:]+: a callback can't wait",
        message)
    end
  end)

  it("line 32: a response of status 101 is none, with bytes behind it or without", function()
    for _, behind in ipairs { "", "data: x\n\n" } do
      local server = serve(function(conn)
        conn:send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", behind)
      end)
      local source = open(server:url())
      local log = record(source)
      assert.equal("EPROTO", log.till("error", 2).event.code)
      assert.equal("error error", log.types())
      source:close()
      local res, _, code = sse.fetch(server:url())
      assert.is_nil(res)
      assert.equal("EPROTO", code)
    end
  end)

  it("line 38: closed by the log hook that hears of an id, asks nothing more", function()
    local server = serve(function(conn) conn:stream():send("id: \1\ndata: x\n\n"):close() end)
    local source
    source = open(server:url(), { log = function(_, message)
      if message:find "control character" then source:close() end
    end })
    wait.till(function() return source.readyState == CLOSED end, "the close")
    wait.past(20)
    assert.equal(CLOSED, source.readyState)
    assert.equal(1, #server.requests)
  end)

  it("an event whose listener connects again still reaches the loops", function()
    local server
    server = serve(function(conn)
      conn:stream():send("id: ", #server.requests, "\ndata: ", #server.requests, "\n\n")
    end)
    local source, data = open(server:url()), {}
    source:addEventListener("message", function() source:reconnect() end, { once = true })
    for ev in source:events() do
      data[#data + 1] = ev.data
      if ev.data == "2" then break end
    end
    assert.same({ "1", "2" }, data)
    assert.equal("1", server.requests[2].headers["last-event-id"])
  end)

  it("a loop whose task a stranger resumes waits on, and misses nothing", function()
    local server = serve(function(conn) conn:stream() end)
    local source, data, co = open(server:url()), {}, nil
    sse.spawn(function()
      co = coroutine.running()
      for ev in source:events() do data[#data + 1] = type(ev) == "table" and ev.data or ev end
    end)
    wait.till(function() return source.readyState == 1 end, "the stream")
    for _ = 1, 2 do assert.is_true(coroutine.resume(co, "nobody's event")) end
    server.connections[1]:send("data: 1\n\ndata: 2\n\n")
    wait.till(function() return #data >= 2 end, "two events")
    assert.same({ "1", "2" }, data)
  end)
end)
