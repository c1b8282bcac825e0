-- What keeps a source from being collected, and that a collected one leaves nothing behind:
-- CONFORMANCE line 41.
local core = require "sse.core"
local fixture = require "spec.support.fixture"
local sse = require "sse"
local wait = require "spec.support.wait"

local serve = fixture.serve

local function collect()
  collectgarbage()
  collectgarbage()
end

local function stream()
  return serve(function(conn) conn:stream():send("data: x\n\n") end)
end

describe("garbage collection", function()
  after_each(fixture.finish)

  it("line 41: a source with a listener lives though nobody refers to it", function()
    local server = serve(function(conn) conn:stream():send("data: x\n\n"):close() end)
    local weak, heard = setmetatable({}, { __mode = "k" }), 0
    do
      local source = sse.EventSource(server:url(), { retryInterval = 5 })
      weak[source] = true
      source.onmessage = function(ev)
        heard = heard + 1
        if heard == 3 then ev.target:close() end
      end
    end
    wait.till(function()
      collect() -- while it connects, is open, waits to connect again
      return heard == 3
    end, "three messages")
    wait.till(function()
      collect()
      return next(weak) == nil
    end, "the end of the closed source")
  end)

  it("line 41: one that nobody hears is collected and leaves nothing", function()
    for _, turns in ipairs { 0, 1, 3, 30 } do
      local server = stream()
      local weak = setmetatable({}, { __mode = "k" })
      do
        weak[sse.EventSource(server:url(), { heartbeatTimeout = 60000 })] = true
        for _ = 1, turns do core.turn() end
      end
      collect()
      assert.is_nil(next(weak))
      wait.past(5)
      wait.till(function() return server.open == 0 end, "the close")
      server:stop()
      wait.idle() -- no timer of the heartbeat or of a retry is left
    end
  end)

  it("line 41: removing the last listener gives it up", function()
    local server, heard = stream(), 0
    local weak = setmetatable({}, { __mode = "k" })
    do
      local source = sse.EventSource(server:url())
      weak[source] = true
      source:addEventListener("message", function() heard = heard + 1 end, { once = true })
    end
    wait.till(function() return heard == 1 end, "the message")
    collect()
    assert.is_nil(next(weak))
    wait.till(function() return server.open == 0 end, "the close")
  end)

  it("a loop over events holds its source", function()
    local server = serve(function(conn)
      conn:stream()
      local n, timer = 0, nil
      timer = core.every(2, function()
        n = n + 1
        if conn.closed then timer:stop() else conn:send("data: ", n, "\n\n") end
      end)
    end)
    local n = 0
    for _ in sse.EventSource(server:url()):events() do
      collect()
      n = n + 1
      if n == 5 then break end
    end
    assert.equal(5, n)
  end)

  it("a response that is not read is collected with its connection", function()
    local server = stream()
    assert(sse.fetch(server:url()))
    collect()
    wait.till(function() return server.open == 0 end, "the close")
  end)

  it("a response whose loop goes on is not", function()
    local n = 0
    local server = serve(function(conn)
      conn:stream()
      local timer
      timer = core.every(2, function()
        if conn.closed then timer:stop() else conn:send("data: x\n\n") end
      end)
    end)
    for _ in assert(sse.fetch(server:url())):events() do
      collect()
      n = n + 1
      if n == 5 then break end
    end
    assert.equal(5, n)
  end)

  it("nor one that only the iterator at work refers to", function()
    local server = serve(function(conn)
      conn:stream()
      core.after(20, function()
        collect()
        conn:send("data: late\n\n"):close()
      end)
    end)
    local ev = (assert(sse.fetch(server:url())):events())()
    assert.equal("late", ev and ev.data)
  end)

  it("a collection inside each callback harms nothing", function()
    local server = serve(function(conn)
      conn:stream():send("data: 1\n\n: c\ndata: 2\n\n"):close()
    end)
    local source, errors = fixture.source(server:url()), 0
    source.onopen, source.onmessage, source.oncomment = collect, collect, collect
    source.onreconnect = collect
    source.onerror = function()
      collect()
      errors = errors + 1
    end
    wait.till(function() return errors == 3 end, "three connections")
  end)

  it("sources die in the midst of another's callback", function()
    local server = stream()
    local others = {} -- luacheck: ignore 241
    for i = 1, 10 do others[i] = sse.EventSource(server:url()) end
    local source = fixture.source(server:url())
    local done
    source.onmessage = function()
      others = nil -- luacheck: ignore 311
      collect()
      done = true
    end
    wait.till(function() return done end, "the message")
    wait.till(function() return server.open == 1 end, "the end of the others")
  end)

  it("objects without number leave memory as it was", function()
    local server = serve(function(conn) conn:reply(200, ("x"):rep(1000)) end)
    local function round()
      for _ = 1, 20 do assert.equal(1000, #assert(sse.fetch(server:url())):text()) end
      server.connections, server.requests = {}, {}
      collect()
      return collectgarbage("count")
    end
    round()
    local before = round()
    for _ = 1, 5 do round() end
    assert.is_true(round() < before * 1.05 + 20)
  end)
end)
