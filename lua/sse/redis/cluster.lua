--- A Redis Cluster: a store for each node that has channels, and which channel is where. A log
-- moves from node to node as its slot does: what was asked of the old node and has no reply is
-- asked of the new one, as over connections that were lost and made again.
-- @module sse.redis.cluster
local appends = require "sse.redis.appends"
local core = require "sse.core"
local counting = require "sse.redis.counting"
local handles = require "sse.redis.core"
local new_lobby = require("sse.redis.lobby").new
local reads = require "sse.redis.reads"
local slots = require "sse.redis.slots"
local store = require "sse.redis.store"
local target = require "sse.redis.target"
local totals = require "sse.redis.totals"

local AT_ONCE = 3 -- times that a log is sent elsewhere before it pauses
local PAUSE, LONGEST_PAUSE = 10, 200 -- ms
local CALM = 1000 -- ms without being sent elsewhere, after which the pauses begin anew
local UNSETTLED = 500 -- ms until the slots are asked for again while some are on their way

local Cluster = {}
Cluster.__index = Cluster

local function do_nothing() end

-- --- nodes ---------------------------------------------------------------------------------------

local function stores_of(self)
  local list = { self.lobby }
  for _, one in pairs(self.nodes) do list[#list + 1] = one end
  return list
end

totals(Cluster, stores_of)

local function each_store(self) return ipairs(stores_of(self)) end

-- The store of a node.
local function node(self, host, port)
  local its = target.at(self.server, host, port)
  local one = self.nodes[its.name]
  if not one then
    one = store.new(its, self.owner.public, { router = self, numbers = self.numbers,
      writer = self.writer, server_name = its.name })
    self.nodes[its.name] = one
    if self.closing then one:shut() end
  end
  return one
end

-- The targets of the nodes to ask for the slots: those that are known, then those that the program
-- has named. Nodes that can't be reached come last.
local function list_nodes(self)
  local list, away, seen = {}, {}, {}
  local function add(one)
    if seen[one.name] then return end
    seen[one.name] = true
    local known = self.nodes[one.name]
    table.insert(known and known.pair.state ~= "up" and away or list, one)
  end
  local function add_address(place) add(target.at(self.server, place.host, place.port)) end
  for _, range in ipairs(self.ranges or {}) do add_address(range.node) end
  for _, range in ipairs(self.ranges or {}) do
    for _, replica in ipairs(range.replicas) do add_address(replica) end
  end
  for _, seed in ipairs(self.seeds) do add(seed) end
  return table.move(away, 1, #away, #list + 1, list)
end

-- --- moving --------------------------------------------------------------------------------------

-- Takes a log off a store.
local function take_off(log, from)
  if log.subscribed and from.pair.state == "up" then from.pair:unsubscribe { log.topic } end
  if log.presence then log.presence:leave(from) end
  log:on_down "the channel has moved to another node"
  log:forget_session()
  from.logs[log.name], from.topics[log.topic] = nil, nil
  from.woken[log], from.changed[log], from.watched[log] = nil, nil, nil
end

-- Moves a log to another store. is_asking: the slot is on its way there.
local function move(self, log, to, is_asking)
  local from = log.store
  if from == to and log.is_asking == is_asking then return end
  take_off(log, from)
  local reading = reads.count(log)
  log.queue:move(to.tally)
  to:count_reads(reading)
  from:count_reads(-reading)
  to:note_waiting()
  to.logs[log.name], to.topics[log.topic] = log, log
  local is_left = from.left[log]
  from.left[log] = nil
  to.left[log] = is_left
  log.store, log.is_asking, log.moves = to, is_asking, log.moves + 1
  if log:is_watched() then to.changed[log], to.watched[log] = true, true end
  if log:is_watched() or log:is_busy() then to:wake(log) end
  if log.presence then log.presence:enter(to) end
  if to == self.lobby then to.pair:start() end
end

-- Asks again, after a pause where the log was sent elsewhere several times already.
local function ask_again(log, must_pause)
  local now = core.now()
  if now - log.redirected_at > CALM then log.redirections = 0 end
  log.redirections, log.redirected_at = log.redirections + 1, now
  if log.pause or not must_pause and log.redirections <= AT_ONCE then return log.store:wake(log) end
  local longest = math.min(LONGEST_PAUSE, PAUSE * 2.0 ^ math.min(log.redirections, 16))
  log.pause = core.timer(longest * (0.5 + 0.5 * math.random()), function()
    log.pause = nil
    if not log.store.closed then log.store:wake(log) end
  end)
  if not log:is_busy() then log.pause:unref() end
end

local function pause(log) ask_again(log, true) end

-- Errors that say that a log, or a part of it, is elsewhere; each gives what asks again.
local elsewhere = {}

function elsewhere.MOVED(self, log, err)
  local host, port = slots.redirection(err, log.store.target.host)
  if not host then return nil end
  move(self, log, node(self, host, port), nil)
  self.lobby.pair:start()
  return ask_again
end

function elsewhere.ASK(self, log, err)
  local host, port = slots.redirection(err, log.store.target.host)
  if not host then return nil end
  move(self, log, node(self, host, port), true)
  self.lobby.pair:start_later(UNSETTLED)
  return ask_again
end

-- Some of the log's keys are on their way to another node.
function elsewhere.TRYAGAIN(self)
  self.lobby.pair:start_later(UNSETTLED)
  return pause
end

function elsewhere.CLUSTERDOWN(self, log, err)
  move(self, log, self.lobby, nil)
  self.lobby.pair:lose(err)
  return do_nothing
end

--- Judges a node's error, as a store does; nil: it is of another kind.
function Cluster:on_error(from, log, err)
  local take = elsewhere[err:match "^%u+"]
  if not take then return nil end
  if log.store ~= from then return do_nothing end -- it has moved already
  appends.on_down(log, err) -- what has waited for too long fails
  return take(self, log, err)
end

-- --- the slots -----------------------------------------------------------------------------------

-- Ends the stores of nodes that are no longer in the cluster.
local function drop_nodes(self, known)
  for name, one in pairs(self.nodes) do
    if not known[name] and next(one.logs) == nil then
      self.nodes[name] = nil
      one:finish()
    end
  end
end

local function names_of(self)
  local names = {}
  for _, one in ipairs(list_nodes(self)) do names[one.name] = true end
  return names
end

-- Moves a log to where its slot is, unless a node that should know better has just sent it where it
-- is. Returns why it can't be asked, or nil.
local function settle(self, log)
  if log.store ~= self.lobby and core.now() - log.redirected_at < CALM then
    return self.lobby.pair:start_later(UNSETTLED)
  end
  local owner = slots.find(self.ranges, log.slot)
  if not owner then
    move(self, log, self.lobby, nil)
    return ("no node of the cluster has the slot %d, that of '%s'"):format(log.slot, log.name)
  end
  local to = node(self, owner.host, owner.port)
  if log.is_asking and to ~= log.store then -- still on its way
    self.lobby.pair:start_later(UNSETTLED)
  else
    move(self, log, to, nil)
  end
end

local function on_ranges(self, ranges)
  local logs, why = {}, nil
  self.ranges = ranges
  for _, one in each_store(self) do
    for _, log in pairs(one.logs) do logs[#logs + 1] = log end
  end
  for _, log in ipairs(logs) do
    if log.store.logs[log.name] == log then why = settle(self, log) or why end
  end
  drop_nodes(self, names_of(self))
  if why then self.lobby.pair:lose(why) else self.lobby:tell_up() end
end

--- A node can't be reached: others may have its slots soon.
function Cluster:on_down(one)
  if one ~= self.lobby and not self:is_closed() then self.lobby.pair:start() end
end

-- --- as a store ----------------------------------------------------------------------------------

--- The store of the node that has a slot; nil: it is not known.
function Cluster:store_of_slot(slot)
  local owner = self.ranges and not self.closed and slots.find(self.ranges, slot)
  return owner and node(self, owner.host, owner.port) or nil
end

--- The log of a channel.
function Cluster:log(name)
  for _, one in each_store(self) do
    if one.logs[name] then return one.logs[name] end
  end
  local log = self.lobby:log(name)
  log.slot, log.redirections, log.redirected_at = slots.of(log.keys[1]), 0, -CALM
  local owner = self.ranges and slots.find(self.ranges, log.slot)
  if owner then move(self, log, node(self, owner.host, owner.port), nil) end
  return log
end

--- Whether the cluster can be used; not once it is closed, nor in a forked child.
function Cluster:is_usable()
  if self.closing or self.closed then return false end
  if handles.pid() == self.lobby.pid then return true end
  self:finish()
  return false
end

function Cluster:is_closed() return self.closed end

--- An append has its result, or there is one more.
function Cluster:on_count()
  if not self.closing then return end
  for _, one in each_store(self) do
    if not one:is_done() then return end
  end
  self:finish()
end

-- Whether something waits for a node that can be reached.
local function is_hopeful(self)
  for _, one in each_store(self) do
    if not one:is_done() and not one.pair.failure then return true end
  end
  return false
end

--- Closes once all that was appended before has its result; at once where the nodes are away.
function Cluster:close()
  if self.closing or self.closed then return end
  self.closing = true
  if handles.pid() ~= self.lobby.pid then return self:finish() end
  for _, one in each_store(self) do
    one:shut()
    counting.withdraw(one)
  end
  counting.leave(self)
  if not is_hopeful(self) then return self:finish() end
  self.end_of_close = core.timer(self.server.timeout, function() self:finish() end)
end

--- Closes at once; what waits fails.
function Cluster:finish()
  if self.closed then return end
  self.closed = true
  if self.end_of_close then self.end_of_close:stop() end
  for _, one in each_store(self) do one:finish() end
end

--- Makes what is behind a store on a cluster.
-- @tparam table place as of sse.redis.places
-- @param public what the program has
return function(place, public)
  local self = setmetatable({ server = place.server, seeds = place.seeds, nodes = {},
    numbers = store.numbers(), closed = false, closing = false,
    owner = setmetatable({ public = public }, { __mode = "v" }) }, Cluster)
  self.lobby = store.new(place.server, public, { router = self, numbers = self.numbers,
    new_pair = function(_, fields)
      return new_lobby(function() return list_nodes(self) end, function(ranges)
        on_ranges(self, ranges)
      end, fields.on_down)
    end })
  self.writer = self.lobby.writer
  return self
end
