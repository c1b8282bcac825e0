-- The time once a second, on a page with one element and in the terminal. A client that reconnects
-- gets an event `resumed` with its Last-Event-ID.
local program = require "examples.program"
local sse = require "sse"

local clock = { path = "/stream", interval = 1000, retry = 1000 }

-- With credentials the origins must be named: `"*"` is not allowed.
clock.cors = { origin = { "http://localhost:8080", "http://127.0.0.1:8080" }, credentials = true }

local HTML = [[
<!doctype html><html lang="en"><meta charset="utf-8"><title>Clock</title>
<style>body { display: grid; place-items: center; height: 100vh; margin: 0; font: 20vw system-ui }
</style><time id="time">--:--:--</time>
<script>
const source = new EventSource("stream", { withCredentials: true });
source.onmessage = (event) => { document.getElementById("time").textContent = event.data; };
</script></html>
]]

function clock.mount(server, prefix)
  server:get(prefix .. "/", function(_, res)
    res:reply(200, HTML, { ["Content-Type"] = "text/html; charset=utf-8" })
  end)
  server:get(prefix .. "/stream", function(req, res)
    local stream = res:event_stream { retry = clock.retry }
    if req.last_event_id then
      stream:send { event = "resumed", data = "resumed after " .. req.last_event_id }
    end
    while stream:send { id = tostring(os.time()), data = os.date "%H:%M:%S" } do
      stream:sleep(clock.interval)
    end
  end)
end

--- Prints the fields of each MessageEvent.
function clock.client(url)
  local source = sse.EventSource(url, {
    withCredentials = true,
    onmessage = function(ev)
      clock.log("client", "data", ev.data, "origin", ev.origin, "lastEventId", ev.lastEventId)
    end,
    onerror = function(ev) clock.log("client", "error", ev.message or ev.data) end,
  })
  source:addEventListener("resumed", function(ev) clock.log("client", ev.data) end)
  return source
end

return program(clock, ...)
