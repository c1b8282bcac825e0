--- A scripted HTTP server for the client's specs, in the same process and on the same loop as the
-- client, on non-blocking sockets. The spec decides about every byte and every close.
local core = require "sse.core"
local socket = require "socket"

local origin = {}

local connection = {}
connection.__index = connection

--- Sends bytes; what the socket does not take is sent later.
function connection:send(...)
  self.out = self.out .. table.concat({ ... })
  self:flush()
  return self
end

function connection:flush()
  if self.closed or self.out == "" then return end
  local sent, why, partial = self.socket:send(self.out)
  self.out = self.out:sub((sent or partial or 0) + 1)
  if not sent and why == "closed" then self:drop("closed") end
  if self.out == "" and self.ending then self:close() end
end

--- Sends a response's head; fields is a list of lines.
function connection:head(status, ...)
  self:send(("HTTP/1.1 %d Status\r\n"):format(status))
  for _, line in ipairs { ... } do self:send(line, "\r\n") end
  return self:send("\r\n")
end

--- Sends the head of an event stream, which ends with the connection.
function connection:stream(...)
  return self:head(200, "Content-Type: text/event-stream", ...)
end

--- Sends a chunk of a chunked body; "" ends the body.
function connection:chunk(bytes)
  return self:send(("%x\r\n"):format(#bytes), bytes, "\r\n")
end

--- Sends a whole response with a Content-Length; the connection stays open for the next request.
function connection:reply(status, body, ...)
  body = body or ""
  return self:head(status, "Content-Length: " .. #body, ...):send(body)
end

function connection:drop(why)
  if self.closed then return end
  self.closed = why
  self.socket:close()
  self.server.open = self.server.open - 1
  if self.on_close then self.on_close(why) end
end

--- Closes the connection once everything is sent.
function connection:close()
  if self.out ~= "" then self.ending = true return end
  self:drop("here")
end

--- Closes the connection with a reset.
function connection:reset()
  self.socket:setoption("linger", { on = true, timeout = 0 })
  self:drop("here")
end

local function parse(head)
  local request = { headers = {}, raw = head, names = {} }
  request.method, request.target = head:match("^(%S+) (%S+)")
  for name, value in head:gmatch("\r\n([^:\r\n]+):[ \t]*([^\r\n]*)") do
    request.headers[name:lower()] = value
    request.names[#request.names + 1] = name
  end
  return request
end

-- Takes a whole request from the bytes that came, if there is one.
local function take(conn)
  local head, rest = conn.input:match("^(.-\r\n)\r\n(.*)$")
  if not head then return end
  local request = parse(head)
  local length = tonumber(request.headers["content-length"] or 0)
  if #rest < length then return end
  request.body, conn.input = rest:sub(1, length), rest:sub(length + 1)
  return request
end

local function read(conn)
  local all, why, partial = conn.socket:receive(65536)
  local bytes = all or partial or ""
  conn.input = conn.input .. bytes
  conn.received = conn.received + #bytes
  local request = not conn.closed and take(conn)
  while request do
    local server = conn.server
    server.requests[#server.requests + 1] = request
    conn.request = request
    server.handler(conn, request)
    request = not conn.closed and take(conn)
  end
  if why == "closed" then conn:drop("peer") end
end

local function accept(server)
  local client = server.listener:accept()
  while client do
    client:settimeout(0)
    pcall(client.setoption, client, "tcp-nodelay", true) -- fails for a Unix socket
    local conn = setmetatable({
      socket = client, server = server, input = "", out = "", received = 0,
    }, connection)
    server.connections[#server.connections + 1] = conn
    server.open = server.open + 1
    if server.on_accept then server.on_accept(conn) end
    client = server.listener:accept()
  end
end

local function turn(server)
  accept(server)
  for _, conn in ipairs(server.connections) do
    if not conn.closed then conn:flush() end
    if not conn.closed and not conn.deaf then read(conn) end
  end
end

local server_methods = {}
server_methods.__index = server_methods

function server_methods:url(path)
  return ("http://127.0.0.1:%d%s"):format(self.port, path or "/")
end

function server_methods:stop()
  self.timer:stop()
  self.listener:close()
  for _, conn in ipairs(self.connections) do conn:drop("stop") end
end

--- Starts a server on a free port.
-- @tparam function handler called with (connection, request) for each request
-- @tparam[opt] integer port or a listening socket of LuaSocket's
-- @return the server: requests (list of all so far), connections, open (their number), url(path),
-- stop(), on_accept
function origin.start(handler, port)
  local given = type(port) == "userdata"
  local listener = given and port or assert(socket.bind("127.0.0.1", port or 0))
  listener:settimeout(0)
  local _, bound = listener:getsockname()
  local server = setmetatable({
    listener = listener, port = tonumber(bound), handler = handler,
    requests = {}, connections = {}, open = 0,
  }, server_methods)
  server.timer = core.every(1, function() turn(server) end)
  return server
end

return origin
