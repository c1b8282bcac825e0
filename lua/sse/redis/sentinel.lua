--- Asks Sentinels which server is the master, before each time that connections to it are made, and
-- listens meanwhile to the one that has answered: it says when another server becomes the master.
-- @module sse.redis.sentinel
local connection = require "sse.redis.connection"
local core = require "sse.core"
local target = require "sse.redis.target"

local SWITCHED = "+switch-master"
local PAUSE = 1000 -- ms, about, before another Sentinel is listened to

local Sentinel = {}
Sentinel.__index = Sentinel

local function stop_asking(self)
  if self.pause then self.pause:stop() end
  if self.connection then self.connection:close() end
  self.pause, self.connection = nil, nil
end

-- --- which server it is --------------------------------------------------------------------------

-- Takes the master's address: for who asks, or as news.
local function take_address(self, host, port)
  local server, on_found = target.at(self.server, host, port), self.on_found
  local before = self.found
  self.found, self.on_found, self.failures = server, nil, {}
  if on_found then return on_found(server) end
  if before and before.name ~= server.name then
    self.on_moved(("Sentinel names another master, %s"):format(server.name))
  end
end

-- The host and the port of a reply; nil: it has none.
local function address_of(reply)
  local host, port = table.unpack(type(reply) == "table" and reply or {}, 1, 2)
  port = type(port) == "string" and math.tointeger(port)
  local is_port = port and port >= 1 and port <= 65535
  if type(host) == "string" and host ~= "" and is_port then return host, port end
end

-- What a Sentinel sends to who has subscribed.
local function take_push(self, reply)
  local kind, _, text = table.unpack(type(reply) == "table" and reply or {}, 1, 3)
  if kind == "pong" then self.is_pinged = false end
  if kind ~= "message" or type(text) ~= "string" then return end
  local name, host, port = text:match "^(.*) %S+ %d+ (%S+) (%d+)$"
  if name == self.master and address_of { host, port } then
    take_address(self, address_of { host, port })
  end
end

-- --- asking --------------------------------------------------------------------------------------

local ask

-- A Sentinel could not be asked, or is no longer there.
local function on_lost(self, why)
  local name = self.sentinels[self.at].name
  self.connection = nil
  self.at = self.at % #self.sentinels + 1
  if not self.on_found then -- the server is there; only who listens for news is missing
    self.pause = core.timer(PAUSE * (0.75 + 0.5 * math.random()), function() ask(self) end)
    return self.pause:unref()
  end
  table.insert(self.failures, ("%s: %s"):format(name, why))
  if #self.failures < #self.sentinels then return ask(self) end
  local on_found, all = self.on_found, table.concat(self.failures, "; ")
  self.on_found = nil
  on_found(nil, ("no Sentinel names the master '%s' (%s)"):format(self.master, all))
end

-- Asks the next Sentinel for the address, and subscribes in the same write, so that no news falls
-- between them.
function ask(self)
  local host, port, asked = nil, nil, nil
  local keeps = self.on_found ~= nil and self.keeps
  self.pause, self.is_pinged = nil, false
  asked = connection.open(self.sentinels[self.at], {
    first_commands = {
      { "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.master, on_reply = function(reply)
        host, port = address_of(reply)
        if not host then asked:lose(("knows no master '%s'"):format(self.master)) end
      end },
      { "SUBSCRIBE", SWITCHED },
    },
    on_ready = function()
      asked:keep(false)
      take_address(self, host, port)
    end,
    on_lost = function(why) on_lost(self, why) end,
    on_push = function(reply) take_push(self, reply) end,
    keeps = keeps,
  })
  self.connection = asked
end

--- Asks for the master, one Sentinel after the other.
-- @tparam function on_found on_found(target), or on_found(nil, why) where none can say
function Sentinel:find(on_found)
  stop_asking(self)
  self.on_found, self.failures = on_found, {}
  ask(self)
end

--- Commands that come first on a connection to the server: it must be the master.
function Sentinel:first_commands(lose)
  local name = self.found.name
  return { { "ROLE", on_reply = function(reply)
    local role = type(reply) == "table" and reply[1]
    if role == "master" then return end
    lose(("%s is no master, but a %s"):format(name, type(role) == "string" and role or "stranger"))
  end } }
end

--- Whether asking keeps the loop running.
function Sentinel:keep(keeps)
  self.keeps = keeps
  if self.connection and self.on_found then self.connection:keep(keeps) end
end

--- The server that was found could not be used: another Sentinel is asked first, which may know
-- better.
function Sentinel:distrust() self.at = self.at % #self.sentinels + 1 end

--- Looks whether the Sentinel that is listened to is still there. Called now and then.
function Sentinel:ping()
  local listening = self.connection
  if not listening or self.on_found then return end
  if self.is_pinged then return listening:lose "no answer" end
  self.is_pinged = true
  listening:send { "PING" }
end

function Sentinel:close()
  stop_asking(self)
  self.on_found = nil
end

--- Makes what finds the server, for a pair of sse.redis.pair, which sets `on_moved`.
-- @tparam table place as of sse.redis.places
return function(place)
  return setmetatable({ server = place.server, master = place.master, sentinels = place.sentinels,
    at = 1, failures = {}, keeps = false }, Sentinel)
end
