-- A status every five seconds, for pages of any origin.
--
-- /events            until the client closes the stream
-- /events?count=3    the server ends the stream after three events
-- ...&bye=1          it sends an event `bye` before the end, so that the client does not reconnect
local program = require "examples.program"
local sse = require "sse"

local monitor = { path = "/events", cors = true, interval = 5000, retry = 2000, timers = 0 }

local function status()
  return { event = "data", data = { date = os.date "!%Y-%m-%dT%H:%M:%SZ" } }
end

function monitor.mount(server, prefix)
  server:get(prefix .. "/events", function(req, res)
    local stream = res:event_stream { retry = monitor.retry }
    local left = tonumber(req.query.count) or math.huge
    local function tick()
      if left > 0 then
        left = left - 1
        return stream:send(status())
      end
      if req.query.bye then stream:send { event = "bye", data = "that was all" } end
      stream:close()
    end
    local timer = sse.every(monitor.interval, tick)
    monitor.timers = monitor.timers + 1
    stream.on_close = function(reason)
      timer:stop()
      monitor.timers = monitor.timers - 1
      monitor.log("server", "timer stopped: closed by the " .. reason)
    end
    tick()
  end)
end

--- Prints each date. When the server ends the stream, the source gets an `error` event and
-- reconnects, unless it is closed. With `stay` it is not closed.
function monitor.client(url, stay)
  local source = sse.EventSource(url)
  source:addEventListener("data", function(ev)
    local value = ev:json()
    monitor.log("client", "date", type(value) == "table" and value.date or ev.data)
  end)
  source:addEventListener("bye", function(ev)
    monitor.log("client", "bye", ev.data)
    source:close() -- before the server ends the stream: no error follows
  end)
  source.onerror = function(ev)
    monitor.log("client", "error", ev.message or ev.data)
    if not stay then source:close() end
  end
  return source
end

return program(monitor, ...)
