-- What a source's listeners and its events() loops get: CONFORMANCE lines 16, 39 and 40, here over
-- a network.
local core = require "sse.core"
local fixture = require "spec.support.fixture"
local sse = require "sse"
local wait = require "spec.support.wait"

local serve, open, record = fixture.serve, fixture.source, fixture.record
local OPEN, CLOSED = 1, 2

local function sends(text, close)
  return serve(function(conn)
    conn:stream():send(text)
    if close then conn:close() end
  end)
end

local function numbers(n)
  local parts = {}
  for i = 1, n do parts[i] = "data: " .. i .. "\n\n" end
  return table.concat(parts)
end

describe("a source's events", function()
  after_each(fixture.finish)

  it("line 39: onmessage sees only type message", function()
    local server = sends("data: 1\n\nevent: message\ndata: 2\n\n"
      .. "event: tick\ndata: 3\n\nevent: Message\ndata: 4\n\n")
    local source, seen = open(server:url()), {}
    source.onmessage = function(ev) seen[#seen + 1] = ev.data end
    record(source).till("Message")
    assert.same({ "1", "2" }, seen)
  end)

  it("line 16: a server's error, open, message and comment are events with data", function()
    local text = ""
    for _, type_ in ipairs { "error", "open", "comment", "message", "*" } do
      text = text .. ("event: %s\ndata: of the server\n\n"):format(type_)
    end
    local server = sends(text)
    local source, seen, comments = open(server:url()), {}, 0
    source.oncomment = function() comments = comments + 1 end
    source:addEventListener("*", function(ev) seen[#seen + 1] = ev.type .. "=" .. ev.data end)
    source.onerror = function(ev) assert.equal("of the server", ev.data) end
    wait.till(function() return #seen == 5 end, "five events")
    assert.same({ "error=of the server", "open=of the server", "comment=of the server",
      "message=of the server",
      "*=of the server" }, seen)
    assert.equal(0, comments)
    assert.equal(1, source.readyState)
  end)

  it("carries data, lastEventId, origin, and decodes JSON", function()
    local server = sends('id: 7\ndata: {"a":\ndata: [1, null, "ü"]}\n\ndata: {\n\n')
    local source, seen = open(server:url()), {}
    source.onmessage = function(ev) seen[#seen + 1] = ev end
    wait.till(function() return #seen == 2 end, "two events")
    local ev = seen[1]
    assert.same({ "message", '{"a":\n[1, null, "ü"]}', "7", "http://127.0.0.1:" .. server.port },
      { ev.type, ev.data, ev.lastEventId, ev.origin })
    assert.equal(source, ev.target)
    assert.equal("ü", ev:json().a[3])
    local value, message = seen[2]:json()
    assert.is_nil(value)
    assert.is_string(message)
  end)

  it("hears comments where somebody listens", function()
    local server = sends(": one\n:two\n:\n: \0three\n\ndata: x\n\n")
    local comments = {}
    local source = open(server:url(),
      { oncomment = function(text) comments[#comments + 1] = text end })
    record(source).till("message")
    assert.same({ " one", "two", "", " \0three" }, comments)
  end)

  it("line 40: a listener that raises is reported and the stream goes on", function()
    local server = sends(numbers(4))
    local source, seen = open(server:url()), {}
    source:addEventListener("message", function(ev)
      if ev.data == "2" then error("listener fails at 2") end
    end)
    source:addEventListener("message", function(ev) seen[#seen + 1] = ev.data end)
    local ok, message = pcall(sse.run)
    assert.is_false(ok)
    assert.matches("listener fails at 2", message)
    wait.till(function() return #seen == 4 end, "the rest")
    assert.same({ "1", "2", "3", "4" }, seen)
    assert.equal(1, #server.requests)
  end)

  for _, name in ipairs { "oncomment", "onreconnect", "onopen", "onerror" } do
    it("line 40: " .. name .. " that raises is reported and the source goes on", function()
      local server = sends(": c\ndata: x\n\n", true)
      local source, failed = open(server:url()), 0
      local log = record(source)
      source[name] = function()
        failed = failed + 1
        if failed == 1 then error("in " .. name) end
      end
      local ok, message
      repeat ok, message = pcall(core.turn) until not ok
      assert.matches("in " .. name, message)
      log.till("message", 2)
    end)
  end
end)

describe("source:events()", function()
  after_each(fixture.finish)

  it("iterates outside of a task; leaving the loop closes the source", function()
    local server, seen = sends(numbers(10)), {}
    local source = open(server:url())
    for ev in source:events() do
      seen[#seen + 1] = ev.data
      if ev.data == "5" then break end
    end
    assert.same({ "1", "2", "3", "4", "5" }, seen)
    assert.equal(CLOSED, source.readyState)
    wait.till(function() return server.open == 0 end, "the close")
  end)

  it("leaving the loop closes a source that has handlers of no event", function()
    local server = sends(numbers(2))
    local function noop() end
    local source = open(server:url(), {
      onopen = noop, onerror = noop, oncomment = noop, onreconnect = noop,
    })
    source:addEventListener("open", noop)
    source:addEventListener("error", noop)
    for _ in source:events() do break end
    assert.equal(CLOSED, source.readyState)
    for _, type_ in ipairs { "message", "*", "price" } do
      source = open(server:url(), { onerror = noop })
      source:addEventListener(type_, noop)
      for _ in source:events() do break end
      assert.equal(OPEN, source.readyState)
      source:close()
    end
  end)

  it("iterates inside tasks, several at once", function()
    local server = sends(numbers(300))
    local sums, done = {}, 0
    for i = 1, 5 do
      sums[i] = 0
      sse.spawn(function()
        for ev in sse.EventSource(server:url()):events() do
          sums[i] = sums[i] + tonumber(ev.data)
          if ev.data == "300" then break end
        end
        done = done + 1
      end)
    end
    wait.till(function() return done == 5 end, "five tasks")
    assert.same({ 45150, 45150, 45150, 45150, 45150 }, sums)
    wait.till(function() return server.open == 0 end, "the close")
  end)

  it("goes on over reconnects", function()
    local server
    server = serve(function(conn)
      conn:stream():send("data: ", #server.requests, "\n\n"):close()
    end)
    local seen = {}
    for ev in open(server:url()):events() do
      seen[#seen + 1] = ev.data
      if #seen == 3 then break end
    end
    assert.same({ "1", "2", "3" }, seen)
  end)

  it("ends when the source fails, which says why", function()
    local server
    server = serve(function(conn)
      if #server.requests > 1 then return conn:reply(410, "gone") end
      conn:stream():send(numbers(2)):close()
    end)
    local source, n = open(server:url()), 0
    for _ in source:events() do n = n + 1 end
    assert.equal(2, n)
    assert.same({ "EHTTP", 410, "gone" }, { source.failure.code, source.failure.status,
      source.failure.body })
    for _ in source:events() do error("a closed source has none") end
  end)

  it("ends when the source is closed, with nothing more", function()
    local server = sends(numbers(100))
    local source, n = open(server:url()), 0
    for _ in source:events() do
      n = n + 1
      source:close()
    end
    assert.equal(1, n)
    assert.is_nil(source.failure)
  end)

  it("a task that waits is woken by close()", function()
    local server = sends("")
    local source, ended = open(server:url()), false
    sse.spawn(function()
      for _ in source:events() do error("nothing was sent") end
      ended = true
    end)
    record(source).till("open")
    source:close()
    assert.is_true(ended)
  end)

  it("an error in the loop leaves it, and the source closed", function()
    local server = sends(numbers(3))
    local source = open(server:url())
    assert.has_error(function()
      for _ in source:events() do error("stop") end
    end)
    assert.equal(CLOSED, source.readyState)
  end)

  it("two loops and a listener hear everything; the source stays open", function()
    local server = sends(numbers(50))
    local source, counts = open(server:url()), { 0, 0, 0 }
    source.onmessage = function() counts[3] = counts[3] + 1 end
    for i = 1, 2 do
      sse.spawn(function()
        for ev in source:events() do
          counts[i] = counts[i] + 1
          if i == 1 and counts[i] % 7 == 0 then sse.sleep(1) end
          if ev.data == "50" then break end
        end
      end)
    end
    wait.till(function() return counts[1] == 50 and counts[2] == 50 end, "both loops")
    assert.same({ 50, 50, 50 }, counts)
    assert.equal(1, source.readyState)
  end)

  it("a slow loop stops the sender, and misses nothing", function()
    local parts = {}
    for i = 1, 30000 do parts[i] = ("id: %d\ndata: %s\n\n"):format(i, ("x"):rep(1000)) end
    local server = sends(table.concat(parts))
    local n, go = 0, false
    local function wait_here()
      while not go do sse.sleep(1) end
    end
    sse.spawn(function()
      local source = open(server:url(), { heartbeatTimeout = 1000 })
      for ev in source:events() do
        n = n + 1
        assert.equal(tostring(n), ev.lastEventId)
        if n == 1 then wait_here() end -- longer than heartbeatTimeout: a paused source goes on
        if n == 3000 then break end
      end
      n = "done"
    end)
    wait.till(function() return n == 1 end, "the first")
    local conn = server.connections[1]
    local left = wait.unchanged(function() return #conn.out end)
    assert.is_true(left > 10 * 2 ^ 20, "the sender felt nothing")
    wait.past(1100)
    go = true
    wait.till(function() return n == "done" end, "the loop's end")
    assert.equal(1, #server.requests)
    wait.till(function() return server.open == 0 end, "the close")
  end)
end)
