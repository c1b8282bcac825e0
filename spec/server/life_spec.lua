-- Exchanges, streams and servers that are closed, collected or stopped, or that raise errors,
-- within callbacks.
local core = require "sse.core"
local keep = require "spec.support.kept"
local net = require "spec.support.net"
local raw = require "spec.support.raw"
local wait = require "spec.support.wait"

-- Runs the loop until it raises no more errors; returns the first line of each.
local function run_all()
  local errors = {}
  while true do
    local ok, err = pcall(core.run)
    if ok then return errors end
    errors[#errors + 1] = tostring(err):match "([^\n:]*)\n" or err
  end
end

describe("server life", function()
  after_each(net.stop)

  it("a server closed in a handler that goes on to answer leaves nothing", function()
    local results = {}
    for i, answer in ipairs {
      function(exchange) return exchange:reply(200, {}, "x") end,
      function(exchange) return exchange:event_stream():send "x" end,
      function(exchange) return exchange:write "x" end,
    } do
      local server
      server = net.start(function(exchange)
        if i == 3 then exchange:start(200, {}) end
        server:close()
        results[i] = answer(exchange) or "closed"
      end)
      net.connect(net.head "GET /")
      core.run()
      net.stop()
    end
    assert.same({ "closed", "closed", "closed" }, results)
  end)

  it("what was sent before a server closed arrives", function()
    local server
    server = net.start(function(exchange)
      local stream = exchange:event_stream()
      stream:send "goodbye"
      server:close()
    end)
    assert.truthy(net.connect(net.head "GET /"):receive_all():find("goodbye", 1, true))
  end)

  it("a server closed in on_close, on_drain and by another's handler ends all", function()
    for _, place in ipairs { "on_close", "on_drain", "other" } do
      local ended, opened, server, streams = 0, 0, nil, {}
      server = net.start(function(exchange)
        if exchange.target == "/other" then return server:close() end
        local stream = exchange:event_stream()
        opened = opened + 1
        stream.on_close = function()
          ended = ended + 1
          if place == "on_close" then server:close() end
        end
        if place == "on_drain" then
          stream.on_drain = function()
            if opened == 5 then server:close() end
          end
        end
        streams[opened] = stream
      end)
      local clients = {}
      for i = 1, 5 do clients[i] = net.connect(net.head "GET /") end
      raw.pump(function() return opened == 5 end, "the streams")
      if place == "on_close" then clients[1]:close() end
      if place == "on_drain" then streams[5]:send "one more to be drained" end
      if place == "other" then net.connect(net.head "GET /other") end
      core.run()
      assert.equal(5, ended, place)
      net.stop()
    end
  end)

  it("a closed server without references reports all ends before it is collected", function()
    local ended, opened = 0, 0
    do
      local server
      server = net.start(function(exchange)
        if exchange.target == "/close" then return server:close() end
        local stream = exchange:event_stream()
        opened = opened + 1
        stream.on_close = function()
          wait.collect()
          ended = ended + 1
        end
      end)
    end
    for _ = 1, 5 do net.connect(net.head "GET /") end
    raw.pump(function() return opened == 5 end, "the streams")
    local client = net.connect(net.head "GET /close")
    net.drop()
    core.run()
    assert.equal(5, ended)
    assert.equal("", client:receive_all())
  end)

  it("a server may listen again, also before its end was told", function()
    local server = net.start(function(exchange) net.reply(exchange, "ok") end)
    local port = server.port
    server:close()
    assert(server:listen())
    wait.past(20)
    assert.is_true(server.listening)
    server:close()
    server:close()
    assert.is_false(server.listening)
    wait.idle()
    assert(server:listen())
    assert.is_true(port > 0 and server.port > 0)
    local client = raw.connect(server.port)
    client:send(net.head "GET /")
    assert.equal("ok", client:response().body)
    client:close()
  end)

  it("a server that no longer listens serves its connections", function()
    local server, stream
    server = net.start(function(exchange) stream = exchange:event_stream() end)
    local client = net.listener()
    server:stop_listening()
    stream:send "still"
    client:receive_until "still"
    stream:close()
    client:receive_until "0\r\n\r\n"
    client:close()
    core.run()
    assert.equal(0, net.stats(server).connections.open)
  end)

  it("errors in many callbacks of one turn are each raised, and all are called", function()
    local opened = 0
    local server = net.start(function(exchange)
      opened = opened + 1
      local n = opened
      keep(exchange:event_stream()).on_close = function() error("number " .. n, 0) end
    end)
    for _ = 1, 5 do net.connect(net.head "GET /") end
    raw.pump(function() return opened == 5 end, "the streams")
    server:close()
    local errors = run_all()
    table.sort(errors)
    assert.same({ "number 1", "number 2", "number 3", "number 4", "number 5" }, errors)
  end)

  it("an error or a stop in the midst of a pipeline loses nothing of it", function()
    local calls = 0
    net.start(function(exchange)
      calls = calls + 1
      net.reply(exchange, exchange.target)
      if calls % 2 == 0 then error "after the answer" end
      core.stop()
    end)
    local list = {}
    for i = 1, 6 do list[i] = net.head("GET /" .. i) end
    local client = net.connect(table.concat(list))
    local errors = 0
    for i = 1, 6 do
      local got
      repeat
        local ok, answer = pcall(client.response, client)
        if ok then got = answer else errors = errors + 1 end
      until got
      assert.equal("/" .. i, got.body)
    end
    while errors < 3 do
      core.defer(function() end)
      if not pcall(core.turn) then errors = errors + 1 end
    end
    assert(pcall(wait.past, 5))
  end)

  it("an error before the response is a 500 at once", function()
    local kept
    net.start(function(exchange)
      kept = exchange
      error "no answer"
    end)
    local client = net.connect(net.head "GET /")
    local ok, err = pcall(client.response, client)
    assert.is_false(ok)
    assert.truthy(tostring(err):find("no answer", 1, true))
    assert.equal(500, client:response().status)
    assert.equal("finished", kept.state)
  end)

  it("an exchange that is lost stays open until its client leaves", function()
    local count, held = 0, setmetatable({}, { __mode = "k" })
    net.start(function(exchange)
      count = count + 1
      held[exchange] = true
    end)
    local client = net.connect(net.head "GET /")
    raw.pump(function() return count == 1 end, "the request")
    wait.collect()
    wait.collect()
    assert.equal("open", next(held).state)
    client:reset()
    net.connections(0)
    wait.collect()
    assert.is_nil(next(held))
  end)

  it("an exchange answered after its client left, or kept for ever, harms nobody", function()
    local kept = {}
    net.start(function(exchange) kept[#kept + 1] = exchange end)
    local leaver = net.connect(net.head "GET /")
    raw.pump(function() return kept[1] end, "the request")
    leaver:reset()
    net.connections(0)
    local ok, message, code = kept[1]:reply(200, {}, "late")
    assert.same({ nil, "closed", "ECLOSED" }, { ok, message, code })
    assert.same({ nil, "closed", "ECLOSED" }, { kept[1]:event_stream():send "late" })
    assert.same({ nil, "closed", "ECLOSED" }, { kept[1]:write "x" })
    kept[1]:finish()
    kept[1]:abort()
    assert.equal("closed", kept[1].state)
    assert.equal(0, kept[1].pending)
    assert.equal("127.0.0.1", kept[1].remote_address)
    assert.equal("GET", kept[1].method) -- the head is kept, the body was freed
  end)
end)
