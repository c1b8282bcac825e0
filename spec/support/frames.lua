--- An HTTP/2 client that sends the frames that a spec makes, wrong ones too, and returns the frames
-- that come back. Header fields are sent without compression.
local net = require "spec.support.net"
local raw = require "spec.support.raw"

local frames = {}
frames.__index = frames

local PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

local TYPES = {
  DATA = 0, HEADERS = 1, PRIORITY = 2, RST_STREAM = 3, SETTINGS = 4, PUSH_PROMISE = 5, PING = 6,
  GOAWAY = 7, WINDOW_UPDATE = 8, CONTINUATION = 9,
}
local NAMES = {}
for name, number in pairs(TYPES) do NAMES[number] = name end

frames.END_STREAM, frames.ACK, frames.END_HEADERS = 1, 1, 4

-- A frame as bytes.
function frames.encode(kind, flags, id, payload)
  return string.pack(">I3BBI4", #payload, TYPES[kind] or kind, flags, id) .. payload
end

-- An integer of HPACK with a prefix of n bits (RFC 7541 section 5.1).
local function integer(value, n, first)
  local most = (1 << n) - 1
  if value < most then return string.char(first | value) end
  local bytes = { string.char(first | most) }
  value = value - most
  while value >= 128 do
    bytes[#bytes + 1] = string.char(value & 127 | 128)
    value = value >> 7
  end
  bytes[#bytes + 1] = string.char(value)
  return table.concat(bytes)
end

--- A header block of name, value, name, value ...: literals that do not enter the dynamic table.
function frames.block(list)
  local pieces = {}
  for i = 1, #list, 2 do
    pieces[#pieces + 1] = "\0" .. integer(#list[i], 7, 0) .. list[i] ..
      integer(#list[i + 1], 7, 0) .. list[i + 1]
  end
  return table.concat(pieces)
end

--- The header block of a request.
-- @tparam string line "GET /path"
-- @tparam[opt] table more name, value ...
function frames.request(line, more)
  local method, path = line:match "^(%S+) (.*)$"
  return frames.block(table.move(more or {}, 1, more and #more or 0, 9, {
    ":method", method, ":scheme", "http", ":authority", "a", ":path", path,
  }))
end

--- The payload of WINDOW_UPDATE and of RST_STREAM.
function frames.u32(value) return string.pack(">I4", value) end

--- The payload of a SETTINGS frame that sets one value; id 4 is the initial window size.
function frames.setting(id, value) return string.pack(">I2I4", id, value) end

--- Makes a client of a connection; sends the preface, and SETTINGS with that payload.
-- @param client of spec/support/raw.lua
-- @tparam[opt] string settings
function frames.open(client, settings)
  local self = setmetatable({ client = client, got = {} }, frames)
  client:send(PREFACE)
  self:send("SETTINGS", 0, 0, settings or "")
  return self
end

--- Starts a server whose handler is called with each exchange (see spec/support/net.lua), and a
-- client.
-- @return the client, the server
function frames.start(handler, options, settings)
  local server = net.start(handler, options)
  return frames.open(net.connect(), settings), server
end

--- Sends a frame; returns false if the server has closed the connection.
function frames:send(kind, flags, id, payload)
  return self.client:send(frames.encode(kind, flags, id, payload or ""))
end

--- Sends a request. open: a body will follow.
function frames:get(id, line, more, open)
  local flags = frames.END_HEADERS | (open and 0 or frames.END_STREAM)
  return self:send("HEADERS", flags, id, frames.request(line, more))
end

-- Moves whole frames from the bytes that came to the list of frames.
local function take(self)
  local client = self.client
  client:take()
  while #client.buffer >= 9 do
    local len, kind, flags, id = string.unpack(">I3BBI4", client.buffer)
    if #client.buffer < 9 + len then return end
    local frame = {
      kind = NAMES[kind] or kind, flags = flags, id = id, payload = client.buffer:sub(10, 9 + len),
    }
    client.buffer = client.buffer:sub(10 + len)
    self.got[#self.got + 1] = frame
  end
end

--- Pumps the loop until a frame of that kind came, and returns it; drops the frames before it.
-- @tparam string kind
-- @tparam[opt] number id
-- @tparam[opt] number flag that must be set
function frames:receive(kind, id, flag)
  local found
  raw.pump(function()
    take(self)
    while not found and self.got[1] do
      local frame = table.remove(self.got, 1)
      if frame.kind == kind and (not id or frame.id == id) and (not flag or frame.flags & flag ~= 0)
      then
        found = frame
      end
    end
    return found or self.client.eof
  end, kind .. " of stream " .. (id or "any"))
  if not found then error("closed before " .. kind .. " of stream " .. (id or "any"), 2) end
  return found
end

-- Adds a frame of the stream to its body; returns true for the last one.
local function gather(body, frame)
  if frame.kind == "DATA" then
    body[#body + 1] = frame.payload
  elseif frame.kind == "RST_STREAM" then
    body.code = string.unpack(">I4", frame.payload)
    return true
  end
  return (frame.kind == "DATA" or frame.kind == "HEADERS") and frame.flags & frames.END_STREAM ~= 0
end

--- Pumps the loop until the stream has ended or was reset; returns the body and the error code.
-- Frames of other streams are kept.
function frames:body(id)
  local body, done = {}, false
  raw.pump(function()
    take(self)
    local others = {}
    for _, frame in ipairs(self.got) do
      if frame.id == id and not done then done = gather(body, frame)
      else others[#others + 1] = frame end
    end
    self.got = others
    return done or self.client.eof
  end, "the body of stream " .. id)
  if not done then error("closed before the end of stream " .. id, 2) end
  return table.concat(body), body.code
end

--- Pumps the loop until a GOAWAY frame came; returns its error code and last stream.
function frames:goaway()
  local frame = self:receive("GOAWAY")
  local last, code = string.unpack(">I4I4", frame.payload)
  return code, last
end

--- Pumps the loop until the server has closed the connection.
function frames:closed()
  raw.pump(function()
    take(self)
    return self.client.eof
  end, "the server to close")
end

--- The frames that came since the last call.
function frames:take()
  take(self)
  local got = self.got
  self.got = {}
  return got
end

return frames
