--- Raw clients of the chaos test, over bare sockets: they do what the seed says, allowed or not,
-- and never wait.
local frames = require "spec.support.frames"
local socket = require "socket"

local client = {}
client.__index = client

local PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
local PATHS = {
  "/follow/a", "/follow/b", "/follow/ab", "/follow/abc", "/follow/ca", "/act", "/late", "/hold",
  "/write", "/nothing", "/files/reference.md", "/witness/a", "/none",
}
local WINDOWS = { 0, 0, 1, 100, 65535, 2 ^ 31 - 1 | 0 }

-- --- HTTP/1.x -----------------------------------------------------------------------------------

local function http1_request(rnd)
  local method, body = rnd:pick { "GET", "GET", "POST", "HEAD", "DELETE" }, ""
  local lines = { ("%s %s HTTP/1.%d"):format(method, rnd:pick(PATHS), rnd:pick { 0, 1, 1, 1 }),
    "Host: a" }
  if rnd:one_in(3) then lines[#lines + 1] = "Accept-Encoding: gzip" end
  if rnd:one_in(4) then lines[#lines + 1] = "Last-Event-ID: " .. rnd:bytes(rnd:upto(8)) end
  if rnd:one_in(8) then lines[#lines + 1] = "Expect: 100-continue" end
  if rnd:one_in(8) then lines[#lines + 1] = "Connection: close" end
  if method == "POST" then
    body = ("b"):rep(rnd:upto(20))
    local length = #body + (rnd:one_in(4) and rnd:upto(10) - 5 or 0)
    lines[#lines + 1] = rnd:one_in(4) and "Transfer-Encoding: chunked"
      or "Content-Length: " .. length
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. body
end

local http1 = {}
function http1.request(self) self:put(http1_request(self.rnd)) end

function http1.pipeline(self)
  for _ = 1, self.rnd:upto(20) do self:put(http1_request(self.rnd)) end
end

function http1.part(self)
  local text = http1_request(self.rnd)
  self:put(text:sub(1, self.rnd:upto(#text)))
end

function http1.chunks(self)
  self:put(("%x\r\n%s\r\n"):format(self.rnd:upto(9), ("c"):rep(self.rnd:upto(9))))
  if self.rnd:one_in(2) then self:put "0\r\n\r\n" end
end

function http1.garbage(self) self:put(self.rnd:bytes(self.rnd:upto(40))) end
function http1.large_head(self) self:put("X: " .. ("x"):rep(5000) .. "\r\n") end

-- --- HTTP/2 -------------------------------------------------------------------------------------

local http2 = {}

local function any_stream(self) return self.rnd:upto(math.max(self.next_id, 3)) - 1 end

function http2.request(self)
  local rnd, more = self.rnd, {}
  if rnd:one_in(3) then more = { "accept-encoding", "gzip" } end
  local method = rnd:pick { "GET ", "GET ", "POST " }
  local flags = frames.END_HEADERS | (rnd:one_in(3) and 0 or frames.END_STREAM)
  self:put(frames.encode("HEADERS", flags, self.next_id, frames.request(method .. rnd:pick(PATHS),
    more)))
  self.next_id = self.next_id + 2
end

function http2.data(self)
  self:put(frames.encode("DATA", self.rnd:upto(2) - 1, any_stream(self),
    ("d"):rep(self.rnd:upto(100))))
end

function http2.reset(self)
  self:put(frames.encode("RST_STREAM", 0, any_stream(self), frames.u32(self.rnd:upto(12))))
end

function http2.rapid_reset(self)
  for _ = 1, self.rnd:upto(30) do
    http2.request(self)
    self:put(frames.encode("RST_STREAM", 0, self.next_id - 2, frames.u32(8)))
  end
end

function http2.window(self)
  local more = self.rnd:pick { 0, 1, 100, 1 << 20, 2 ^ 31 - 1 | 0 }
  self:put(frames.encode("WINDOW_UPDATE", 0, self.rnd:one_in(2) and 0 or any_stream(self),
    frames.u32(more)))
end

function http2.settings(self)
  self:put(frames.encode("SETTINGS", 0, 0, frames.setting(self.rnd:upto(7),
    self.rnd:pick(WINDOWS))))
end

function http2.any(self)
  local rnd = self.rnd
  self:put(frames.encode(rnd:upto(12) - 1, rnd:upto(256) - 1,
    rnd:one_in(3) and 0 or any_stream(self), rnd:bytes(rnd:upto(12) - 1)))
end

function http2.ping(self)
  self:put(frames.encode("PING", 0, 0, "12345678"):rep(self.rnd:upto(30)))
end

function http2.goaway(self) self:put(frames.encode("GOAWAY", 0, 0, frames.u32(0):rep(2))) end

function http2.part(self)
  local frame = frames.encode("HEADERS", 5, self.next_id, frames.request "GET /follow/a")
  self:put(frame:sub(1, self.rnd:upto(#frame)))
end

-- --- TLS ----------------------------------------------------------------------------------------

local tls = {}

function tls.hello(self) self:put(self.hello) end
function tls.part(self) self:put(self.hello:sub(1, self.rnd:upto(#self.hello))) end
function tls.garbage(self) self:put(self.rnd:bytes(self.rnd:upto(40))) end
function tls.record(self) self:put("\23\3\3\0\16" .. self.rnd:bytes(16)) end
function tls.plain(self) self:put "GET / HTTP/1.1\r\nHost: a\r\n\r\n" end

function tls.spoiled(self)
  local at = self.rnd:upto(#self.hello)
  self:put(self.hello:sub(1, at - 1) .. self.rnd:bytes(1) .. self.hello:sub(at + 1))
end

-- --- all clients ---------------------------------------------------------------------------------

local kinds = { http1 = http1, http2 = http2, tls = tls }
local names = {}
for kind, list in pairs(kinds) do
  names[kind] = {}
  for name in pairs(list) do table.insert(names[kind], name) end
  table.sort(names[kind])
end

--- Adds bytes to those that the client sends.
function client:put(bytes) self.out = self.out .. bytes end

local function flush(self)
  local last, err, partial = self.socket:send(self.out)
  self.out = self.out:sub((last or partial or 0) + 1)
  if err and err ~= "timeout" then self.out = "" end
end

local function read(self)
  local _, err = self.socket:receive(self.rnd:pick { 1, 100, 65536 })
  if err == "closed" then self.over = true end
end

local function finish(self)
  if self.rnd:one_in(2) then self.socket:setoption("linger", { on = true, timeout = 0 }) end
  self.socket:close()
  self.over = true
end

--- Does the client's next step.
function client:step()
  local rnd = self.rnd
  local choice = rnd:upto(20)
  local mine = kinds[self.kind]
  if choice <= 5 and mine.request then mine.request(self)
  elseif choice <= 10 then mine[rnd:pick(names[self.kind])](self)
  elseif choice <= 15 and not self.deaf then read(self)
  elseif choice == 16 then self.socket:shutdown "send"
  elseif choice == 17 then finish(self)
  elseif choice == 18 then self.deaf = not self.deaf end
  if not self.over and not rnd:one_in(4) then flush(self) end
end

function client:close() self.socket:close() end

--- Connects; the kernel completes the connection.
-- @param world
-- @tparam string hello the first bytes of a TLS client
function client.connect(world, hello)
  local rnd = world.rnd
  local kind = rnd:pick { "http1", "http1", "http2", "http2", "http2", "tls" }
  local s = assert(socket.tcp4())
  if rnd:one_in(2) then s:setoption("recv-buffer-size", 2048) end
  s:settimeout(1)
  if not s:connect("127.0.0.1", kind == "tls" and world.secure_port or world.plain_port) then
    s:close()
    return nil
  end
  s:settimeout(0)
  local self = setmetatable({ rnd = rnd, socket = s, kind = kind, out = "", next_id = 1,
    hello = hello }, client)
  if kind == "http2" then
    self:put(PREFACE .. frames.encode("SETTINGS", 0, 0, frames.setting(4, rnd:pick(WINDOWS))))
  end
  return self
end

return client
