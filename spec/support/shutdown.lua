--- What specs of server:shutdown share.
local keep = require "spec.support.kept"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local socket = require "socket"
local sse = require "sse"

local shutdown = {}

--- A time that no test waits for.
shutdown.LONG = 3600 * 1000

--- What follows the target in a request's head.
shutdown.HEAD = " HTTP/1.1\r\nHost: a\r\n\r\n"

--- Begins to drain in a task; returns a log, for `finished`, of what drain returns.
function shutdown.start(server, options)
  local log = {}
  sse.spawn(function() log.result = server:shutdown(options) end)
  return log
end

--- Pumps the loop until the drain is over.
function shutdown.finished(log)
  raw.pump(function() return log.result ~= nil end, "the drain")
  assert(log.result == true)
end

--- Pumps the loop until connections to the port are refused.
function shutdown.refuses(port)
  raw.pump(function()
    local s = socket.tcp4()
    local ok = s:connect("127.0.0.1", port)
    s:close()
    return not ok
  end, "a refused connection")
end

--- A gate for handlers that answer once `open` is set; `res` is the response of the newest request.
function shutdown.gate()
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

--- A connection that has sent a request for a path.
function shutdown.asks(path)
  local client = serving.connect()
  client:send("GET " .. path .. shutdown.HEAD)
  return client
end

--- A client of a stream, which has read the response's head.
function shutdown.listener(path)
  local client = shutdown.asks(path or "/stream")
  assert(client:head().status == 200)
  return client
end

--- Adds the route of a plain stream.
function shutdown.streams(server)
  server:get("/stream", function(_, res) keep(res:event_stream()) end)
end

--- Reads until the stream has ended; returns the retry time that it ended with, which must be all
-- that its client received, but for the comment that a stream begins with.
function shutdown.retry(client)
  local text = client:receive_all():gsub("^3\r\n:\n\n\r\n", "")
  local retry, rest = text:match "^%x+\r\nretry: (%d+)\n\n\r\n(.*)$"
  assert(rest == "0\r\n\r\n")
  client:close()
  return tonumber(retry)
end

--- Reads, in a task, until the server has closed all these connections; then closes them.
function shutdown.till_closed(clients)
  for _, client in ipairs(clients) do
    while not client.eof do
      client:take()
      sse.sleep(1)
    end
    client:close()
  end
end

return shutdown
