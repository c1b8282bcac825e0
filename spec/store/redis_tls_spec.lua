-- sse.redis over TLS, which hiredis has since 1.0, in a library of its own.
local certs = require "spec.support.certs"
local core = require "sse.core"
local handles = require "sse.redis.core"
local misuse = require "spec.support.misuse"
local ports = require "spec.support.ports"
local redis = require "spec.support.redis"
local redis_stores = require "spec.support.redis_stores"
local socket = require "socket"
local sse = require "sse"
local stores = require "spec.support.stores"
local wait = require "spec.support.wait"

local NONE = "this build has no TLS: it was made with hiredis 0.14, without libhiredis_ssl"

describe("sse.redis over TLS", function()
  after_each(function()
    redis_stores.stop()
    redis.stop()
  end)

  if not handles.has_tls then
    it("is refused where hiredis has none, with the reason", function()
      misuse.blames("option 'tls': " .. NONE, function() sse.redis "rediss://a" end)
      misuse.blames("option 'tls': " .. NONE, function() sse.redis { tls = { ca = "a" } } end)
    end)
    return pending "the rest needs hiredis 1.0 with libhiredis_ssl"
  end

  -- Calls fn(handle, result) after each call of a connection's method, till the test's end.
  local function after(name, fn)
    local methods = getmetatable(assert(handles.tcp("127.0.0.1", "1"))).__index
    local right = methods[name]
    methods[name] = function(handle, ...)
      local results = table.pack(right(handle, ...))
      fn(handle, results[1])
      return table.unpack(results, 1, results.n)
    end
    finally(function() methods[name] = right end)
  end

  -- The options of a store on a new server.
  local function start()
    certs.authority "ca"
    certs.sign("redis", "DNS:localhost")
    local port = ports.free()
    redis.start(("--tls-port %d --tls-cert-file %s --tls-key-file %s --tls-ca-cert-file %s "
      .. "--tls-auth-clients no"):format(port, certs.path "redis.pem", certs.path "redis.key",
      certs.path "ca.pem"))
    return { host = "localhost", port = port, tls = { ca = certs.path "ca.pem" } }
  end

  it("checks whose certificate it is", function()
    local port = start().port
    local function publish(host, tls)
      local store = redis_stores.open(("rediss://%s:%d"):format(host, port), { tls = tls })
      return redis_stores.channel(store):publish(("x"):rep(100000))
    end
    assert(publish("localhost", { ca = certs.path "ca.pem" }))
    assert(publish("localhost", { verify = false }))
    assert.truthy(select(2, publish("localhost")):find "self.signed certificate")
    assert.truthy(select(2, publish("127.0.0.1", { ca = certs.path "ca.pem" })):find "mismatch")
  end)

  it("reads no more at once than without", function()
    local store = redis_stores.open(start())
    local log, got = store:open("a", { history = 1000, history_bytes = 64 << 20 }), 0
    for i = 1, 20 do assert(stores.append(log, ("x"):rep(200000 + i))) end
    local most, received = 0, {}
    after("read", function(handle)
      local _, now = handle:numbers()
      most = math.max(most, now - (received[handle] or now))
      received[handle] = now
    end)
    for _ = 1, 40 do log:read(10, 10, function() got = got + 1 end) end
    wait.till(function() return got == 40 end, "the reads")
    assert.truthy(most > 0 and most <= 5 * 16384, most)
  end)

  it("waits for a server that does not shake hands without work", function()
    local listener <close> = setmetatable({ assert(socket.bind("127.0.0.1", 0)) },
      { __close = function(self) self[1]:close() end })
    local port, writes = select(2, listener[1]:getsockname()), 0
    after("write", function() writes = writes + 1 end)
    local store = redis_stores.open { port = math.tointeger(port), tls = true,
      connect_timeout = 300 }
    local turns = core.every(5, function() end)
    local _, message = stores.append(store:open("a", { history = 1 }), "x")
    turns:stop()
    assert.truthy(message:find "no connection within 300 ms", message)
    assert.truthy(writes > 0 and writes <= 8, writes)
  end)
end)
