--- make storm: 100,000 clients come back after all servers were started anew, with and without the
-- `retry:` that has jitter: a simulation (bench/storm/model.lua). Prints a table. With a path it
-- writes the picture of docs/scaling.md.
-- usage: lua bench/storm.lua [SVG]; CLIENTS, WORKERS, COST (ms) and SEED in the environment
local model = require "bench.storm.model"
local picture = require "bench.storm.picture"

local function number(name, default) return tonumber(os.getenv(name)) or default end

-- What is the same in all: two machines of two workers, as make demo-cluster has them. A connection
-- over TLS takes 0.4 ms of a worker (`ROWS=tls make bench-server`): the keys of tickets are lost
-- with the masters, so each handshake is a full one. A queue of 4,096 is the default of `backlog`.
local COMMON = {
  clients = number("CLIENTS", 100000), workers = number("WORKERS", 4),
  cost = number("COST", 0.4), backlog = 4096, latency = { 10, 100 },
}
local BROWSER = 3000 -- ms: what Chromium waits where no `retry:` came
local START = 2000 -- ms from the end of all servers until they listen again

local SCENARIOS = {
  { name = "killed", title = "killed, and no retry:", up = START, retry = BROWSER },
  { name = "told", title = "killed; each stream began with a retry: of 2 to 17 s", up = START,
    retry = { 2000, 17000 } },
  { name = "default", title = "ended by server:run { within = 5000, retry = 2000 }, the defaults",
    within = 5000, up = 5000 + START, retry = { 2000, 3000 } },
  { name = "fitted", title = "ended by server:run { within = 15000, retry = 10000 }",
    within = 15000, up = 15000 + START, retry = { 10000, 15000 } },
  { name = "library", title = "killed, and no retry:, clients of this library", up = START,
    retry = 1000, client = "library" },
}

local function thousands(n)
  local text = ("%.0f"):format(n)
  repeat
    local count
    text, count = text:gsub("^(%d+)(%d%d%d)", "%1,%2")
  until count == 0
  return text
end

local function seconds(ms) return ("%.1f s"):format(ms / 1000) end

local results = {}
for i, each in ipairs(SCENARIOS) do
  local scenario = setmetatable(each, { __index = COMMON })
  results[i] = model.run(scenario, number("SEED", 1))
  results[i].scenario = scenario
end

local capacity = COMMON.workers / COMMON.cost * 1000
print(("%s clients, %d workers, which make %s connections a second; a simulation"):format(
  thousands(COMMON.clients), COMMON.workers, thousands(capacity)))
print "| Servers | Most in a second | Refused | Dropped | Away: half | 99 % | All are back after |"
print "|---|---|---|---|---|---|---|"
for _, result in ipairs(results) do
  print(("| %s | %s | %s | %s | %s | %s | %s |"):format(result.scenario.title,
    thousands(result.peak), thousands(result.refused), thousands(result.dropped),
    seconds(result.median), seconds(result.p99), seconds(result.over)))
end

if arg[1] then
  local file <close> = assert(io.open(arg[1], "w"))
  assert(file:write(picture.draw(results, capacity)))
end
