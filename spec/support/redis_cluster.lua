--- A Redis Cluster of nodes that a spec starts on free ports.
local ports = require "spec.support.ports"
local redis = require "spec.support.redis"
local slots = require "sse.redis.slots"
local wait = require "spec.support.wait"

local redis_cluster = {}
redis_cluster.__index = redis_cluster

--- Configuration of nodes that announce to all of a cluster, as those before Redis 7.
redis_cluster.UNSHARDED = redis.is_7
  and "rename-command SPUBLISH ''\nrename-command SSUBSCRIBE ''" or nil

local SLOTS, BUS_DISTANCE = 16384, 10000

-- A command that gives a node the slots from one to another, which any version knows.
local function add_slots(first, last)
  local list = {}
  for slot = first, last do list[#list + 1] = slot end
  return "CLUSTER ADDSLOTS " .. table.concat(list, " ")
end

-- Two ports for a node: of clients, and of other nodes. Redis before 7 takes 10,000 more for the
-- second, which may be in use by anybody.
local function find_ports()
  local port = ports.free()
  if redis.is_7 then return port, ports.free() end
  while not ports.is_free(port + BUS_DISTANCE) do port = ports.free() end
  return port, port + BUS_DISTANCE
end

local function start_node(options, config)
  local port, bus = find_ports()
  local node = redis.start(("--cluster-enabled yes --cluster-node-timeout 1000 %s %s"):format(
    redis.is_7 and "--cluster-port " .. bus or "", options or ""), port, config)
  node.bus, node.address = bus, "127.0.0.1:" .. port
  node.id = node:cli "CLUSTER MYID" :match "%x+"
  return node
end

--- Starts the nodes, and waits until they are a cluster in which each has its part of the slots.
-- @tparam int count
-- @tparam[opt] string options of each node
-- @tparam[opt] string config of each node, the text of a file
function redis_cluster.start(count, options, config)
  local self = setmetatable({ nodes = {} }, redis_cluster)
  for i = 1, count do
    self.nodes[i] = start_node(options, config)
    self:ask(i, ("CLUSTER SET-CONFIG-EPOCH %d"):format(i))
    self:ask(i, add_slots(SLOTS * (i - 1) // count, SLOTS * i // count - 1))
  end
  for i = 2, count do self:meet(i) end
  self:settle()
  return self
end

--- Has the first node meet another one.
function redis_cluster:meet(index)
  local node = self.nodes[index]
  self:ask(1, ("CLUSTER MEET 127.0.0.1 %d %d"):format(node.port, node.bus))
end

--- Adds a replica of a node, and waits until it has everything.
function redis_cluster:add_replica(index)
  local number = #self.nodes + 1
  local replica = start_node()
  self.nodes[number] = replica
  self:meet(number)
  self:settle()
  wait.till(function()
    return replica:cli("CLUSTER REPLICATE " .. self.nodes[index].id):find "OK"
  end, "the node to be known")
  wait.till(function() return replica:cli "INFO replication" :find "link_status:up" end,
    "replication")
  return replica
end

local shared

--- A cluster of three that specs share. None of its nodes may be ended.
function redis_cluster.shared()
  if not shared then
    shared = redis_cluster.start(3)
    for _, node in ipairs(shared.nodes) do node.is_shared = true end
  end
  return shared
end

--- What a node says to a command, which must not be an error.
function redis_cluster:ask(index, command)
  local said = self.nodes[index]:cli(command)
  assert(not said:find "^%u+ ", said)
  return said
end

--- Waits until all nodes know of each other, and the cluster can be used.
function redis_cluster:settle()
  wait.till(function()
    for _, node in ipairs(self.nodes) do
      local info = node:cli "CLUSTER INFO"
      if not info:find "cluster_state:ok" then return false end
      if not info:find("cluster_known_nodes:" .. #self.nodes, 1, true) then return false end
    end
    return true
  end, "the cluster")
end

--- The addresses of the nodes.
function redis_cluster:addresses()
  local list = {}
  for i, node in ipairs(self.nodes) do list[i] = node.address end
  return list
end

--- The name of a channel whose slot a node had at first.
function redis_cluster:name_on(index)
  local count, number = #self.nodes, 0
  local first, behind = SLOTS * (index - 1) // count, SLOTS * index // count
  repeat
    number = number + 1
    local slot = slots.of("c" .. number)
  until slot >= first and slot < behind
  return "c" .. number
end

--- The slot of a key, and the index of the node that has it.
function redis_cluster:place(key)
  local slot = tonumber(self:ask(1, ("CLUSTER KEYSLOT '%s'"):format(key)))
  for i, node in ipairs(self.nodes) do
    if not node:cli(("EXISTS '%s'"):format(key)):find "MOVED" then return slot, i end
  end
end

--- Takes a slot from the node that has it, so that none has it. Twice from the others: a message
-- that the owner has sent before may come behind the first time.
function redis_cluster:drop_slot(slot, owner)
  self:ask(owner, ("CLUSTER DELSLOTS %d"):format(slot))
  for _ = 1, 2 do
    for i, node in ipairs(self.nodes) do
      if i ~= owner then node:cli(("CLUSTER DELSLOTS %d"):format(slot)) end
    end
  end
end

--- Marks a slot as on its way.
function redis_cluster:begin_move(slot, from, to)
  self:ask(to, ("CLUSTER SETSLOT %d IMPORTING %s"):format(slot, self.nodes[from].id))
  self:ask(from, ("CLUSTER SETSLOT %d MIGRATING %s"):format(slot, self.nodes[to].id))
end

--- Moves some of a slot's keys; returns whether there were any.
function redis_cluster:move_keys(slot, from, to, count)
  local keys = {}
  for key in self:ask(from, ("--raw CLUSTER GETKEYSINSLOT %d %d"):format(slot, count))
    :gmatch "[^\n]+" do
    keys[#keys + 1] = "'" .. key .. "'"
  end
  if #keys == 0 then return false end
  self:ask(from, ("MIGRATE 127.0.0.1 %d '' 0 5000 KEYS %s"):format(self.nodes[to].port,
    table.concat(keys, " ")))
  return true
end

--- Ends the move: all nodes are told whose the slot is, the new owner first.
function redis_cluster:end_move(slot, to)
  local command = ("CLUSTER SETSLOT %d NODE %s"):format(slot, self.nodes[to].id)
  self:ask(to, command)
  for i = 1, #self.nodes do
    if i ~= to then self:ask(i, command) end
  end
end

return redis_cluster
