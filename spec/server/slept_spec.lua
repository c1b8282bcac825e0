-- A server that was stopped (SIGSTOP, a laptop's lid) past its deadlines: what its clients have
-- sent meanwhile counts, and they get the time to answer what the server sends only now.
local core = require "sse.core"
local child = require "spec.support.child"
local certs = require "spec.support.certs"
local frames = require "spec.support.frames"
local net = require "spec.support.net"
local raw = require "spec.support.raw"
local relay = require "spec.support.relay"
local task = require "sse.task"
local sse = require "sse"
local wait = require "spec.support.wait"

local LIMIT = 1000 * tonumber(os.getenv "SSE_TEST_PATIENCE" or 1) -- ms: each deadline
local SIZE = 20000000 -- more than the sockets between two processes hold

local identity = certs.server()

-- Prints its ports, then again and again how many connections it has and has received how much.
local SERVER = ([[
require "sse.task" -- core.every runs tasks
local core = require "sse.core"
local net = require "spec.support.net"
local limit = %d
local function start(tls)
  local server = core.server {
    tls = tls, head_timeout = limit, body_timeout = limit, idle_timeout = limit,
    write_timeout = limit, max_pending = 1e9, max_pending_total = 1e9,
    on_request = function(x)
      if x.target == "/large" then return x:reply(200, {}, ("x"):rep(%d)) end
      x:reply(200, {}, "got " .. #(x.body or ""))
    end,
  }
  assert(server:listen())
  return server
end
io.stdout:setvbuf "no"
local plain, tls = start(), start { identities = { { cert = %q, key = %q } } }
print("ports", plain.port, tls.port)
local before
core.every(5, function()
  local a, b = net.stats(plain), net.stats(tls)
  local connections = a.connections.open + b.connections.open
  local now = ("has %%d %%d"):format(connections, a.traffic.received_bytes)
  if now ~= before then print(now) end
  before = now
end)
core.run()
]]):format(LIMIT, SIZE, identity.cert, identity.key)

-- What clients have begun before the server is stopped, by name: `sent`, the bytes that the server
-- is to have read by then; `meanwhile`, what the client does then; `finish`, what it checks after.
local clients = {}

function clients.head(port)
  local client = raw.connect(port)
  local head = net.head "GET /"
  client:send(head:sub(1, 20))
  return {
    sent = 20,
    meanwhile = function() client:send(head:sub(21)) end,
    finish = function() assert.equal("got 0", client:response().body) end,
  }
end

function clients.body(port)
  local client = raw.connect(port)
  local head = net.head("POST /", "Content-Length: 300000\r\n")
  client:send(head .. "x")
  return {
    sent = #head + 1,
    meanwhile = function() client:send(("x"):rep(200000)) end,
    finish = function()
      client:send(("x"):rep(99999)) -- within the time of grace
      assert.equal("got 300000", client:response().body)
    end,
  }
end

function clients.idle(port)
  local client = raw.connect(port)
  client:send(net.head "GET /")
  client:response()
  return {
    sent = #net.head "GET /",
    meanwhile = function() client:send(net.head "GET /") end,
    finish = function() assert.equal("got 0", client:response().body) end,
  }
end

function clients.response(port)
  local client = raw.connect(port)
  client:send(net.head "GET /large")
  client:head()
  local got = #client.buffer
  client.buffer = ""
  return {
    sent = #net.head "GET /large",
    meanwhile = function()
      client:take()
      got, client.buffer = got + #client.buffer, ""
    end,
    finish = function()
      assert.equal(SIZE - got, #client:receive_bytes(SIZE - got))
    end,
  }
end

function clients.window(port)
  local client = frames.open(raw.connect(port), frames.setting(4, 0))
  client:get(1, "GET /")
  client:receive("HEADERS", 1)
  return {
    sent = 24,
    meanwhile = function() client:send("WINDOW_UPDATE", 0, 1, frames.u32(100)) end,
    finish = function() assert.same({ "got 0" }, { client:body(1) }) end,
  }
end

function clients.http2_body(port)
  local client = frames.open(raw.connect(port))
  client:get(1, "POST /", nil, true)
  client:send("DATA", 0, 1, "x")
  return {
    sent = 24,
    meanwhile = function() client:send("DATA", frames.END_STREAM, 1, "y") end,
    finish = function() assert.same({ "got 2" }, { client:body(1) }) end,
  }
end

-- The handshake's first bytes wait in the socket; its last ones come only after an answer.
function clients.handshake(_, tls_port)
  local between = relay.start(tls_port)
  local got
  task.spawn(function()
    local url = ("https://127.0.0.1:%d/"):format(between.port)
    local res, message = sse.fetch(url, { tls = certs.client() })
    got = res and res:text() or message
  end)
  wait.till(function()
    local pair = between.pairs[1]
    if pair then pair.up.blocked = true end
    return pair
  end, "the connection")
  return {
    sent = 0,
    meanwhile = function()
      wait.till(function() return #between.pairs[1].up.held > 0 end, "the client's hello")
      between.pairs[1].up.blocked = false
    end,
    finish = function()
      wait.till(function() return got end, "the response")
      between:close()
      assert.equal("got 0", got)
    end,
  }
end

describe("a server that slept", function()
  local begun

  -- Begins all clients with a server of their own. Returns the server once it has read what they
  -- have sent; nil where that took so long that the first deadlines may be over.
  local function begin_all()
    local server = child.script(SERVER)
    local port, tls_port = server:till "ports\t(%d+)\t(%d+)"
    local sent, count, since = 0, 0, core.now()
    begun = {}
    for name, begin in pairs(clients) do
      begun[name] = begin(tonumber(port), tonumber(tls_port))
      sent, count = sent + begun[name].sent, count + 1
    end
    local function is_late() return core.now() - since >= LIMIT * 0.8 end
    wait.till(function()
      local connections, bytes = server:output():match ".*has (%d+) (%d+)\n"
      return tonumber(connections) == count and tonumber(bytes) >= sent or is_late()
    end, "the server to read")
    return not is_late() and server or nil
  end

  setup(function()
    local server
    for _ = 1, 10 do
      server = begin_all()
      if server then break end
    end
    assert(server, "this machine is too busy")
    server:sleep(LIMIT + 300, function()
      for _, client in pairs(begun) do client.meanwhile() end
    end)
  end)

  teardown(child.stop)

  local function continues(name, what)
    it(what, function() begun[name].finish() end)
  end

  continues("handshake", "goes on with a TLS handshake")
  continues("body", "takes a body whose rest came meanwhile, and what the client still had to send")
  continues("head", "takes a head whose rest came meanwhile")
  continues("idle", "takes the next request on an idle connection")
  continues("response", "goes on with a response that the client took meanwhile")
  continues("window", "goes on with an HTTP/2 stream whose window was opened meanwhile")
  continues("http2_body", "takes an HTTP/2 body whose rest came meanwhile")

  it("finishes responses past the end of a shutdown", function()
    local server = child.script(([[
      local sse = require "sse"
      local server = sse.server { port = 0 }
      server:get("/large", function(_, res) res:reply(200, ("x"):rep(%d)) end)
      assert(server:listen())
      io.stdout:setvbuf "no"
      sse.signal("TERM", function()
        print "shutting down"
        server:shutdown { within = 0, grace = %d }
      end)
      print("port", server.port)
      sse.run()
    ]]):format(SIZE, LIMIT))
    local client = raw.connect(tonumber((server:till "port\t(%d+)")))
    client:send(net.head "GET /large")
    client:head()
    server:kill "TERM"
    server:till "shutting down"
    server:sleep(LIMIT + 300, function() end)
    assert.equal(SIZE, #client:receive_bytes(SIZE))
    client:close()
    assert.equal(0, server:wait())
  end)
end)
