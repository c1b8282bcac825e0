--- A SOCKS5 proxy (RFC 1928, RFC 1929) for the client's specs, over LuaSocket and on the same loop.
-- Connects to the loopback at the requested port, whatever name is requested.
local core = require "sse.core"
local socket = require "socket"

local socks = {}

local IPV4, NAME, IPV6 = 1, 3, 4
local GRANTED = "\5\0\0\1\0\0\0\0\0\0"

-- Unpacks `pattern` (string.unpack's) from the front of the bytes that came; nil if there are too
-- few.
local function take(conn, pattern)
  local got = table.pack(pcall(string.unpack, pattern, conn.input))
  if not got[1] then return nil end
  conn.input = conn.input:sub(got[got.n])
  return table.unpack(got, 2, got.n - 1)
end

local steps = {}

function steps.greeting(conn)
  local version, methods = take(conn, "Bs1")
  if not version then return end
  assert(version == 5, "not SOCKS5")
  local wanted = conn.proxy.user and "\2" or "\0"
  local offered = methods:find(wanted, 1, true)
  conn.client:send("\5" .. (offered and wanted or "\255"))
  conn.step = conn.proxy.user and "login" or "request"
end

function steps.login(conn)
  local version, user, password = take(conn, "Bs1s1")
  if not version then return end
  local right = user == conn.proxy.user and password == conn.proxy.password
  conn.client:send(right and "\1\0" or "\1\1")
  conn.step = "request"
end

local addresses = { [IPV4] = "c4", [NAME] = "s1", [IPV6] = "c16" }

function steps.request(conn)
  local kind = conn.input:byte(4)
  if not kind then return end
  local _, command, _, _, host, port = take(conn, ">BBBB" .. addresses[kind] .. "I2")
  if not command then return end
  local asked = { kind = kind, host = host, port = port }
  table.insert(conn.proxy.requests, asked)
  conn.target = assert(socket.connect("127.0.0.1", port))
  conn.target:settimeout(0)
  conn.client:send(GRANTED)
  conn.step = "relay"
end

-- Passes what has come from one side to the other; returns false at its end.
local function pass(from, to, first)
  local all, why, partial = from:receive(65536)
  local bytes = first .. (all or partial or "")
  if bytes ~= "" then to:send(bytes) end -- so few bytes fit into any socket's buffer
  return why ~= "closed"
end

function steps.relay(conn)
  local first = conn.input
  conn.input = ""
  if pass(conn.client, conn.target, first) and pass(conn.target, conn.client, "") then return end
  conn:close()
end

local connection = {}
connection.__index = connection

function connection:close()
  self.closed = true
  self.client:close()
  if self.target then self.target:close() end
end

local function turn_one(conn)
  if conn.step ~= "relay" then
    local all, why, partial = conn.client:receive(65536)
    conn.input = conn.input .. (all or partial or "")
    if why == "closed" then return conn:close() end
  end
  steps[conn.step](conn)
end

local function turn(proxy)
  local client = proxy.listener:accept()
  if client then
    client:settimeout(0)
    table.insert(proxy.connections, setmetatable({
      client = client, proxy = proxy, input = "", step = "greeting",
    }, connection))
  end
  for _, conn in ipairs(proxy.connections) do
    if not conn.closed then turn_one(conn) end
  end
end

--- Starts a proxy on a free port.
-- @tparam[opt] string user if given, the proxy demands this user and password
-- @tparam[opt] string password
-- @return the proxy: port, requests (each kind, host, port), stop()
function socks.start(user, password)
  local listener = assert(socket.bind("127.0.0.1", 0))
  listener:settimeout(0)
  local _, port = listener:getsockname()
  local proxy = {
    listener = listener, port = tonumber(port), user = user, password = password,
    connections = {}, requests = {},
  }
  proxy.timer = core.every(1, function() turn(proxy) end)
  function proxy.stop()
    proxy.timer:stop()
    listener:close()
    for _, conn in ipairs(proxy.connections) do conn:close() end
  end
  return proxy
end

return socks
