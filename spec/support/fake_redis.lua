--- A server that speaks Redis's protocol as a spec wants it: it takes commands apart, and sends
-- what it is told to.
local core = require "sse.core"
local socket = require "socket"

local fake_redis = {}
fake_redis.__index = fake_redis

--- Encodes a value as a reply: a string, an integer, a list, false for nil.
function fake_redis.encode(value)
  if type(value) == "string" then return ("$%d\r\n%s\r\n"):format(#value, value) end
  if math.type(value) == "integer" then return (":%d\r\n"):format(value) end
  if not value then return "$-1\r\n" end
  local parts = { ("*%d\r\n"):format(#value) }
  for i, one in ipairs(value) do parts[i + 1] = fake_redis.encode(one) end
  return table.concat(parts)
end

-- Takes one command out of what a client has sent; nil: it is not whole.
local function take_command(conn)
  local count, at = conn.received:match "^%*(%d+)\r\n()"
  local words = {}
  for i = 1, tonumber(count or 0) do
    local size, start = conn.received:match("^%$(%d+)\r\n()", at)
    if not size or #conn.received < start + size + 1 then return nil end
    words[i], at = conn.received:sub(start, start + size - 1), math.tointeger(start + size + 2)
  end
  if not count then return nil end
  conn.received = conn.received:sub(at)
  return words
end

local function close(conn)
  conn.closed = true
  conn.socket:close()
end

local function serve(self, conn)
  local bytes, why, partial = conn.socket:receive(65536)
  conn.received = conn.received .. (bytes or partial or "")
  for words in take_command, conn do
    conn.to_send = conn.to_send .. (self.on_command(words, conn) or "")
  end
  local last, _, sent = conn.socket:send(conn.to_send, conn.sent + 1)
  conn.sent = last or sent
  if conn.sent == #conn.to_send then conn.to_send, conn.sent = "", 0 end
  if why == "closed" or conn.ends and conn.to_send == "" then close(conn) end
end

local function turn(self)
  local client = self.listener:accept()
  if client then
    client:settimeout(0)
    table.insert(self.conns, { socket = client, received = "", to_send = "", sent = 0 })
  end
  for i = #self.conns, 1, -1 do
    serve(self, self.conns[i])
    if self.conns[i].closed then table.remove(self.conns, i) end
  end
end

--- Starts a server on a free port.
-- @tparam function on_command on_command(words, connection) -> bytes to send; where it sets
-- `connection.ends`, the connection is closed once they are sent
function fake_redis.start(on_command)
  local listener = assert(socket.bind("127.0.0.1", 0))
  listener:settimeout(0)
  local self = setmetatable({ listener = listener, conns = {}, on_command = on_command },
    fake_redis)
  self.url = ("redis://127.0.0.1:%d"):format(select(2, listener:getsockname()))
  self.timer = core.every(1, function() turn(self) end)
  return self
end

--- What a server says to the commands that begin a connection; nil for others.
function fake_redis.greet(words)
  local command = words[1]:upper()
  if command == "PING" then return "+PONG\r\n" end
  if command == "SCRIPT" then return fake_redis.encode(("%040x"):format(#words[3])) end
  if command == "SUBSCRIBE" or command == "UNSUBSCRIBE" then
    return fake_redis.encode { command:lower(), words[2], 1 }
  end
end

--- Ends the server and its connections.
function fake_redis:close()
  self.timer:stop()
  self.listener:close()
  for _, conn in ipairs(self.conns) do close(conn) end
end

return fake_redis
