--- What comes to Redis while two machines of spec.support.machines use it: each has `name`, `loses`
-- (whether Redis loses events by it), open(), store(id), the Lua text of what machine `id` gives
-- sse.redis, act(run), and close().
local hosts = require "spec.support.hosts"
local redis = require "spec.support.redis"
local redis_cluster = require "spec.support.redis_cluster"
local relay = require "spec.support.relay"
local wait = require "spec.support.wait"

local Harm = {}
Harm.__index = Harm

-- The publishers of the first machine wait for a server that is away, those of the second are told.
local QUEUES = { "queue = 2000", "queue = nil" }

function Harm:open() self.server = redis.start(self.options, true) end

-- @tparam string place Lua text that says which server it is
function Harm:put(id, place)
  return ("{ %s, %s, %s }"):format(place, QUEUES[id], self.settings)
end

function Harm:store(id)
  local port = self.between and self.between.port or self.server.port
  return self:put(id, ('"redis://%s:%d"'):format(self.host or "127.0.0.1", port))
end

function Harm:close()
  if self.between then self.between:close() end
end

local function do_nothing() end

-- --- one server ----------------------------------------------------------------------------------

local function kill(self, run)
  for _ = 1, run.given.times do
    self.server:kill "KILL"
    run:till_states "down"
    run:last(0.02)
    self.server:again()
    run:till_states "up"
    run:till_well()
  end
end

-- Waits until all who stay have had two heartbeats more.
local function till_heartbeats(run)
  for _, reader in ipairs(run.steady) do
    local goal = reader.comments + 2
    run:till(function() return reader.comments >= goal end, "heartbeats")
  end
end

local function stop(self, run)
  self.server:pause()
  run:till_states "down"
  till_heartbeats(run)
  run:last(0.5)
  self.server:go_on()
  run:till_states "up"
end

local function open_between(self)
  Harm.open(self)
  self.between = relay.start(self.server.port)
end

-- Cuts all connections, each somewhere in what it carries.
local function cut_all(self, run)
  local cut = {}
  for _, pair in ipairs(self.between.pairs) do
    if not pair.closed then
      pair.down.left = math.random(1, 300)
      cut[#cut + 1] = pair
    end
  end
  run:till(function()
    for _, pair in ipairs(cut) do
      if not pair.closed then return false end
    end
    return true
  end, "the cuts")
end

local function cut(self, run)
  for _ = 1, run.given.times * 10 do
    cut_all(self, run)
    run:till_more(run.given.rate // 20)
  end
end

local function flush(self, run)
  assert(self.server:cli "FLUSHALL" :find "OK")
  run:till_well()
end

-- --- a failover ----------------------------------------------------------------------------------

local function open_sentinel(self)
  open_between(self)
  self.replica = redis.start(("--replicaof 127.0.0.1 %d"):format(self.between.port), true)
  wait.till(function() return self.replica:cli "INFO replication" :find "link_status:up" end,
    "replication")
  self.sentinel = redis.sentinel(self.server)
end

local function store_sentinel(self, id)
  return self:put(id, ('sentinels = { "127.0.0.1:%d" }, master = "m"'):format(self.sentinel.port))
end

-- The replica lags, and then the master ends. It comes back when the replica has taken over.
local function fail_over(self, run)
  for _, pair in ipairs(self.between.pairs) do pair.down.blocked = true end
  run:till_more(run.given.rate // 4)
  self.between:close()
  self.server:kill "KILL"
  run:till_states "down"
  run:till_states "up"
  self.server:again()
  run:till_well()
end

-- --- a cluster -----------------------------------------------------------------------------------

local function open_cluster(self) self.cluster = redis_cluster.start(3) end

local function store_cluster(self, id)
  local list = {}
  for i, address in ipairs(self.cluster:addresses()) do list[i] = ("%q"):format(address) end
  return self:put(id, ("cluster = { %s }"):format(table.concat(list, ", ")))
end

local function move(self, run)
  local cluster = self.cluster
  local slot, from = cluster:place "sse:{news}"
  for _ = 1, run.given.times do
    local to = from % 3 + 1
    cluster:begin_move(slot, from, to)
    run:last(0.005)
    while cluster:move_keys(slot, from, to, 1) do run:last(0.005) end
    cluster:end_move(slot, to)
    run:till_well()
    from = to
  end
end

-- --- two hosts -----------------------------------------------------------------------------------

local function open_hosts(self)
  self.hosts, self.host = hosts.open(2), hosts.HUB
  self.server = redis.start("--bind 0.0.0.0", true)
end

-- The first machine's way to Redis ends for a while.
local function part(self, run)
  self.hosts[1].cut()
  run:till_states("down", { 1 })
  run:till_more(run.given.rate // 4)
  run:last(0.2)
  self.hosts[1].mend()
  run:till_states("up", { 1 })
end

-- --- all -----------------------------------------------------------------------------------------

local harms = {}

harms.list = {
  { name = "none", act = do_nothing },
  { name = "SIGKILL, append-only file", act = kill,
    options = "--appendonly yes --appendfsync always" },
  { name = "SIGSTOP", act = stop },
  { name = "cut connections", open = open_between, act = cut },
  { name = "FLUSHALL", act = flush, loses = true },
  { name = "failover, replica lags", open = open_sentinel, store = store_sentinel,
    act = fail_over, loses = true },
  { name = "slot moves", open = open_cluster, store = store_cluster, act = move },
  { name = "two hosts, one cut off", open = open_hosts, act = part, needs_hosts = true },
}

--- Makes one.
-- @tparam int index in `list`
-- @tparam[opt] string settings further options of sse.redis, as Lua text
function harms.new(index, settings)
  local self = { settings = settings or "" }
  for name, value in pairs(harms.list[index]) do self[name] = value end
  return setmetatable(self, Harm)
end

return harms
