--- How long the loop is away from its timers and sockets while it has much to do.
local sse = require "sse"

local DATA = ("x"):rep(100)

local function start(handler, options)
  local server = sse.server {
    port = 0, max_connections = 20000, idle_timeout = 3600e3, heartbeat = false,
  }
  for name, value in pairs(options or {}) do server[name] = value end
  server:get("/", handler)
  assert(server:listen())
  return server
end

-- Opens `count` streams of a crowd, the i-th handled by handler(stream, i, req); returns crowd and
-- server once all have come.
local function open(count, tools, handler, options)
  local came = 0
  local server = start(function(req, res)
    came = came + 1
    handler(res:event_stream(options), came, req)
  end)
  local crowd = tools.crowd(server.port, count, "/")
  tools.wait_until(function() return came == count end)
  sse.sleep(100)
  return crowd, server
end

-- `count` channels, each followed by `each` clients.
local function channels(count, each, tools)
  local list = {}
  for i = 1, count do list[i] = sse.channel("channel " .. i, { history = 10 }) end
  local crowd = open(count * each, tools, function(stream, i)
    stream:follow(list[i % count + 1])
  end)
  return list, crowd
end

local function flush(size, tools)
  return tools.task(function()
    local list = channels(size, 16, tools)
    local probe
    sse.after(0, function()
      for _, channel in ipairs(list) do channel:publish(DATA) end
      probe = tools.probe()
    end)
    tools.wait_until(function() return list[size]:stats().events.delivered == 16 end)
    sse.sleep(100)
    return probe:stop()
  end)
end

local function close(size, tools)
  return tools.task(function()
    local list = channels(size, 1, tools)
    local probe = tools.probe()
    sse.sleep(10)
    for _, channel in ipairs(list) do channel:close() end
    tools.wait_until(function() return list[1].followers + list[size].followers == 0 end)
    sse.sleep(200)
    return probe:stop()
  end)
end

local function close_one(size, tools)
  return tools.task(function()
    local channel = sse.channel "news"
    open(size, tools, function(stream) stream:follow(channel) end)
    local probe = tools.probe()
    sse.sleep(10)
    channel:close()
    tools.wait_until(function() return channel.followers == 0 end)
    sse.sleep(200)
    return probe:stop()
  end)
end

local function publish_many(channel, count)
  for _ = 1, count do channel:publish { data = DATA, event = "tick" } end
end

local function is_wanted(event) return event.event == "tick" and #event.data > 0 end

local function replay(size, tools)
  return tools.task(function()
    local channel = sse.channel("news", { history = size })
    publish_many(channel, size)
    local probe = tools.probe()
    sse.sleep(10)
    open(1, tools, function(stream)
      stream:follow(channel, { from = "oldest", where = is_wanted })
    end)
    while channel:stats().events.delivered < size do sse.sleep(5) end
    return probe:stop()
  end)
end

local function come_back(size, tools)
  return tools.task(function()
    local channel = sse.channel("news", { history = 1000 })
    local first = channel:publish(DATA)
    local crowd = open(size, tools, function(stream)
      stream:follow(channel, { where = is_wanted })
    end)
    crowd:say "cut"
    tools.wait_until(function() return channel.followers == 0 end)
    publish_many(channel, 1000)
    local before = channel:stats().events.delivered
    local probe = tools.probe()
    crowd:say("return", first)
    while channel:stats().events.delivered - before < size * 1000 do sse.sleep(50) end
    return probe:stop()
  end)
end

local function cut(size, tools)
  return tools.task(function()
    local channel = sse.channel "news"
    local crowd, server = open(size, tools, function(stream)
      stream.on_close = function() end
      stream:follow(channel)
    end)
    local probe = tools.probe()
    sse.sleep(10)
    crowd:say "cut"
    while server:stats().streams.open > 0 do sse.sleep(20) end
    return probe:stop()
  end)
end

local function arrive(size, tools)
  return tools.task(function()
    local channel = sse.channel "news"
    local probe = tools.probe()
    open(size, tools, function(stream) stream:follow(channel) end)
    return probe:stop()
  end)
end

local function heartbeat(size, tools)
  return tools.task(function()
    local streams = 0
    local server = sse.server { port = 0, max_connections = 20000, heartbeat = 500 }
    server:get("/", function(_, res)
      res:event_stream():send "x"
      streams = streams + 1
    end)
    assert(server:listen())
    tools.crowd(server.port, size, "/")
    tools.wait_until(function() return streams == size end)
    local probe = tools.probe()
    sse.sleep(1500)
    return probe:stop()
  end)
end

local function shut(how)
  return function(size, tools)
    return tools.task(function()
      local channel = sse.channel "news"
      local _, server = open(size, tools, function(stream) stream:follow(channel) end)
      local probe = tools.probe()
      sse.sleep(10)
      how(server)
      while server:stats().streams.open > 0 do sse.sleep(20) end
      sse.sleep(100)
      return probe:stop()
    end)
  end
end

local function age(size, tools)
  return tools.task(function()
    local channel = sse.channel("news", { history = size, history_bytes = 1 << 30, max_age = 500 })
    publish_many(channel, size)
    local probe = tools.probe()
    while channel:stats().history.events > 0 do sse.sleep(20) end
    return probe:stop()
  end)
end

-- Closing and aging the events of one key, in a channel whose followers get the newest of each key.
local function one_key(size, tools)
  return tools.task(function()
    local options = { history = size, history_bytes = 1 << 30, slow = "latest", max_age = 300 }
    local began = os.clock()
    local channel = sse.channel("aging", options)
    for _ = 1, size do channel:publish { data = DATA, key = "k" } end
    while channel:stats().history.events > 0 do sse.sleep(5) end
    options.max_age = nil
    local other = sse.channel("closing", options)
    for _ = 1, size do other:publish { data = DATA, key = "k" } end
    other:close()
    return (os.clock() - began) * 1e6 / size / 2
  end)
end

local function timers(size, tools)
  return tools.task(function()
    local fired = 0
    for _ = 1, size do sse.after(50, function() fired = fired + 1 end) end
    local probe = tools.probe()
    tools.wait_until(function() return fired == size end)
    return probe:stop()
  end)
end

local PEERS = {
  flush = true, ["close-one"] = true, cut = true, arrive = true, heartbeat = true, timers = true,
}

local function row(name, what, sizes, run, before)
  return {
    name = name, what = what, unit = "ms away", sizes = sizes, run = run, before = before,
    most = 10, node = PEERS[name] and "slices.mjs",
  }
end

local TO_10000 = { 100, 1000, 10000 }

return {
  row("flush", "an event in each of n channels of 16 followers", { 10, 100, 1000 }, flush,
      { 1.31, 12.8, 114 }),
  row("close", "n channels of one follower are closed", { 160, 1600, 16000 }, close,
      { 1.41, 14.8, 147 }),
  row("close-one", "a channel of n followers is closed", TO_10000, close_one, { 0.8, 7.6, 73 }),
  row("replay", "a follow with a filter from the oldest of n events", TO_10000, replay,
      { 0.73, 1.43, 5.72 }),
  row("return", "n clients come back, 1,000 missed, with a filter", { 20, 200, 2000 }, come_back,
      { 14.3, 30.2, 529 }),
  row("cut", "n streams are cut at once", TO_10000, cut, { 1.7, 13, 140 }),
  row("arrive", "n clients come at once", TO_10000, arrive, { 3, 8.4, 120 }),
  row("heartbeat", "heartbeats of n streams", TO_10000, heartbeat, { 1.5, 9.4, 13 }),
  row("server-close", "server:close() with n streams", TO_10000, shut(function(server)
    server:close()
  end), { 1.2, 9, 86 }),
  row("shutdown", "server:shutdown{ within = 0 } with n streams", TO_10000, shut(function(server)
    sse.spawn(function() server:shutdown { within = 0 } end)
  end), { 2.2, 17, 170 }),
  row("age", "n events reach max_age at once", { 640, 6400, 64000 }, age),
  row("timers", "n timers are due at once", TO_10000, timers),
  {
    name = "one-key", what = 'slow = "latest": n events of one key age, n are closed',
    unit = "us an event", sizes = { 640, 6400, 64000 }, run = one_key, growth_most = 2,
    before = { [3] = 100 },
  },
}
