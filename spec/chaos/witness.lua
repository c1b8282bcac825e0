--- A well-behaved follower of one channel: an EventSource, which comes back with its last id. Every
-- event of a generation must come once and in order, unless a gap event says that some are
-- missing.
local certs = require "spec.support.certs"
local sse = require "sse"

local witness = {}
witness.__index = witness

local function complain(self, text, ...)
  local message = ("witness of %s over %s: "):format(self.name, self.transport) .. text:format(...)
  table.insert(self.world.faults, message)
end

local function on_event(self, data)
  local generation, serial = data:match "^%a:(%d+):(%d+):"
  if not generation then return end -- sent to this stream alone
  generation, serial = tonumber(generation), tonumber(serial)
  local at, gap = self.at, self.gap
  self.at, self.gap = { generation = generation, serial = serial }, nil
  self.count = self.count + 1
  if not at then return end
  if generation < at.generation or generation == at.generation and serial <= at.serial then
    complain(self, "%d:%d behind %d:%d", generation, serial, at.generation, at.serial)
  elseif generation > at.generation and not gap then
    complain(self, "no gap between generation %d and %d", at.generation, generation)
  elseif generation == at.generation and serial > at.serial + 1 and not gap
      and self.world.channels:at(self.name).slow[generation] ~= "latest" then
    complain(self, "%d missing before %d:%d", serial - at.serial - 1, generation, serial)
  end
end

local transports = {
  ["HTTP/1.1"] = function(world) return "http", world.plain_port, { httpVersion = "1.1" } end,
  h2c = function(world)
    return "http", world.plain_port, { httpVersion = "2-prior-knowledge" }
  end,
  h2 = function(world) return "https", world.secure_port, { tls = certs.client() } end,
}

--- Opens a witness.
-- @param world
-- @tparam string transport "HTTP/1.1", "h2c" or "h2"
-- @tparam string name the channel's
function witness.open(world, transport, name)
  local self = setmetatable({ world = world, transport = transport, name = name, count = 0 },
    witness)
  local scheme, port, options = transports[transport](world)
  options.retryInterval, options.minRetryInterval, options.maxRetryInterval = 1, 1, 20
  options.reconnect = "resilient"
  self.source = sse.EventSource(("%s://127.0.0.1:%d/witness/%s"):format(scheme, port, name),
    options)
  self.source.onmessage = function(event) on_event(self, event.data) end
  self.source:addEventListener("tick", function(event) on_event(self, event.data) end)
  self.source:addEventListener("sse-gap", function() self.gap = true end)
  return self
end

--- Whether the witness has the newest event of its channel, or a gap event in its place.
function witness:complete()
  local state = self.world.channels:at(self.name)
  return self.at and self.at.generation == state.generation and self.at.serial == state.serial
end

function witness:describe()
  local state, at = self.world.channels:at(self.name), self.at or {}
  return ("witness of %s over %s: at %s:%s of %d:%d, state %d"):format(self.name, self.transport,
    at.generation, at.serial, state.generation, state.serial, self.source.readyState)
end

function witness:close() self.source:close() end

return witness
