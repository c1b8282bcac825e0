--- What specs of server:drain share.
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local socket = require "socket"
local sse = require "sse"

local draining = {}

--- What must not be waited for.
draining.LONG = 3600 * 1000

--- The end of a request's head.
draining.HEAD = " HTTP/1.1\r\nHost: a\r\n\r\n"

--- Begins to drain in a task; gives what it comes to, for `finished`.
function draining.start(server, options)
  local log = {}
  sse.spawn(function() log.result = server:drain(options) end)
  return log
end

--- Until it is over.
function draining.finished(log)
  raw.pump(function() return log.result ~= nil end, "the drain")
  assert(log.result == true)
end

--- Until nobody listens at the port any more.
function draining.refuses(port)
  raw.pump(function()
    local s = socket.tcp4()
    local ok = s:connect("127.0.0.1", port)
    s:close()
    return not ok
  end, "a refused connection")
end

--- Handlers that answer once `open` is set; `res` is there once they were asked.
function draining.gate()
  local gate = {}
  local function wait(res)
    gate.res = res
    while not gate.open do sse.sleep(1) end
  end
  function gate.whole(_, res)
    wait(res)
    res:reply(200, "late")
  end
  function gate.streamed(_, res)
    res:write("one ")
    wait(res)
    res:write("two")
    res:finish()
  end
  function gate.stream(_, res)
    wait(res)
    assert(res:event_stream { retry = 1 }:send "hello")
  end
  return gate
end

--- A connection that has asked for a path.
function draining.asks(path)
  local client = serving.connect()
  client:send("GET " .. path .. draining.HEAD)
  return client
end

--- A stream's client, behind its head.
function draining.listener(path)
  local client = draining.asks(path or "/stream")
  assert(client:head().status == 200)
  return client
end

--- The route of a plain stream.
function draining.streams(server)
  server:get("/stream", function(_, res) res:event_stream() end)
end

--- The retry that a drained stream ended with, which is all its client got.
function draining.retry(client)
  local retry, rest = client:receive_all():match "^%x+\r\nretry: (%d+)\n\n\r\n(.*)$"
  assert(rest == "0\r\n\r\n")
  client:close()
  return tonumber(retry)
end

--- Reads, in a task, until the server has closed them all, and closes them.
function draining.till_closed(clients)
  for _, client in ipairs(clients) do
    while not client.eof do
      client:take()
      sse.sleep(1)
    end
    client:close()
  end
end

return draining
