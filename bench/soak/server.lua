-- The servers of make soak, in one process: a plain one (HTTP/1.1, h2c) and one over TLS (HTTPS,
-- h2), which a third one drains and restarts on request. Arguments: the build folder, a certificate
-- and its key. Prints the ports of the plain, the TLS and the third server.
local sample = require "bench.soak.sample"
local sse = require "sse"

local BUILD, CERT, KEY = arg[1], arg[2], arg[3]
local STEADY, TICK = 4, 50 -- channels with numbered events, and ms between two events
local HISTORY = 400
local LARGE = ("report "):rep(9000)
local trim = sample.trimmer(BUILD)
local errors = {}

local path = os.tmpname()
do
  local file <close> = assert(io.open(path, "w"))
  file:write(LARGE)
end

local channels = {}
for i = 1, STEADY do
  channels["steady" .. i] = sse.channel("steady" .. i, { history = HISTORY })
end
channels.chat = sse.channel("chat", { slow = "latest", history = 200 })
channels.skips = sse.channel("skips", { slow = "skip", history = 50 })

-- Publishes numbered events of many sizes to the steady channels in turn.
local ticks = 0
local function tick()
  local name = "steady" .. (ticks % STEADY + 1)
  ticks = ticks + 1
  local number = (ticks - 1) // STEADY
  assert(channels[name]:publish { data = { n = number, text = ("x"):rep(ticks * 37 % 1500) } })
  channels.skips:publish(("tick %d"):format(ticks))
end

for _ = 1, STEADY * HISTORY do tick() end -- fills the histories before memory is measured

-- --- routes --------------------------------------------------------------------------------------

local compressions = { shared = "shared", window = "window", plain = false }

local function follow(req, res)
  local channel = channels[req.params.name]
  if not channel then return res:reply(404) end
  local stream = res:event_stream { compress = compressions[req.params.how], retry = 50 }
  stream:follow(channel, { from = 3 })
end

local function follow_filtered(_, res)
  res:event_stream():follow(channels.steady1, channels.steady2, channels.chat, {
    where = function(event) return #event.data % 2 == 0 end,
  })
end

-- Sends some events of its own, then ends the stream.
local function talk(_, res)
  local stream = res:event_stream { retry = 50, compress = "window" }
  for n = 1, 20 do
    if not stream:send { id = tostring(n), event = n % 5 == 0 and "fifth" or nil, data = { n = n } }
    then return end
    if n % 7 == 0 then stream:comment "still here" end
    sse.sleep(20)
  end
  stream:close()
end

-- Sends as fast as the client reads.
local function flood(_, res)
  local stream = res:event_stream { compress = false }
  for n = 1, 5000 do
    local sent, why = stream:send { id = tostring(n), data = ("x"):rep(1000) }
    if not sent and why ~= "full" then return end
    if not sent then stream:drain() end
  end
  stream:close()
end

local function pieces(_, res)
  res:write_head(200, { ["Content-Type"] = "text/plain" })
  for _ = 1, 20 do
    if not res:write(("piece "):rep(500)) then return end
    sse.sleep(1)
  end
  res:finish()
end

local function publish(req, res)
  assert(channels.chat:publish { data = req:text():sub(1, 1000), key = tostring(ticks % 10) })
  res:reply(204)
end

local function new_server(options)
  options.on_error = function(message)
    if not tostring(message):find("raised on purpose", 1, true) then
      errors[#errors + 1] = tostring(message)
    end
  end
  local server = sse.server(options)
  server:get("/follow/:name/:how", follow)
  server:get("/filtered", follow_filtered)
  server:get("/talk", talk)
  server:get("/flood", flood)
  server:get("/pieces", pieces)
  server:get("/report", function(_, res) res:reply(200, LARGE) end)
  server:get("/file", sse.file(path))
  server:get("/raises", function() error "raised on purpose" end)
  server:post("/publish", publish)
  server:post("/length", function(req, res) res:reply(200, tostring(#req:text())) end)
  return server
end

-- --- the servers ---------------------------------------------------------------------------------

local made = {
  plain = function(port) return new_server { port = port } end,
  secure = function(port) return new_server { port = port, tls = { cert = CERT, key = KEY } } end,
}

local running = {}
local function start(name, port)
  local server = made[name](port)
  assert(server:listen())
  running[name] = server
end

-- Drains a server and starts a new one on the same port.
local function restart(name)
  local port = running[name].port
  local peaceful = running[name]:shutdown { within = 300, grace = 500, retry = 50 }
  start(name, port)
  return peaceful
end

local control = sse.server { on_error = function(message) errors[#errors + 1] = message end }

control:post("/restart/:name", function(req, res)
  res:reply(200, { peaceful = restart(req.params.name) })
end)

control:post("/reload", function(_, res)
  local done, message = running.secure:reload_tls()
  res:reply(done and 200 or 500, message or "")
end)

control:get("/sample", function(req, res)
  local taken = sample.take(req.query.quiet and trim)
  taken.connections = 0
  for _, server in pairs(running) do
    taken.connections = taken.connections + server:stats().connections.open
  end
  taken.errors = sse.json.array(errors)
  res:reply(200, taken)
end)

start("plain", 0)
start("secure", 0)
assert(control:listen())
sse.every(TICK, tick)
sse.signal("TERM", function()
  os.remove(path)
  os.exit(0)
end)
print(running.plain.port, running.secure.port, control.port)
io.stdout:flush()
sse.run()
