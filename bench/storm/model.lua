--- The model of a reconnect storm: clients that have lost their streams come back to workers that
-- can make so many connections a second. It goes by events, and the same seed gives the same run.
--
-- A client loses its stream, waits, and connects. While nobody listens it is refused, and waits
-- again. Else the kernel chooses a worker. Where that worker's queue of connections is full, the
-- kernel drops the client's SYN, and the client's kernel sends it again after 1, 2, 4 ... s. A
-- worker makes one connection after the other, each of which takes it a fixed time: accept, TLS
-- handshake, request, the head of the stream. Each way through the network takes the client's
-- latency.
local backoff = require "sse.client.backoff"

local model = {}

local FIRST_RETRANSMISSION = 1000 -- ms, doubled each time: Linux's
local STEP = 1 -- ms: events of one step have the order in which they were planned

local function uniform(random, from, to) return from + (to - from) * random() end

-- How long a client waits before each attempt: a browser always the same time; a client of this
-- library as its own module says.
local waits = {}

function waits.browser(retry) return function() return retry end end

function waits.library(retry, random)
  local policy = backoff.new { base = retry, min = 100, max = 30000, random = random }
  local is_first = true
  return function()
    local failed = not is_first -- the stream that was lost had brought events
    is_first = false
    return policy:next(failed)
  end
end

-- Counts what happens at a moment.
local function count(list, at, bin)
  local i = math.floor(at / bin) + 1
  for missing = #list + 1, i do list[missing] = 0 end
  list[i] = list[i] + 1
end

local function plan(state, at, client)
  local step = math.floor(at / STEP)
  local list = state.steps[step]
  if not list then
    list = {}
    state.steps[step] = list
  end
  list[#list + 1] = client
  state.planned = state.planned + 1
  state.last_step = math.max(state.last_step, step)
end

local function wait_and_connect(state, at, client)
  client.retransmission = FIRST_RETRANSMISSION
  plan(state, at + client.wait() + client.latency, client)
end

local function new_client(state, scenario, index)
  local random = state.random
  local retry = scenario.retry
  if type(retry) == "table" then retry = uniform(random, retry[1], retry[2]) end
  local client = {
    latency = uniform(random, scenario.latency[1], scenario.latency[2]),
    wait = waits[scenario.client or "browser"](retry, random),
  }
  local lost = (scenario.within or 0) * (index - random()) / scenario.clients
  client.lost = lost
  count(state.result.lost, lost, state.result.bin)
  wait_and_connect(state, lost + client.latency, client)
end

-- A SYN arrives while somebody listens.
local function arrive(state, scenario, at, client)
  local result = state.result
  local workers = state.workers
  local i = math.floor(state.random() * scenario.workers) + 1
  local free = math.max(workers[i], at)
  if (free - at) / scenario.cost >= scenario.backlog then
    result.dropped = result.dropped + 1
    plan(state, at + client.retransmission, client)
    client.retransmission = client.retransmission * 2
    return
  end
  workers[i] = free + scenario.cost
  local back = workers[i] + client.latency
  count(result.back, back, result.bin)
  result.away[#result.away + 1] = back - client.lost
  result.over = math.max(result.over, back)
end

local function peak(list, bins)
  local most, sum = 0, 0
  for i = 1, #list do
    sum = sum + list[i] - (list[i - bins] or 0)
    most = math.max(most, sum)
  end
  return most
end

local function summary(result)
  table.sort(result.away)
  local n = #result.away
  result.peak = peak(result.tries, 1000 // result.bin)
  result.median, result.p99 = result.away[(n + 1) // 2], result.away[math.ceil(n * 0.99)]
  return result
end

--- Runs a scenario until all clients are back.
-- @tparam table scenario `clients`; `workers`, in all; `cost`, ms of a worker for a connection;
-- `backlog`, connections that wait for a worker; `latency`, ms, from and to; `within`, ms over
-- which the streams end (0: all at once); `up`, when somebody listens again, in ms from the first
-- end; `retry`, ms that a client waits, or from and to; `client`, "browser" or "library"
-- @tparam integer seed
-- @treturn table `tries`, `lost` and `back`: connections that were tried, streams that ended and
-- clients that came back, in each `bin` ms; `peak`, the most tries in a second; `refused`;
-- `dropped`; `median` and `p99` of how long a client was away; `over`, when all are back, in ms
function model.run(scenario, seed)
  math.randomseed(seed)
  local state = {
    random = math.random, steps = {}, planned = 0, last_step = 0, workers = {},
    result = { tries = {}, lost = {}, back = {}, away = {}, bin = 100, refused = 0, dropped = 0,
      over = 0 },
  }
  local result = state.result
  for i = 1, scenario.workers do state.workers[i] = 0 end
  for i = 1, scenario.clients do new_client(state, scenario, i) end
  local step = 0
  while step <= state.last_step do
    local list = state.steps[step]
    state.steps[step] = nil
    for _, client in ipairs(list or {}) do
      local at = step * STEP
      count(result.tries, at, result.bin)
      if at < scenario.up then
        result.refused = result.refused + 1
        wait_and_connect(state, at + client.latency, client)
      else
        arrive(state, scenario, at, client)
      end
    end
    step = step + 1
  end
  return summary(result)
end

return model
