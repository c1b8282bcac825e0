-- Finalizers that act on the object of a call that is running: at each collection within the call
-- in turn.
local certs = require "spec.support.certs"
local core = require "sse.core"
local net = require "spec.support.net"
local raw = require "spec.support.raw"
local socket = require "socket"
local sse = require "sse"
local trap = require "spec.support.trap"

describe("a finalizer, while a parser delivers,", function()
  local LONG = 300000 -- the heap gives up an id of this size as soon as it is freed

  local function long(text) return text .. ("x"):rep(LONG) end

  -- Each event must come with its own data and type, whatever a finalizer does to the parser.
  local function deliver(act)
    local tried = trap.each(function()
      local seen = {}
      local parser = sse.parser { on_event = function(data, kind)
        if data ~= "late" then table.insert(seen, data .. " " .. kind) end
      end }
      local bytes = {}
      for i = 1, 3 do
        bytes[i] = ("id: i%d %s\nevent: kind%d\ndata: %s\n\n"):format(i, long "", i, "data" .. i)
      end
      bytes = table.concat(bytes)
      return function() parser:feed(bytes) end, function() act(parser) end, function()
        for i, event in ipairs(seen) do
          assert.equal(("data%d kind%d"):format(i, i), event)
        end
      end
    end)
    assert.is_true(tried >= 3)
  end

  it("sets the last event id", function()
    deliver(function(parser) parser.last_event_id = long "other" end)
  end)

  it("resets it", function() deliver(function(parser) parser:reset() end) end)

  it("stops it", function() deliver(function(parser) parser:stop() end) end)

  it("feeds it", function() deliver(function(parser) parser:feed "data: late\n\n" end) end)
end)

describe("a finalizer, while a transfer calls back,", function()
  -- A transfer whose whole response has arrived, and only the loop has to read it.
  local function transfer(response, told)
    local listener = assert(socket.bind("127.0.0.1", 0))
    local _, port = listener:getsockname()
    local object = core.transfer {
      url = ("http://127.0.0.1:%d/"):format(port),
      on_head = function(status) table.insert(told, status) end,
      on_data = function(bytes) table.insert(told, bytes) end,
      on_done = function(_, code) table.insert(told, code or "done") end,
    }
    listener:settimeout(0)
    local peer
    raw.pump(function()
      peer = peer or listener:accept()
      if not peer then return false end
      peer:settimeout(0)
      return (peer:receive "*l")
    end, "the request")
    listener:close()
    peer:send(response)
    peer:close()
    return object
  end

  local function act_at_each(response, act)
    local tried = trap.each(function()
      core.forget_connections()
      local told, acted_at = {}, nil
      local object = transfer(response, told)
      local over = false
      local timer = core.after(2000, function() over = true end)
      return function()
        while not object.done and not over do core.turn() end
      end, function()
        acted_at = #told
        act(object)
      end, function()
        timer:stop()
        assert.is_false(over)
        if acted_at then assert.equal(acted_at, #told) end -- nothing was told after it
      end
    end)
    assert.is_true(tried >= 3)
  end

  it("cancels it", function()
    act_at_each("HTTP/1.1 200 OK\r\nX-A: aaaaaaaaaaaaaaa\r\nX-B: bbbbbbbbbbbbbbbb\r\n" ..
      "Content-Length: 50\r\n\r\n" .. ("x"):rep(50), function(object) object:cancel() end)
  end)

  it("cancels one that fails", function()
    act_at_each("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n",
      function(object) object:cancel() end)
  end)

  it("cancels one whose TLS is asked for", function()
    trap.each(function()
      local server = sse.server { port = 0, tls = certs.server() }
      local kept -- a stream that nothing refers to is ended by the collector
      server:get("/", function(_, res) kept = res:event_stream() end)
      assert(server:listen())
      local head
      local object = core.transfer {
        url = ("https://127.0.0.1:%d/"):format(server.port), insecure = true,
        on_head = function(status) head = status end,
      }
      raw.pump(function() return head end, "the head")
      local tls
      return function() tls = object.tls end, function() object:cancel() end, function()
        assert.is_string(tls.version)
        object:cancel()
        assert.is_truthy(kept)
        server:close()
        core.forget_connections()
      end
    end)
  end)
end)

describe("a finalizer, while a request is handed over,", function()
  after_each(net.stop)

  it("closes the server", function()
    trap.each(function()
      net.stop()
      local state
      local server = net.start(function(x)
        state = x.state
        x:reply(200, {}, "fine")
      end)
      local client = net.connect(net.head "GET /")
      local over = false
      local timer = core.after(2000, function() over = true end)
      return function()
        while not state and server.active and not over do core.turn() end
      end, function() server:close() end, function()
        timer:stop()
        assert.is_false(over)
        client:take()
      end
    end)
  end)

  local TYPES, BODY = "text/x; filler=aaaaaaaaaaaaaa", ("b"):rep(1000)

  -- Reads an exchange while a finalizer answers or aborts it. Without busted's assertions: each
  -- object that they make would be one more collection to try.
  for name, read in pairs {
    headers = function(x) if x:headers()["accept"] ~= TYPES then error "headers" end end,
    request = function(x)
      local method, target, body = x:request()
      if method ~= "POST" or target ~= "/target" then error(method .. target) end
      if body ~= "" and body ~= BODY then error(body) end -- the body is freed with the response
    end,
    header = function(x) if x:header "accept" ~= TYPES then error "header" end end,
    reply = function(x) pcall(x.reply, x, 200, { "X-A", "b" }, ("y"):rep(50)) end,
    event_stream = function(x) pcall(x.event_stream, x, { headers = { "X-A", "b" } }) end,
  } do
    for how, act in pairs {
      ["answers it"] = function(x) x:reply(200, {}, "now") end,
      ["makes a stream of it"] = function(x) x:event_stream():close() end,
      ["gives it up"] = function(x) x:abort() end,
    } do
      it(("and its %s read, %s"):format(name, how), function()
        trap.each(function()
          net.stop()
          local exchange
          net.start(function(x) exchange = x end)
          local client = net.connect(net.head("POST /target",
            "Accept: " .. TYPES .. "\r\nContent-Length: 1000\r\n") .. BODY)
          raw.pump(function() return exchange end, "the request")
          return function() read(exchange) end, function() act(exchange) end, function()
            if exchange.state == "open" then exchange:abort() end
            client:close()
          end
        end)
      end)
    end
  end
end)
