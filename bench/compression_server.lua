--- One run of the compression benchmark: a server, its clients, and what an event costs.
-- usage: lua compression_server.lua BUILD KIND MODE CLIENTS EVENTS BURST
-- KIND: chat, tick. MODE: plain, shared, window. BURST: events a turn; 0: each event is sent on
-- each stream by itself, without a channel.
-- Prints plain bytes, bytes on the wire and microseconds of CPU (user and system) for each
-- delivered event, and bytes of memory a client.
local sse = require "sse"

local build, kind, mode = arg[1], arg[2], arg[3]
local clients, events, burst = tonumber(arg[4]), tonumber(arg[5]), tonumber(arg[6])
local direct = burst == 0

math.randomseed(1)

-- Text like a language model's: a few hundred words, some of them far more often than others.
local words = {}
for word in ([[
  the of and to a in is that for it as was with be by on not he his but at are this have from or
  had an they which one you were all her she there would their we him been has when who will no
  more if out so up said what its about than into them can only other time new some could these
  two may first then do any like my now over such our man even most made after also did many
  fore through years where much your way well down should because long each just state those
  people too little good world make very still see own work men day get here old life both
  between being under three never know same last another while us might great go come since
  against right take used himself few house use place during high without again home around
  small however found part school language model server stream event channel token compress
  window deflate byte frame]]):gmatch "%a+"
do words[#words + 1] = word end

local function word()
  return words[math.min(#words, math.ceil(#words * math.random() ^ 2.5) + 1)]
end

local makers = {}

-- 235 bytes an event, its id included.
function makers.chat()
  return ('{"id":"chatcmpl-A8mXvEQ1uYz3","object":"chat.completion.chunk","created":1732600000,' ..
    '"model":"gpt-4o-mini-2024-07-18","n":1,"choices":[{"index":0,"delta":{"content":" %s"},' ..
    '"logprobs":null,"finish_reason":null}]}'):format(word())
end

-- 100 bytes an event, its id and type included.
function makers.tick()
  local names = { "EURUSD", "USDJPY", "GBPUSD", "AUDUSD", "USDCAD", "NZDUSD" }
  return ('{"symb":"%s","bid":%.5f,"ask":%.5f,"t":%d}'):format(names[math.random(#names)],
    math.random() + 1, math.random() + 1, 1732600000000 + math.random(10 ^ 9))
end

local make, type_ = makers[kind], kind == "tick" and "tick" or nil

local function memory()
  local file = io.open "/proc/self/smaps_rollup"
  local pss = file and file:read("a"):match("Pss:%s+(%d+) kB")
  if file then file:close() end
  return (tonumber(pss) or 0) * 1024
end

local feed = sse.channel("feed", { history = 1000 })
local server = sse.server { port = 0, heartbeat = false, max_connections = clients + 10 }
local streams, waiting = {}, nil

server:get("/", function(_, res)
  local stream = res:event_stream { compress = mode ~= "plain" and mode }
  if not direct then stream:follow(feed) end
  streams[#streams + 1] = stream
  if #streams == clients then waiting() end
end)

local sent_plain = 0

local function one_turn(n)
  for _ = 1, math.max(n, 1) do
    local event = { event = type_, data = make() }
    if not direct then
      feed:publish(event)
    else
      event.id = "k3j9x2qa-1"
      sent_plain = sent_plain + #sse.encode(event)
      for _, stream in ipairs(streams) do assert(stream:send(event)) end
    end
  end
end

-- Publishes `n` bursts, each once the one before was written to every socket.
local function turns(n)
  for _ = 1, n do
    local target = feed:stats().events.delivered + burst * clients
    one_turn(burst)
    repeat sse.sleep(1) until feed:stats().events.delivered >= target
  end
end

local function measure(before)
  turns(100)
  collectgarbage()
  local held = (memory() - before) / clients
  local from, sent = os.clock(), server:stats().traffic.sent_bytes
  local events_before = feed:stats().events
  sent_plain = 0
  turns(events // math.max(burst, 1))
  local cpu, of_feed = os.clock() - from, feed:stats().events
  sent = server:stats().traffic.sent_bytes - sent
  local delivered = direct and events * clients or of_feed.delivered - events_before.delivered
  local plain = direct and sent_plain * clients
    or of_feed.delivered_bytes - events_before.delivered_bytes
  print(("%.1f %.1f %.3f %.0f"):format(plain / delivered,
    sent / delivered, cpu * 1e6 / delivered, held))
end

assert(server:listen())
sse.spawn(function()
  local before = memory()
  local command = "%s/sink %d %d / %s"
  waiting = function()
    waiting = function() end
    sse.spawn(function()
      measure(before)
      io.stdout:flush()
      os.exit(0)
    end)
  end
  local accept = mode == "plain" and "identity" or "gzip"
  _G.sink = io.popen(command:format(build, server.port, clients, accept), "w")
end)
sse.run()
