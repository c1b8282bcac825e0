-- A Lua state closes with everything open, in a process of its own: the process must exit normally
-- and, under sanitizers, leak nothing.
local net = require "spec.support.net"

-- The program: a server with a connection of each kind.
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
    local stream = res:event_stream { heartbeat = 5 }
    stream.on_close = function() if finish then finish "on_close" end end
    stream.on_drain = function() if finish then finish "on_drain" end end
    streams[#streams + 1] = stream
  end)
  server:get("/kept", function(_, res)
    res:detach()
    kept[#kept + 1] = res
  end)
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
  ["by os.exit in on_close"] = [[
    finish = function(where) if where == "on_close" then os.exit(0, true) end end
    streams[1]:close() core.run()]],
  ["by os.exit in on_drain"] = [[
    finish = function(where) if where == "on_drain" then os.exit(0, true) end end
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

describe("server exit", function()
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
          function() self.server:close() end, function() self.server:numbers() end,
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
end)
