-- Who sends the response: the handler before it returns, or anybody later, once the handler has
-- detached it.
local core = require "sse.core"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local task = require "sse.task"

-- Sends a request in a task; returns a function that pumps the loop until the response is there.
local function asking(line)
  local response
  task.spawn(function() response = serving.ask(line) end)
  return function()
    raw.pump(function() return response end, "the response of " .. line)
    return response
  end
end

serving.each("server, a handler that returned", function()
  after_each(serving.stop)

  it("is answered for later where it detached the response", function()
    local kept = {}
    serving.start(function(server)
      server:get("/whole", function(_, res)
        res:detach()
        kept.whole = res
      end)
      server:get("/pieces", function(_, res)
        res:write "one "
        res:detach()
        kept.pieces = res
      end)
    end)
    local whole, pieces = asking "GET /whole", asking "GET /pieces"
    raw.pump(function() return kept.whole and kept.pieces end, "both handlers")
    assert.is_false(kept.whole.closed)
    assert.is_false(kept.pieces.closed)
    assert.is_true(kept.whole:reply(200, "late"))
    assert.is_true(kept.pieces:write "two")
    kept.pieces:finish()
    assert.equal("late", whole().body)
    assert.equal("one two", pieces().body)
    assert.same({}, serving.errors)
  end)

  it("has finished what it began to write", function()
    local kept
    serving.start(function(server)
      server:get("/written", function(_, res)
        res:write "one "
        res:write "two"
        kept = res
      end)
      server:get("/head", function(_, res) res:write_head(201) end)
    end)
    local got = serving.ask "GET /written"
    assert.equal("one two", got.body)
    assert.same({ nil, "closed", "ECLOSED" }, { kept:write "three" })
    got = serving.ask "GET /head"
    assert.equal(201, got.status)
    assert.equal("", got.body)
    assert.same({}, serving.errors)
  end)

  it("has finished what it wrote only when it returns, not while it waits", function()
    local go
    serving.start(function(server)
      server:get("/", function(_, res)
        res:write "one "
        task.await(function(resume) go = resume end)
        res:write "two"
      end)
    end)
    local got = asking "GET /"
    raw.pump(function() return go end, "the handler")
    go()
    assert.equal("one two", got().body)
  end)

  it("may have answered and detached, in any order", function()
    serving.start(function(server)
      server:get("/before", function(_, res)
        res:detach()
        res:reply(200, "x")
      end)
      server:get("/after", function(_, res)
        res:reply(200, "x")
        res:detach()
      end)
      server:get("/stream", function(_, res)
        res:detach()
        res:event_stream():close()
      end)
    end)
    for _, path in ipairs { "before", "after", "stream" } do
      assert.equal(200, serving.ask("GET /" .. path).status)
    end
    assert.same({}, serving.errors)
  end)

  it("is a 500 where it raised, detached or not", function()
    serving.start(function(server)
      server:get("/", function(_, res)
        res:detach()
        error "after all"
      end)
    end)
    assert.equal(500, serving.ask("GET /").status)
    assert.truthy(serving.errors[1].message:find("after all", 1, true))
  end)

  it("without an answer after a wait is a 500 whose report says what to call", function()
    serving.start(function(server)
      server:get("/waited", function() task.sleep(1) end)
      server:get("/failed", function(_, res)
        task.sleep(1)
        pcall(res.reply, res, 1000)
      end)
    end)
    for i, path in ipairs { "/waited", "/failed" } do
      assert.equal(500, serving.ask("GET " .. path).status)
      assert.truthy(serving.errors[i].message:find("or res:detach() to answer later", 1, true))
      assert.equal(path, serving.errors[i].req.path)
    end
  end)
end)

-- Starts a server whose handler detaches the response and keeps no reference to it. Returns it, a
-- function that waits for so many requests and runs the collector, and one that says whether all
-- the responses have been collected.
local function start_losing()
  local count, held = 0, setmetatable({}, { __mode = "k" })
  -- Within idle_timeout an HTTP/1.1 client that sends no more is known to have left.
  local server = serving.start({ idle_timeout = 20 }, function(server)
    server:get("/", function(req, res)
      res:detach()
      held[res], req.res = true, res
      count = count + 1
    end)
  end)
  return server, function(n)
    raw.pump(function() return count == n end, "the handler")
    for _ = 1, 3 do
      core.defer(collectgarbage)
      core.turn()
    end
    return server:stats().connections.open
  end, function()
    collectgarbage()
    return next(held) == nil
  end
end

serving.each("server, a detached response that the program has lost", function()
  after_each(serving.stop)

  it("is left open by the collector, until its client leaves", function()
    local _, asked, collected = start_losing()
    local leave = serving.begin "GET /"
    assert.equal(1, asked(1))
    assert.is_true(collected())
    leave()
    serving.idle()
    assert.same({}, serving.errors)
  end)

  it("is ended by server:close", function()
    local server, asked = start_losing()
    local failure
    task.spawn(function() failure = select(2, serving.send "GET /") end)
    assert.equal(1, asked(1))
    server:close()
    raw.pump(function() return failure end, "the end of the connection")
    assert.equal(0, server:stats().connections.open)
  end)

  it("is ended by server:shutdown, when its time is over", function()
    local server, asked = start_losing()
    local failure
    task.spawn(function() failure = select(2, serving.send "GET /") end)
    assert.equal(1, asked(1))
    server:shutdown { within = 1, grace = 1 }
    raw.pump(function() return failure end, "the end of the connection")
    assert.equal(0, server:stats().connections.open)
  end)
end)
