--- Streams that follow several channels: what an event costs, and coming back.
local sse = require "sse"

-- `count` channels, each with `each` events of 100 bytes.
local function channels(count, each)
  local list = {}
  for i = 1, count do
    list[i] = sse.channel("c" .. i, { history = 1000 })
    for _ = 1, each do list[i]:publish { data = ("x"):rep(100) } end
  end
  return list
end

-- A stream's bytes: opens one that follows the channels by a raw request, and returns a function
-- that publishes in `list` and gives what the client received.
local function bytes_an_event(size, tools)
  local list, server = channels(size, 0), sse.server { port = 0, heartbeat = false }
  server:get("/", function(_, res) res:event_stream():follow(table.unpack(list)) end)
  assert(server:listen())
  local client = tools.crowd(server.port, 1, "/")
  return tools.task(function()
    tools.wait_until(function() return list[1].followers == 1 end)
    sse.sleep(20)
    local before, events = server:stats().traffic.sent_bytes, 200
    for i = 1, events do
      list[i % size + 1]:publish { data = ("x"):rep(100) }
      sse.sleep(0)
    end
    sse.sleep(20)
    client:close()
    return (server:stats().traffic.sent_bytes - before) / events
  end)
end

-- A client comes back with 20 missed events a channel: microseconds of CPU an event.
local function reconnect(size, tools)
  local list, server = channels(size, 1), sse.server { port = 0, heartbeat = false }
  local seen, took, last_id = 0, 0, nil
  server:get("/", function(req, res)
    local stream = res:event_stream()
    local began = os.clock()
    stream:follow(table.unpack(list))
    took = took + os.clock() - began
    seen = seen + 1
    last_id = last_id or req.last_event_id
  end)
  assert(server:listen())
  return tools.task(function()
    local source = sse.EventSource("http://127.0.0.1:" .. server.port .. "/")
    local id
    source:addEventListener("message", function(ev) id = ev.lastEventId end)
    tools.wait_until(function() return seen == 1 end)
    for _, channel in ipairs(list) do channel:publish { data = "1" } end
    tools.wait_until(function() return id end)
    sse.sleep(50)
    source:close()
    for _, channel in ipairs(list) do
      for _ = 1, 20 do channel:publish { data = ("x"):rep(100) } end
    end
    took = 0
    local client = tools.crowd(server.port, 1, "/")
    for _ = 1, 20 do
      local before = seen
      client:say "cut"
      client:say("return", id)
      tools.wait_until(function() return seen > before end)
    end
    client:close()
    return took * 1e6 / 20 / size
  end)
end

-- 500 clients follow `size` channels, all of them the same: microseconds of CPU a delivered event.
local function deliver(size, tools)
  local list, server = channels(size, 0), sse.server { port = 0, heartbeat = false }
  local clients, events = 500, 100
  server:get("/", function(_, res) res:event_stream():follow(table.unpack(list)) end)
  assert(server:listen())
  tools.crowd(server.port, clients, "/")
  return tools.task(function()
    tools.wait_until(function() return list[1].followers == clients end)
    sse.sleep(100)
    local began = os.clock()
    for i = 1, events do
      local channel = list[i % size + 1]
      local due = channel:stats().events.delivered + clients
      channel:publish { data = ("x"):rep(100) }
      repeat sse.sleep(0) until channel:stats().events.delivered >= due
    end
    return (os.clock() - began) * 1e6 / events / clients
  end)
end

return {
  {
    name = "deliver", what = "500 clients follow the same k channels", unit = "us an event",
    sizes = { 1, 8, 64 }, growth_most = 2, run = deliver,
  },
  {
    name = "bytes", what = "follows k channels: bytes on the wire", unit = "bytes an event",
    sizes = { 1, 8, 64 }, growth_most = 2, run = bytes_an_event,
  },
  {
    name = "reconnect", what = "follows k channels, 20 missed of each, in its handler",
    unit = "us a channel", sizes = { 1, 8, 64 }, before = { 42, 44, 190 }, growth_most = 2,
    run = reconnect,
  },
}
