--- A client that sends the bytes that a spec gives it and returns those that come back: LuaSocket,
-- in this process, while the loop is pumped. Every wait fails past a limit.
local core = require "sse.core"
local socket = require "socket"

local raw = {}
raw.__index = raw

local patience = tonumber(os.getenv("SSE_TEST_PATIENCE") or "") or 1
local LIMIT_MS = 15000

--- Pumps the loop until fn() is true and returns its value; calls fn every millisecond.
function raw.pump(fn, what, limit_ms)
  local late = false
  limit_ms = (limit_ms or LIMIT_MS) * patience
  local _limit <close> = core.after(limit_ms, function() late = true end)
  local _tick <close> = core.every(1, function() end)
  while true do
    local value = fn()
    if value then return value end
    if late then error(("waited %d ms for %s"):format(limit_ms, what), 0) end
    core.turn()
  end
end

--- Connects; the kernel completes the connection without the loop.
-- @tparam int port
-- @tparam[opt] int window bytes of its receive buffer: a small one fills quickly
function raw.connect(port, window)
  local s = assert(socket.tcp4())
  if window then assert(s:setoption("recv-buffer-size", window)) end
  s:settimeout(2)
  assert(s:connect("127.0.0.1", port))
  s:setoption("tcp-nodelay", true)
  s:settimeout(0)
  return setmetatable({ socket = s, buffer = "", eof = nil }, raw)
end

--- Turns LF into CRLF.
function raw.crlf(text)
  return (text:gsub("\r?\n", "\r\n"))
end

--- Sends all bytes, pumping the loop while the socket is full. Returns false if the server has
-- closed.
function raw:send(bytes)
  local at = 0
  return raw.pump(function()
    local last, err, partial = self.socket:send(bytes, at + 1)
    at = last or partial
    if err and err ~= "timeout" then self.broken = err end
    return at == #bytes or self.broken
  end, "the socket to take the bytes") == true
end

-- The bytes that have arrived, as a list of pieces.
local function arrived(self)
  local pieces = {}
  while not self.eof and #pieces < 100 do
    local bytes, err, partial = self.socket:receive(65536)
    pieces[#pieces + 1] = bytes or partial
    if err == "timeout" then break end
    self.eof = err
  end
  return pieces
end

--- Adds what has arrived to the buffer.
function raw:take()
  local bytes = table.concat(arrived(self))
  if bytes ~= "" then self.buffer = self.buffer .. bytes end
end

--- Pumps the loop until the pattern is found in the buffer; removes and returns the bytes up to its
-- end.
function raw:receive_until(pattern, limit_ms)
  local stop
  local ok, err = pcall(raw.pump, function()
    self:take()
    stop = select(2, self.buffer:find(pattern))
    return stop or self.eof
  end, ("'%s'"):format(pattern), limit_ms)
  if not ok then error(("%s; there is %q"):format(err, self.buffer:sub(1, 500)), 2) end
  if not stop then error(("closed before '%s': %q"):format(pattern, self.buffer:sub(1, 500)), 2) end
  local got = self.buffer:sub(1, stop)
  self.buffer = self.buffer:sub(stop + 1)
  return got
end

--- Pumps the loop until the server closes; returns the rest.
function raw:receive_all(limit_ms)
  raw.pump(function()
    self:take()
    return self.eof
  end, "the server to close", limit_ms)
  local got = self.buffer
  self.buffer = ""
  return got
end

--- Pumps the loop until n bytes came; removes and returns them.
function raw:receive_bytes(n)
  local pieces, len = { self.buffer }, #self.buffer
  raw.pump(function()
    local more = table.concat(arrived(self))
    pieces[#pieces + 1], len = more, len + #more
    return len >= n or self.eof
  end, n .. " bytes")
  local all = table.concat(pieces)
  self.buffer = all:sub(n + 1)
  return all:sub(1, n)
end

local function read_chunks(self)
  local pieces = {}
  while true do
    local size = tonumber(self:receive_until("\r\n"):match("^(%x+)\r\n$"), 16)
    assert(size, "no chunk size")
    pieces[#pieces + 1] = self:receive_bytes(size)
    assert(self:receive_bytes(2) == "\r\n", "no line end behind a chunk")
    if size == 0 then return table.concat(pieces) end
  end
end

local function read_body(self, response, is_head)
  local status, fields = response.status, response.headers
  if is_head or status < 200 or status == 204 or status == 304 then return "" end
  if fields["transfer-encoding"] == "chunked" then return read_chunks(self) end
  if fields["content-length"] then return self:receive_bytes(tonumber(fields["content-length"])) end
  return self:receive_all()
end

--- Pumps the loop until a response's head came: version, status, reason, headers (lower-case names;
-- values of repeated ones joined).
function raw:head()
  local text = self:receive_until("\r\n\r\n")
  local response = { headers = {}, text = text }
  local version, status, reason, rest = text:match("^(HTTP/1%.%d) (%d%d%d) ([^\r\n]*)\r\n(.*)$")
  assert(version, "not a response: " .. text)
  response.version, response.status, response.reason = version, tonumber(status), reason
  for field, value in rest:gmatch("([^:\r\n]+):[ \t]*([^\r\n]*)\r\n") do
    local name = field:lower()
    local before = response.headers[name]
    response.headers[name] = before and before .. ", " .. value or value
  end
  return response
end

--- Pumps the loop until a whole response came.
-- @tparam[opt] boolean is_head it is for HEAD, and has no body
function raw:response(is_head)
  local response = self:head()
  response.body = read_body(self, response, is_head)
  return response
end

--- Sends a request and returns the response.
-- @tparam string line "GET /path"
-- @tparam[opt] table fields
-- @tparam[opt] string body
function raw:request(line, fields, body)
  local lines = { line .. " HTTP/1.1\r\nHost: localhost\r\n" }
  for name, value in pairs(fields or {}) do lines[#lines + 1] = ("%s: %s\r\n"):format(name,
    value) end
  if body then lines[#lines + 1] = ("Content-Length: %d\r\n"):format(#body) end
  assert(self:send(table.concat(lines) .. "\r\n" .. (body or "")))
  return self:response(line:match("^HEAD ") ~= nil)
end

--- Shuts down the sending side.
function raw:shut()
  self.socket:shutdown("send")
end

--- Closes with a reset.
function raw:reset()
  self.socket:setoption("linger", { on = true, timeout = 0 })
  self:close()
end

function raw:close()
  self.socket:close()
end

return raw
