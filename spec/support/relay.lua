--- A relay between a client and the server under test: passes bytes both ways, and adds bytes,
-- holds them back or cuts the connection when told to.
local core = require "sse.core"
local socket = require "socket"

local relay = {}
relay.__index = relay

local function connect(port)
  local s = assert(socket.tcp4())
  assert(s:connect("127.0.0.1", port))
  s:settimeout(0)
  s:setoption("tcp-nodelay", true)
  return s
end

local function close(pair)
  pair.closed = true
  pair.client:close()
  pair.server:close()
end

-- Passes bytes one way. `way.held` has bytes that were read and not written yet.
local function carry(self, way)
  if (way.held == "" or way.blocked) and not way.shut then
    local bytes, why, partial = way.from:receive(65536)
    bytes = bytes or partial or ""
    way.held = way.held .. bytes
    if self.log[way.name] then table.insert(self.log[way.name], bytes) end
    if why == "closed" then way.shut = true end
  end
  if way.blocked then return end
  local last, _, partial = way.to:send(way.held, 1, way.left)
  local sent = last or partial or 0
  way.held = way.held:sub(sent + 1)
  if way.left then way.left = way.left - sent end
  if way.shut and way.held == "" and not way.told and not way.mute then
    way.told = true
    way.to:shutdown("send")
  end
end

local function turn(self)
  local client = self.listener:accept()
  if client then
    client:settimeout(0)
    local pair = { client = client, server = connect(self.to) }
    pair.up = { name = "up", from = client, to = pair.server, held = self.first or "" }
    pair.down = { name = "down", from = pair.server, to = client, held = "" }
    table.insert(self.pairs, pair)
  end
  for _, pair in ipairs(self.pairs) do
    if not pair.closed then carry(self, pair.up) end
    if not pair.closed then carry(self, pair.down) end
    local left = pair.down.left
    if left and (left == 0 or pair.up.shut) and not pair.closed then close(pair) end
    if not pair.closed and pair.up.told and pair.down.told then close(pair) end
  end
end

--- Starts a relay to the server's port.
-- @return the relay: `port`; `log.up` and `log.down`, if set, are lists that get the bytes that
-- pass; `first`, if set, are bytes that begin each connection to the server; `pairs`, its
-- connections, each with the ways `up` and `down`. Fields of a way: `blocked` holds bytes back;
-- `held`, those bytes; `shut`, the sender has ended; `mute`, that end is not passed on; `left` of
-- `down`, so many bytes are passed on, above 0, before the connection is cut.
function relay.start(to)
  local listener = assert(socket.bind("127.0.0.1", 0))
  listener:settimeout(0)
  local self = setmetatable({ listener = listener, to = to, pairs = {}, log = {} }, relay)
  self.port = tonumber((select(2, listener:getsockname())))
  self.timer = core.every(1, function() turn(self) end)
  return self
end

--- Sends bytes of its own to the server, over the newest connection.
function relay:inject(bytes)
  local pair = self.pairs[#self.pairs]
  pair.up.held = pair.up.held .. bytes
end

--- Closes the newest connection, as a client that vanishes.
function relay:cut()
  close(self.pairs[#self.pairs])
end

--- Closes all connections, each with the bytes that it holds for the client sent.
function relay:cut_all()
  for _, pair in ipairs(self.pairs) do
    if not pair.closed then
      if not pair.down.blocked then pair.down.to:send(pair.down.held) end
      close(pair)
    end
  end
end

--- Closes all; spec/support/serving.lua calls this.
function relay:close()
  if not self.timer then return end
  self.timer:stop()
  self.timer = nil
  self.listener:close()
  for _, pair in ipairs(self.pairs) do
    if not pair.closed then close(pair) end
  end
end

--- The types of the TLS records in a log.
-- @return a list of bytes; 23 is application data
function relay.records(log)
  local bytes, types, at = table.concat(log), {}, 1
  while at + 4 <= #bytes do
    types[#types + 1] = bytes:byte(at)
    at = at + 5 + string.unpack(">I2", bytes, at + 3)
  end
  return types
end

return relay
