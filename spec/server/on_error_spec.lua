-- Errors in the callbacks of one request, stream or follower: they go to on_error with what they
-- belong to, end that request or stream alone, and do not stop the loop. Over each transport.
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"
local task = require "sse.task"

-- Pumps the loop until on_error was called; returns the error and its context.
local function reported()
  raw.pump(function() return serving.errors[1] end, "on_error")
  local first = table.remove(serving.errors, 1)
  return first.message, first.context
end

-- Starts a server with one route, "/", and another, "/fine".
local function start(handler, options)
  return serving.start(options or {}, function(server)
    server:get("/", handler)
    server:get("/fine", function(_, res) res:reply(200, "fine") end)
  end)
end

local function assert_fine() assert.equal("fine", serving.ask("GET /fine").body) end

-- Sends, without a turn of the loop, until bytes are pending; on_drain is then due.
local function fill(stream)
  while stream.pending == 0 do assert(stream:send(("x"):rep(100000))) end
end

serving.each("on_error is told", function()
  after_each(serving.stop)

  it("of a handler's error, with its request and the stream that it opened", function()
    local stream
    start(function(req, res)
      if req.query.open then stream = res:event_stream() end
      error("boom", 0)
    end)
    serving.begin "GET /?open=1"
    local err, context = reported()
    assert.matches("^boom\nstack traceback:", err)
    assert.equal("/", context.req.path)
    assert.same({ what = "handler", req = context.req, stream = stream }, context)
    assert.equal(500, serving.ask("GET /").status)
    context = select(2, reported())
    assert.same({ what = "handler", req = context.req }, context)
  end)

  it("of the table that was raised, as it is", function()
    local thing = setmetatable({}, { __tostring = function() error "not to be called" end })
    start(function() error(thing) end)
    assert.equal(500, serving.ask("GET /").status)
    assert.is_true(rawequal(thing, (reported())))
  end)

  it("of a stream's on_close, and the others go on", function()
    local streams = {}
    start(function(_, res)
      local stream = res:event_stream()
      streams[#streams + 1] = stream
      stream.on_close = function(reason) error("closing by " .. reason, 0) end
    end)
    local first, second = serving.listen(), serving.listen()
    streams[1]:close()
    first:rest()
    local err, context = reported()
    assert.matches("^closing by server\nstack traceback:", err)
    assert.same({ what = "on_close", stream = streams[1] }, context)
    streams[2]:send "still there"
    second:till "still there\n\n"
    second:close()
    assert.matches("^closing by client", reported())
    assert_fine()
  end)

  it("of a response's on_close", function()
    local opened
    start(function(req, res)
      opened = req
      res.on_close = function(reason) error { reason = reason } end
      res:write "half"
      task.sleep(1000000)
    end, { idle_timeout = 20 })
    local leave = serving.begin "GET /"
    raw.pump(function() return opened end, "the request")
    leave()
    local err, context = reported()
    assert.same({ reason = "client" }, err)
    assert.same({ what = "on_close", req = opened }, context)
  end)

  it("of the on_close of a stream that was opened when its client had left", function()
    local go, stream
    start(function(_, res)
      task.await(function(resume) go = resume end)
      stream = res:event_stream()
      stream.on_close = function(reason) error("late: " .. reason, 0) end
    end, { idle_timeout = 20 })
    local leave = serving.begin "GET /"
    raw.pump(function() return go end, "the request")
    leave()
    serving.idle()
    go()
    local err, context = reported()
    assert.matches("^late: client", err)
    assert.same({ what = "on_close", stream = stream }, context)
  end)

  it("of on_drain, and the stream breaks off", function()
    local stream, reason
    start(function(_, res)
      stream = res:event_stream()
      stream.on_close = function(why) reason = why end
    end, { max_pending = 100000000, max_pending_total = 100000000 })
    local client = serving.listen()
    -- Not before: a client whose stream breaks off at once may get no head.
    stream.on_drain = function() error "draining" end
    fill(stream)
    assert.equal("ECONNRESET", select(2, client:rest()).code)
    local err, context = reported()
    assert.matches("draining\nstack traceback:", err)
    assert.same({ what = "on_drain", stream = stream }, context)
    assert.is_true(stream.closed)
    raw.pump(function() return reason end, "on_close")
    assert.equal("error", reason)
    assert_fine()
  end)

  it("of a function for cors, and the client gets a 500 or what was raised", function()
    start(function(_, res) res:reply(200) end, { cors = { origin = function(_, req)
      if req.query.table then error { status = 403, message = "go away" } end
      error("deciding", 0)
    end } })
    local origin = { Origin = "https://app.example" }
    assert.equal(500, serving.ask("GET /", origin).status)
    local err, context = reported()
    assert.matches("^deciding\nstack traceback:", err)
    assert.same({ what = "cors", req = context.req }, context)
    assert.equal(403, serving.ask("GET /?table=1", origin).status)
    assert.is_nil(serving.errors[1])
  end)

  it("of a where function, and that stream alone ends", function()
    local news, streams, reason = sse.channel "on_error where", {}, nil
    start(function(req, res)
      local stream = res:event_stream()
      streams[#streams + 1] = stream
      stream.on_close = function(why) reason = why end
      stream:follow(news, { where = function()
        return not req.query.raises or error("no idea", 0)
      end })
    end)
    local bad, good = serving.listen "/?raises=1", serving.listen()
    news:publish "x"
    good:till "data: x\n\n"
    assert.equal("ECONNRESET", select(2, bad:rest()).code)
    local err, context = reported()
    assert.matches("^no idea\nstack traceback:", err)
    assert.same({ what = "where", stream = streams[1], channel = news }, context)
    raw.pump(function() return reason end, "on_close")
    assert.equal("error", reason)
    assert.equal(1, news.followers)
    news:publish "y"
    good:till "data: y\n\n"
    news:close()
  end)

  it("of channel:on, and the stream goes on", function()
    local news, stream = sse.channel "on_error on", nil
    for _, what in ipairs { "follow", "leave" } do
      news:on(what, function(_, _, why) error(("%s %s"):format(what, why), 0) end)
    end
    start(function(_, res)
      stream = res:event_stream()
      stream:follow(news)
    end)
    local client = serving.listen()
    local err, context = reported()
    assert.matches("^follow nil\nstack traceback:", err)
    assert.same({ what = "channel:on", stream = stream, channel = news }, context)
    news:publish "x"
    client:till "data: x\n\n"
    client:close()
    err, context = reported()
    assert.matches("^leave client", err)
    assert.same({ what = "channel:on", stream = stream, channel = news }, context)
    news:close()
  end)
end)
