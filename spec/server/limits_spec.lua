-- Deadlines and limits of the core's server, set to small values so that tests need not wait.
local core = require "sse.core"
local following = require "spec.support.following"
local keep = require "spec.support.kept"
local net = require "spec.support.net"
local raw = require "spec.support.raw"
local wait = require "spec.support.wait"

local function ok(exchange) net.reply(exchange, "ok") end

local GET = net.head "GET /"

-- Sends a byte every few ms until the server has responded.
local function trickle(client)
  local _timer <close> = core.every(5, function() client.socket:send("x") end)
  return client:response()
end

describe("server limits", function()
  after_each(net.stop)

  describe("deadlines", function()
    it("close connections without a request, before the first and between two", function()
      net.start(ok, { idle_timeout = 40 })
      assert.equal("", net.connect():receive_all())
      local client = net.connect(GET)
      assert.equal("ok", client:response().body)
      assert.equal("", client:receive_all())
    end)

    it("end a body that comes byte by byte", function()
      net.start(ok, { body_timeout = 60, head_timeout = 100000 })
      local client = net.connect(net.head("POST /", "Content-Length: 100000\r\n"))
      assert.equal(408, trickle(client).status)
    end)

    it("end a chunk extension that comes byte by byte", function()
      net.start(ok, { body_timeout = 60 })
      local client = net.connect(net.head("POST /", "Transfer-Encoding: chunked\r\n") .. "1;a=")
      assert.equal(408, trickle(client).status)
    end)

    for name, first in pairs { ["a request"] = GET, ["an empty line"] = "\r\n" } do
      it("end a head that comes byte by byte behind " .. name, function()
        net.start(ok, { head_timeout = 60, idle_timeout = 100000 })
        local client = net.connect(first .. "GET / HTTP/1.1\r\nX: ")
        if first == GET then assert.equal("ok", client:response().body) end
        assert.equal(408, trickle(client).status)
      end)
    end

    it("end a body that does not come after 100 Continue", function()
      net.start(ok, { body_timeout = 60, idle_timeout = 100000 })
      local client = net.connect(net.head("POST /",
        "Expect: 100-continue\r\nContent-Length: 4\r\n"))
      client:receive_until("\r\n\r\n")
      assert.equal(408, client:response().status)
    end)

    it("do not count while a request is being answered", function()
      local exchange
      net.start(function(x) exchange = x end,
        { head_timeout = 20, body_timeout = 20, idle_timeout = 20 })
      local client = net.connect(GET)
      raw.pump(function() return exchange end, "the request")
      wait.past(80)
      net.reply(exchange, "late")
      assert.equal("late", client:response().body)
    end)

    it("end the wait for a response of a client that sends no more, as one that left", function()
      local reason, exchange
      net.start(function(x)
        exchange = x
        x.on_close = function(why) reason = why end
      end, { idle_timeout = 40 })
      local client = net.connect(GET)
      client:shut()
      raw.pump(function() return reason end, "the end")
      assert.equal("client", reason)
      assert.equal("closed", exchange.state)
    end)

    it("find a client that reset behind its last byte, though nothing is written", function()
      local reason
      net.start(function(x)
        x.on_close = function(why) reason = why end
        core.after(20, function() x:start(200, {}) end)
      end, { idle_timeout = 60 })
      local client = net.connect(GET)
      client:shut()
      client:head()
      client:reset()
      raw.pump(function() return reason end, "the end")
      assert.equal("client", reason)
    end)

    it("far in the future are none", function()
      local far = 2 ^ 50
      net.start(ok, { head_timeout = far, body_timeout = far, idle_timeout = far,
        write_timeout = far, heartbeat = far })
      local client = net.connect(GET:sub(1, 5))
      wait.past(30)
      client:send(GET:sub(6))
      assert.equal("ok", client:response().body)
    end)

    it("end a stream whose client takes nothing, as a timeout", function()
      local reason
      net.start(function(exchange)
        local stream = keep(exchange:event_stream { max_pending = 20000 })
        stream.on_close = function(why) reason = why end
        while stream:send(("x"):rep(9000)) do end
        assert(stream.pending > 0)
      end, { write_timeout = 300 })
      net.connect(GET)
      raw.pump(function() return reason end, "the end of the stream")
      assert.equal("timeout", reason)
    end)

    it("end a whole response that nobody takes", function()
      net.start(function(exchange) net.reply(exchange, ("x"):rep(20000000)) end,
        { write_timeout = 60 })
      local client = net.connect(GET)
      net.connections(1)
      net.connections(0)
      assert.is_true(#client:receive_all() < 20000000)
    end)

    it("leave a slow client alone while it takes something", function()
      local size, limit = 1000000, 500
      local server = net.start(function(exchange) net.reply(exchange, ("x"):rep(size)) end,
        { write_timeout = limit })
      following.shrink_buffers(server.port) -- each read makes room for a write
      local client = net.connect(GET, 4096)
      client:head()
      local began, got = core.now(), #client.buffer
      client.buffer = ""
      while core.now() - began < 2 * limit do
        wait.past(20)
        local bytes, _, part = client.socket:receive(20000)
        got = got + #(bytes or part)
      end
      assert.equal(size - got, #client:receive_bytes(size - got))
    end)

    it("end the wait for a refused client to leave", function()
      net.start(ok)
      local client = net.connect("BAD\r\n\r\n")
      assert.equal(400, client:response().status)
      net.connections(0) -- the server closes it, though the client doesn't
    end)
  end)

  describe("connections", function()
    local function refused(client)
      local got = client:response()
      assert.equal(503, got.status)
      local after = tonumber(got.headers["retry-after"])
      assert.is_true(after >= 1 and after <= 10)
      assert.equal("close", got.headers.connection)
      client:receive_all()
      client:close()
    end

    local function served(client)
      client:send(GET)
      assert.equal("ok", client:response().body)
    end

    it("are limited in total, and the next is served when one has left", function()
      local server = net.start(ok, { max_connections = 2 })
      local a, b = net.connect(), net.connect()
      served(a)
      served(b)
      for _ = 1, 3 do refused(net.connect(GET)) end
      a:close()
      net.connections(1)
      served(net.connect())
      local stats = net.stats(server)
      assert.equal(3, stats.connections.refused)
      assert.equal(3, stats.connections.accepted)
    end)

    it("are refused by the hundred without a leak", function()
      local server = net.start(ok, { max_connections = 1 })
      local first = net.connect()
      served(first)
      local many = {}
      for i = 1, 300 do many[i] = net.connect() end
      raw.pump(function() return net.stats(server).connections.refused == 300 end, "300 refusals")
      for _, client in ipairs(many) do client:close() end
      net.connections(1)
      served(first)
    end)

    it("are limited by address", function()
      net.start(ok, { max_connections_per_address = 2 })
      local a, b = net.connect(), net.connect()
      served(a)
      served(b)
      refused(net.connect(GET))
      local elsewhere = net.connect_from "127.0.0.2"
      if elsewhere then served(elsewhere) end -- not every system has that address
      b:reset()
      net.connections(elsewhere and 2 or 1)
      served(net.connect())
    end)

    it("that find no descriptor wait for one, without a busy loop", function()
      local status, output = net.child([[
        local core = require "sse.core"
        local raw = require "spec.support.raw"
        local socket = require "socket"
        local server = core.server { on_request = function(x) x:reply(200, {}, "ok") end }
        assert(server:listen())
        local clients = {}
        -- The kernel completes the connections; the server does not accept the last ones.
        while true do
          local s = socket.tcp4()
          if not s or not s:connect("127.0.0.1", server.port) then break end
          s:settimeout(0)
          clients[#clients + 1] = setmetatable({ socket = s, buffer = "" }, raw)
        end
        for _ = 1, 4 do table.remove(clients).socket:close() end
        local over, turns = false, 0
        core.after(250, function() over = true end)
        while not over do core.turn() turns = turns + 1 end
        local accepted = server:numbers().connections_accepted
        assert(accepted < #clients, "the limit was not met")
        assert(turns < 50, turns .. " turns in 250 ms")
        local last = clients[#clients]
        for i = 1, #clients // 2 do clients[i]:close() end
        last:send "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        assert(last:response().body == "ok")
        local pauses = server:numbers().connections_accept_pauses
        io.write("served ", pauses > 0 and "after a pause" or "at once")
      ]], "ulimit -n 48;")
      assert.equal("served after a pause", output)
      assert.equal(0, status)
    end)
  end)
end)
