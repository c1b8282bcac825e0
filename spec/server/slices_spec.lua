-- Handlers, the ends of streams and what is told of responses leave what takes long to the next
-- turns of the loop.
local core = require "sse.core"
local frames = require "spec.support.frames"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local turns = require "spec.support.turns"

describe("server slices", function()
  before_each(turns.begin)
  after_each(turns.finish)
  after_each(serving.stop)

  local function connect(count, path)
    local clients = {}
    for i = 1, count do
      clients[i] = serving.connect()
      clients[i]:send(("GET %s HTTP/1.1\r\nHost: a\r\n\r\n"):format(path))
    end
    return clients
  end

  -- Starts a server of event streams, each with that on_close. Returns it, and the list of streams,
  -- which its route keeps.
  local function start(on_close)
    local streams = {}
    local server = serving.start(function(server)
      server:get("/", function(_, res)
        local stream = res:event_stream()
        streams[#streams + 1] = stream
        stream.on_close = on_close
      end)
    end)
    return server, streams
  end

  it("run one handler after the other, and timers between them", function()
    local seen, ticks = {}, 0
    serving.start(function(server)
      local note = turns.noted(seen)
      server:get("/", function(_, res)
        note()
        res:reply(200, "x")
      end)
    end)
    local clients = connect(8, "/")
    local timer = core.every(1, function() ticks = ticks + 1 end)
    raw.pump(function() return #seen == 8 end, "eight requests")
    timer:stop()
    for _, client in ipairs(clients) do assert.equal(200, client:head().status) end
    turns.check(seen, 8)
    assert.truthy(ticks >= 2, "the timer waited")
  end)

  -- Opens four streams whose on_close takes long, ends them by that function, and checks that each
  -- end has a turn.
  local function check_ends(finish)
    local seen = {}
    local server, streams = start(turns.noted(seen))
    local clients = connect(4, "/")
    for _, client in ipairs(clients) do client:head() end
    assert.equal(4, #streams)
    finish(clients, server)
    raw.pump(function() return #seen == 4 end, "four ends")
    turns.check(seen, 4)
    assert.equal(0, server:stats().streams.open)
  end

  it("end one stream after the other where clients leave at once", function()
    check_ends(function(clients)
      for _, client in ipairs(clients) do client:close() end
    end)
  end)

  it("see a client leave that sends bytes right before, and one that waits with them", function()
    local ends = {}
    local server = start(function(reason) ends[#ends + 1] = reason end)
    local clients = connect(3, "/")
    for _, client in ipairs(clients) do client:head() end
    for i, client in ipairs(clients) do
      client:send(("GET / HTTP/1.1\r\nHost: a\r\n\r\n"):rep(i == 2 and 3000 or 1))
      client:close()
    end
    raw.pump(function() return #ends == 3 end, "three ends")
    assert.same({ "client", "client", "client" }, ends)
    assert.equal(0, server:stats().streams.open)
  end)

  it("end one stream after the other at server:close()", function()
    check_ends(function(_, server) server:close() end)
  end)

  it("close many connections, and none that comes after server:close()", function()
    local ends = {}
    local server = start(function(reason) ends[#ends + 1] = reason end)
    local clients = connect(400, "/")
    raw.pump(function() return server:stats().streams.open == 400 end, "400 streams")
    server:close()
    assert(server:listen(server.port))
    local late = connect(1, "/")[1]
    assert.equal(200, late:head().status)
    raw.pump(function() return #ends == 400 end, "400 ends")
    assert.equal(1, server:stats().streams.open)
    for _, reason in ipairs(ends) do assert.equal("server", reason) end
    for _, client in ipairs(clients) do client:close() end
    late:close()
    raw.pump(function() return #ends == 401 end, "the last end")
    assert.equal("client", ends[401])
  end)

  -- Twenty requests at once, by protocol.
  local function http2_requests()
    local bytes = { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frames.encode("SETTINGS", 0, 0, "") }
    for id = 1, 39, 2 do
      local flags = frames.END_STREAM | frames.END_HEADERS
      bytes[#bytes + 1] = frames.encode("HEADERS", flags, id, frames.request "GET /")
    end
    return table.concat(bytes)
  end
  local twenty = {
    ["HTTP/1.1"] = ("GET / HTTP/1.1\r\nHost: a\r\n\r\n"):rep(20), ["HTTP/2"] = http2_requests(),
  }

  for protocol, bytes in pairs(twenty) do
    it("take no request of " .. protocol .. " after server:close()", function()
      local requests, late, closed = 0, 0, false
      local server = serving.start(function(server)
        server:get("/", function(_, res)
          if closed then late = late + 1 end
          requests = requests + 1
          if requests == 1 then
            core.defer(function() -- closes one connection, and leaves the others to later turns
              turns.spin()
              server:close()
              closed = true
            end)
          end
          res:reply(200, "x")
        end)
      end)
      local clients = {}
      for i = 1, 8 do
        clients[i] = serving.connect()
        clients[i]:send(bytes)
      end
      raw.pump(function() return closed and server:stats().connections.open == 0 end, "the ends")
      assert.equal(0, late)
      for _, client in ipairs(clients) do client:close() end
    end)
  end

  it("tell of one response after the other", function()
    local seen = {}
    serving.start({ on_response = turns.noted(seen) }, function(server)
      server:get("/", function(_, res) res:reply(200, "x") end)
    end)
    for _, client in ipairs(connect(4, "/")) do assert.equal(200, client:head().status) end
    raw.pump(function() return #seen == 4 end, "four responses")
    turns.check(seen, 4)
  end)
end)
