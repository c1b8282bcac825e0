-- A stream in a variable that is to be closed: it ends with the variable's scope.
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"
local task = require "sse.task"

serving.each("a stream that is <close>", function()
  after_each(serving.stop)

  local stream, reason

  -- Starts a server whose handler calls fn while its stream is in a variable to be closed.
  local function start(fn)
    stream, reason = nil, nil
    serving.start(function(server)
      server:get("/", function(_, res)
        local own <close> = res:event_stream()
        stream = own
        own.on_close = function(why) reason = why end
        own:send "one"
        fn(own, res)
      end)
    end)
    local client = serving.listen()
    client:till "one\n\n"
    return client
  end

  it("ends cleanly when the handler returns, with all that was sent", function()
    local client = start(function(own)
      sse.sleep(1)
      own:send "two"
    end)
    local rest, why = client:rest()
    assert.truthy(rest:find("data: two\n\n", 1, true), rest)
    assert.is_nil(why)
    assert.is_true(stream.closed)
    assert.equal("server", reason)
    assert.same({}, serving.errors)
  end)

  it("ends by break, and at the end of any block", function()
    local client = start(function(_, res)
      assert.has_error(function() res:event_stream() end)
      task.sleep(1)
      for _ = 1, 2 do
        local own <close> = stream
        if own.closed then break end
      end
      assert.is_true(stream.closed)
      assert.same({ nil, "closed", "ECLOSED" }, { stream:send "two" })
    end)
    assert.is_nil(select(2, client:rest()))
    assert.same({}, serving.errors)
  end)

  it("breaks off after an error, which is reported", function()
    local client = start(function()
      task.sleep(1)
      error "boom"
    end)
    assert.equal("ECONNRESET", select(2, client:rest()).code)
    assert.equal("error", reason)
    assert.equal(1, #serving.errors)
    assert.truthy(serving.errors[1].message:find("boom", 1, true))
  end)

  it("may be closed already, or have lost its client", function()
    local client = start(function(own) own:close() end)
    assert.is_nil(select(2, client:rest()))
    serving.stop()
    local over
    client = start(function(own)
      while not own.closed do sse.sleep(1) end
      over = true
    end)
    client:close()
    raw.pump(function() return over and reason end, "the handler's end")
    assert.equal("client", reason)
    assert.same({}, serving.errors)
  end)
end)

describe("a response that its handler ends after the client has gone", function()
  after_each(serving.stop)

  -- The reason that on_close tells of. begin(res) returns what is sent on, by its method `send`,
  -- and ended by its method `finish` in the turn in which a send meets the reset.
  local function reason_of(begin, send, finish)
    local reason, ended, client
    serving.start(function(server)
      server:get("/", function(_, res)
        local own = begin(res)
        own.on_close = function(why) reason = why end
        while #client.buffer == 0 do sse.sleep(1) end
        client:reset()
        for _ = 1, 100 do own[send](own, ("x"):rep(60000)) end
        own[finish](own)
        ended = true
      end)
    end)
    client = serving.connect()
    client:send "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    raw.pump(function()
      if not reason and not ended then client:take() end
      return reason
    end, "on_close")
    assert.is_true(ended)
    assert.same({}, serving.errors)
    return reason
  end

  it("tells that the client has left: a stream", function()
    assert.equal("client", reason_of(function(res)
      return res:event_stream { compress = false }
    end, "send", "close"))
  end)

  it("tells that the client has left: a response in pieces", function()
    assert.equal("client", reason_of(function(res)
      res:write_head(200)
      return res
    end, "write", "finish"))
  end)
end)
