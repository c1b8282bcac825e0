-- A page with two buttons, and a stream of ten events that echo a text of the page's. All other
-- paths are answered with 404.
local program = require "examples.program"
local sse = require "sse"

local page = { path = "/", interval = 1000 }

local HTML = [[
<!doctype html><html lang="en"><meta charset="utf-8"><title>Ten events</title>
<style>body { font: 1rem/1.5 system-ui; max-width: 40rem; margin: 3rem auto }</style>
<input id="content" value="Hello, world. 你好，世界。"> <button id="connect">Connect</button>
<button id="disconnect">Disconnect</button> <b id="state">closed</b><pre id="log"></pre>
<script>
let source, $ = (id) => document.getElementById(id);
function disconnect() { source?.close(); $("state").textContent = "closed"; }
$("disconnect").onclick = disconnect;
$("connect").onclick = () => {
  disconnect();
  source = new EventSource("sse?content=" + encodeURIComponent($("content").value));
  source.onopen = () => { $("state").textContent = "open"; };
  source.onerror = disconnect; // the end: without this, again in 30 s
  source.addEventListener("echo", (event) => {
    $("log").textContent += event.lastEventId + " " + event.data + "\n";
  });
};
</script></html>
]]

function page.mount(server, prefix)
  server:get(prefix .. "/", function(_, res)
    res:reply(200, HTML, { ["Content-Type"] = "text/html; charset=utf-8" })
  end)
  server:get(prefix .. "/sse", function(req, res)
    local stream = res:event_stream()
    for n = 1, 10 do
      local data = { n = n, content = req.query.content or "" }
      local ok = stream:send { event = "echo", id = tostring(n), retry = 30000, data = data }
      if not ok then return page.log("server", "left after " .. n - 1) end
      if n < 10 then stream:sleep(page.interval) end
    end
    stream:close()
  end)
end

--- Prints the ten events and closes the source at the end.
function page.client(url, content)
  local query = (content or "hello"):gsub("%W", function(c) return ("%%%02X"):format(c:byte()) end)
  local source = sse.EventSource(url .. "sse?content=" .. query)
  source:addEventListener("echo", function(ev)
    local value = ev:json()
    page.log("client", ev.lastEventId, type(value) == "table" and value.content or ev.data)
  end)
  source.onerror = function(ev)
    page.log("client", "error", ev.message or ev.data)
    source:close()
  end
  return source
end

return program(page, ...)
