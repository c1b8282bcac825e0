-- Life and death on the server's floor: closing, collecting, errors and stops in the midst of
-- callbacks, and a Lua state that closes with everything open.
local core = require "sse.core"
local net = require "spec.support.net"
local raw = require "spec.support.raw"
local wait = require "spec.support.wait"

-- Runs the loop until no error comes any more; gives the first lines of those that came.
local function run_all()
  local errors = {}
  while true do
    local ok, err = pcall(core.run)
    if ok then return errors end
    errors[#errors + 1] = tostring(err):match "([^\n:]*)\n" or err
  end
end

-- A program for a process of its own: a server with one of each kind of connection.
local CHILD = [[
  local core = require "sse.core"
  local new_server = require "sse.server"
  local raw = require "spec.support.raw"
  local task = require "sse.task"
  local streams, kept, server, finish = {}, {}, nil, nil
  server = new_server { on_error = function(message)
    if not message:find "without an answer" then io.write(message) end
  end }
  server:get("/stream", function(_, res)
    local stream = res:event_stream { keep_alive = 5 }
    stream.onclose = function() if finish then finish "onclose" end end
    stream.ondrain = function() if finish then finish "ondrain" end end
    streams[#streams + 1] = stream
  end)
  server:get("/kept", function(_, res) kept[#kept + 1] = res end)
  server:get("/forgotten", function() end)
  server:get("/waits", function() task.sleep(100000) end)
  server:get("/pieces", function(_, res) res:write "piece" task.sleep(100000) end)
  server:get("/drains", function(_, res)
    local stream = res:event_stream()
    while stream:send(("x"):rep(60000)) do end
    stream:drain()
  end)
  server:get("/finish", function() finish "handler" end)
  assert(server:listen())
  local clients = {}
  local function send(bytes)
    local client = raw.connect(server.port)
    client:send(bytes)
    clients[#clients + 1] = client
    return client
  end
  for _, path in ipairs { "stream", "stream", "kept", "forgotten", "waits", "pieces", "drains" } do
    send("GET /" .. path .. " HTTP/1.1\r\nHost: a\r\n\r\n")
  end
  send "GET /half"
  send "POST /kept HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf"
  send "BAD\r\n\r\n"
  core.after(100000, print)
  core.signal("SIGUSR1", print)
  raw.pump(function() return #streams == 2 and #kept == 1 end, "the requests")
  server:listen()
]]

local ENDS = {
  ["at its end"] = "",
  ["by os.exit"] = "os.exit(0, true)",
  ["by os.exit in a handler"] = [[
    finish = function(where) if where == "handler" then os.exit(0, true) end end
    send "GET /finish HTTP/1.1\r\nHost: a\r\n\r\n" core.run()]],
  ["by os.exit in onclose"] = [[
    finish = function(where) if where == "onclose" then os.exit(0, true) end end
    streams[1]:close() core.run()]],
  ["by os.exit in ondrain"] = [[
    finish = function(where) if where == "ondrain" then os.exit(0, true) end end
    streams[1]:send "x" core.run()]],
  ["by os.exit in a task"] = "task.spawn(function() os.exit(0, true) end) core.run()",
  ["by os.exit in a coroutine that runs the loop"] = [[
    core.after(1, function() os.exit(0, true) end) coroutine.wrap(core.run)()]],
  ["by os.exit in a deferred call"] = "core.defer(function() os.exit(0, true) end) core.run()",
  ["with an answer pending"] = "kept[1]:reply(200, ('x'):rep(3000000))",
  ["with closes pending"] = "server:close() streams[1]:close()",
  ["after an error in a callback"] = [[
    core.defer(function() error "left" end) pcall(core.turn)]],
  ["with finalizers that reach for all of it"] = [[
    finalized = setmetatable({}, { __gc = function()
      pcall(function() streams[1]:send "x" streams[1]:close() end)
      pcall(function() kept[1]:reply(200, "late") end)
      pcall(function() server:close() end)
      pcall(core.after, 1, function() end)
      pcall(core.defer, function() end)
      pcall(core.turn)
    end })]],
}

describe("net life", function()
  after_each(net.stop)

  for name, how in pairs(ENDS) do
    it("a Lua state closes with everything open, " .. name, function()
      local status, output = net.child(CHILD .. how)
      assert.equal("", output)
      assert.equal(0, status)
    end)
  end

  it("a Lua state closes before the finalizers of objects that were there first", function()
    local status, output = net.child [[
      local early = setmetatable({}, { __gc = function(self)
        for _, call in ipairs {
          function() self.server:close() end, function() self.server:stats() end,
          function() self.server:listen() end, function() self.stream:send "x" end,
          function() self.core.after(1, print) end, function() self.core.stop() end,
          function() self.core.run() end, function() self.core.turn() end,
          function() self.core.defer(print) end, function() self.core.signal("INT", print) end,
          function() self.core.server { on_request = print } end,
          function() self.timer:stop() end,
        } do pcall(call) end
      end })
      local core = require "sse.core"
      local raw = require "spec.support.raw"
      early.core, early.timer = core, core.after(100000, print)
      early.server = core.server { on_request = function(x) early.stream = x:event_stream() end }
      assert(early.server:listen())
      raw.connect(early.server.port):send "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
      raw.pump(function() return early.stream end, "the stream")
    ]]
    assert.equal("", output)
    assert.equal(0, status)
  end)

  it("a server closed in a handler that goes on to answer leaves nothing", function()
    local results = {}
    for i, answer in ipairs {
      function(exchange) return exchange:reply(200, {}, "x") end,
      function(exchange) return exchange:event_stream() end,
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

  it("a server closed in onclose, ondrain and by another's handler ends all", function()
    for _, place in ipairs { "onclose", "ondrain", "other" } do
      local ended, opened, server = 0, 0, nil
      server = net.start(function(exchange)
        if exchange.target == "/other" then return server:close() end
        local stream = exchange:event_stream()
        opened = opened + 1
        stream.onclose = function()
          ended = ended + 1
          if place == "onclose" then server:close() end
        end
        if place == "ondrain" then stream.ondrain = function() server:close() end end
      end)
      local clients = {}
      for i = 1, 5 do clients[i] = net.connect(net.head "GET /") end
      raw.pump(function() return opened == 5 end, "the streams")
      if place == "onclose" then clients[1]:close() end
      if place == "other" then net.connect(net.head "GET /other") end
      core.run()
      assert.equal(5, ended, place)
      net.stop()
    end
  end)

  it("a closed server that nobody holds tells all ends before it is collected", function()
    local ended, opened = 0, 0
    do
      local server
      server = net.start(function(exchange)
        if exchange.target == "/close" then return server:close() end
        local stream = exchange:event_stream()
        opened = opened + 1
        stream.onclose = function()
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

  it("a server that listens no more serves whom it has", function()
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
    assert.equal(0, server:stats().connections)
  end)

  it("errors in many callbacks of one turn are each raised, and all callbacks are called", function()
    local opened, server = 0, nil
    server = net.start(function(exchange)
      opened = opened + 1
      local n = opened
      exchange:event_stream().onclose = function() error("number " .. n, 0) end
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

  it("an error before the answer is a 500 once the exchange is collected", function()
    net.start(function() error "no answer" end)
    local client = net.connect(net.head "GET /")
    local ok, err = pcall(client.response, client)
    assert.is_false(ok)
    assert.truthy(tostring(err):find("no answer", 1, true))
    wait.collect()
    assert.equal(500, client:response().status)
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
    assert.same({ nil, "closed", "ECLOSED" }, { kept[1]:event_stream() })
    assert.same({ nil, "closed", "ECLOSED" }, { kept[1]:write "x" })
    kept[1]:finish()
    kept[1]:abort()
    assert.equal("closed", kept[1].state)
    assert.equal(0, kept[1].pending)
    assert.equal("", kept[1].remote_address)
    assert.is_false(pcall(function() return kept[1].method end))
  end)
end)
