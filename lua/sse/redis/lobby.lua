--- Asks nodes of a cluster which node has which slots. Channels wait here whose node is not known,
-- so it stands where others have the connections to their server: it has the fields and methods of
-- sse.redis.pair, but is never up.
-- @module sse.redis.lobby
local connection = require "sse.redis.connection"
local core = require "sse.core"
local slots = require "sse.redis.slots"

local FIRST_PAUSE, LONGEST_PAUSE = 100, 5000 -- ms before another try, the longest
local CALM = 10000 -- ms without a failure, after which the pauses begin anew
local SOONEST = 100 -- ms between two times that the nodes are asked, at least

local Lobby = {}
Lobby.__index = Lobby

local function close(self)
  if self.connection then self.connection:close() end
  if self.pause then self.pause:stop() end
  self.connection, self.pause = nil, nil
end

local ask

local function wait(self, ms)
  self.state = "pausing"
  self.pause = core.timer(ms, function()
    self.pause = nil
    self:ask_all()
  end)
  if not self.keeps then self.pause:unref() end
end

-- --- asking --------------------------------------------------------------------------------------

local function on_lost(self, name, why)
  self.connection = nil
  table.insert(self.failures, ("%s: %s"):format(name, why))
  self.at = self.at + 1
  if self.nodes[self.at] then return ask(self) end
  self.state = "connecting"
  self:lose(("no node of the cluster can be used (%s)"):format(table.concat(self.failures, "; ")))
end

local function take_ranges(self, ranges)
  self.connection:close()
  self.connection, self.state, self.failure, self.asked_at = nil, "idle", nil, core.now()
  self.on_ranges(ranges)
end

function ask(self)
  local target, asked, ranges = self.nodes[self.at], nil, nil
  asked = connection.open(target, {
    first_commands = { { "CLUSTER", "SLOTS", on_reply = function(reply)
      ranges = slots.parse(reply, target.host)
      if not ranges then asked:lose "a result of another form than expected" end
    end }, { "CLUSTER", "INFO", on_reply = function(reply)
      if type(reply) == "string" and reply:find "cluster_state:fail" then
        asked:lose "CLUSTERDOWN the cluster is down"
      end
    end } },
    on_ready = function() take_ranges(self, ranges) end,
    on_lost = function(why) on_lost(self, target.name, why) end,
    keeps = self.keeps,
  })
  self.connection = asked
end

--- Asks the nodes, one after the other, until one says.
function Lobby:ask_all()
  self.state, self.nodes, self.at, self.failures = "connecting", self.list_nodes(), 1, {}
  ask(self)
end

--- Begins to ask, unless that has begun.
function Lobby:start()
  if self.state ~= "idle" then return end
  local since = core.now() - self.asked_at
  if since < SOONEST then return wait(self, SOONEST - since) end
  self:ask_all()
end

--- Asks in a while.
function Lobby:start_later(ms)
  if self.state == "idle" then wait(self, ms * (0.75 + 0.5 * math.random())) end
end

--- Nobody could say, or nothing could be done with what was said: asks again in a while.
function Lobby:lose(why)
  if self.state == "closed" then return end
  local now = core.now()
  if now - self.lost_at > CALM then self.losses = 0 end
  local is_new = self.state ~= "pausing" or not self.failure
  self.failure = why
  if is_new then
    close(self)
    local longest = math.min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ^ math.min(self.losses, 16))
    self.losses, self.lost_at = self.losses + 1, now
    wait(self, longest * (0.5 + 0.5 * math.random()))
  end
  self.on_down(why, false)
end

--- Whether something that waits here keeps the loop running.
function Lobby:keep(keeps)
  if self.keeps == keeps then return end
  self.keeps = keeps
  if self.connection then self.connection:keep(keeps) end
  if not self.pause then return end
  if not keeps then return self.pause:unref() end
  self.pause:stop()
  wait(self, FIRST_PAUSE)
end

function Lobby:close()
  close(self)
  self.state = "closed"
end

local lobby = {}

--- Makes one, which asks once it is started.
-- @tparam function list_nodes gives the targets of the nodes to ask
-- @tparam function on_ranges on_ranges(ranges), as of sse.redis.slots
-- @tparam function on_down as of sse.redis.pair
function lobby.new(list_nodes, on_ranges, on_down)
  return setmetatable({ state = "idle", session = 0, keeps = false, list_nodes = list_nodes,
    on_ranges = on_ranges, on_down = on_down, asked_at = -SOONEST, losses = 0, lost_at = -CALM },
    Lobby)
end

return lobby
