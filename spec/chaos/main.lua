-- main.lua FIRST COUNT: runs seeds of the chaos test one after the other in this process: servers
-- whose callbacks act at random, raw clients that act at random, and witnesses, who must receive
-- every event. Prints a line before each seed, and what was wrong with the last seed;
-- CHAOS_VERBOSE=1 prints what they did.
local certs = require "spec.support.certs"
local client = require "spec.chaos.clients"
local core = require "sse.core"
local new_world = require("spec.chaos.world").new
local socket = require "socket"
local sse = require "sse"
local wait = require "spec.support.wait"
local witness = require "spec.chaos.witness"

local STEPS = os.getenv "SSE_STRESS_GC" and 100 or 600
local patience = tonumber(os.getenv "SSE_TEST_PATIENCE" or "") or 1
local LIMIT_MS = 8000 * patience

local function turn(world)
  core.defer(function() end) -- a turn with a deferred call does not wait
  local ok, message = pcall(core.turn)
  if not ok then world:note(message) end
end

-- The first bytes of a TLS client: libcurl's.
local function catch_hello()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  local controller = sse.AbortController()
  sse.spawn(sse.fetch, ("https://127.0.0.1:%d/"):format(port),
    { signal = controller.signal, tls = certs.client() })
  local accepted, hello
  wait.till(function()
    listener:settimeout(0)
    accepted = accepted or listener:accept()
    if not accepted then return false end
    accepted:settimeout(0)
    local bytes, _, part = accepted:receive(65536)
    hello = bytes or part
    return #hello > 100
  end, "a client's hello")
  controller:abort()
  accepted:close()
  listener:close()
  wait.idle()
  return hello
end

local function step(world, clients, hello)
  local rnd = world.rnd
  for i = 1, #clients + 1 do
    local one = clients[i]
    if not one and #clients < 8 and rnd:one_in(3) then
      clients[#clients + 1] = client.connect(world, hello)
    elseif one and rnd:one_in(2) then
      one:step()
      if one.over then
        one:close()
        table.remove(clients, i)
      end
    end
  end
  if rnd:one_in(3) then
    local ok, message = pcall(world.act, world, "outside")
    if not ok then world:note(message) end
  end
  for _ = 1, rnd:upto(3) do turn(world) end
  if rnd:one_in(10) then world:reopen() end
end

-- Turns the loop until fn() is true.
local function till(world, what, fn)
  local late, tick = core.now() + LIMIT_MS, core.every(1, function() end)
  while not fn() do
    local ok, message = pcall(core.turn)
    if not ok then world:note(message) end
    if core.now() > late then
      table.insert(world.faults, "waited for " .. (type(what) == "string" and what or what()))
      break
    end
  end
  tick:stop()
end

-- Publishes an event for a witness that lacks something, and lets the witness reconnect at once if
-- the server told it to wait. A task that an act has started before may still shut a server down.
local function nudge(world, one)
  if one.nudged == core.now() // 100 then return end
  one.nudged = core.now() // 100
  pcall(world.reopen, world)
  if one.source.readyState == 1 then world.channels:publish(one.name)
  elseif one.nudged % (3 * patience) == 0 then one.source:reconnect() end
end

-- Ends all random acts, and waits until the witnesses have received everything.
local function receive_all(world, witnesses)
  world.calm = true
  till(world, "servers that listen", function() return pcall(world.reopen, world) end)
  for _, one in ipairs(witnesses) do
    till(world, function() return one:describe() end, function()
      if one:complete() then return true end
      nudge(world, one)
    end)
  end
end

local function all_gone(world)
  core.forget_connections()
  for _, server in ipairs(world.servers) do
    local stats = server:stats()
    if stats.connections.open + stats.streams.open > 0
      or stats.memory.pending_bytes + stats.http2.streams > 0 then
      return false
    end
  end
  return true
end

local function finish(world, clients, witnesses)
  for _, one in ipairs(clients) do one:close() end
  receive_all(world, witnesses)
  for _, one in ipairs(witnesses) do one:close() end
  world.channels:close()
  for _, server in ipairs(world.servers) do server:close() end
  till(world, "the servers to be rid of all", function() return all_gone(world) end)
  world.waiting, world.streams = {}, {}
  collectgarbage()
  collectgarbage()
  local idle, message = pcall(wait.idle)
  if not idle then table.insert(world.faults, message) end
end

local function describe(world, witnesses)
  local requests, streams = 0, 0
  for _, server in ipairs(world.servers) do
    local stats = server:stats()
    requests, streams = requests + stats.requests.received, streams + stats.streams.opened
  end
  print(("%d requests, %d streams, %d servers, %d acts, %d errors"):format(requests, streams,
    #world.servers, #world.log, world.raised))
  for _, one in ipairs(witnesses) do print(one.count .. " events; " .. one:describe()) end
end

local function run(seed, hello)
  local world, clients, witnesses = new_world(seed), {}, {}
  for i, transport in ipairs { "HTTP/1.1", "h2c", "h2" } do
    witnesses[i] = witness.open(world, transport, world:name())
  end
  for _ = 1, STEPS do step(world, clients, hello) end
  finish(world, clients, witnesses)
  if os.getenv "CHAOS_VERBOSE" then describe(world, witnesses) end
  if not world.faults[1] then return true end
  print(table.concat(world.faults, "\n"))
  print("the last acts: " .. table.concat(world.log, ", ", math.max(1, #world.log - 30)))
  return false
end

local first, count = tonumber(arg[1]) or 1, tonumber(arg[2]) or 1
local hello, failed = catch_hello(), 0
for seed = first, first + count - 1 do
  print("seed " .. seed)
  io.stdout:flush()
  if not run(seed, hello) then -- the last seed printed is the one that failed
    failed = 1
    break
  end
end
os.exit(failed == 0, true)
