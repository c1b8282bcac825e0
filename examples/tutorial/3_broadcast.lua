-- A room to talk in, stage 3: what one says, all hear.
--
--    lua5.4 3_broadcast.lua serve [PORT]
--    lua5.4 3_broadcast.lua listen [URL]
local sse = require "sse"

local PAGE = [[
<!doctype html><html lang="en"><meta charset="utf-8"><title>Room</title>
<form><input name="text" autofocus autocomplete="off"><button>Say</button></form><ul></ul>
<script>
const show = (text) => {
  const line = document.createElement('li');
  line.textContent = text;
  document.querySelector('ul').append(line);
};
const source = new EventSource('events');
source.onmessage = (event) => show(event.data);
document.querySelector('form').onsubmit = (event) => {
  event.preventDefault();
  fetch('messages', { method: 'POST', body: event.target.text.value });
  event.target.reset();
};
</script></html>
]]

local function listen(url)
  local source = sse.EventSource(url)
  source.onerror = function(ev) print("error", ev.message or ev.data) end
  for ev in source:events() do print(ev.type, ev.data) end
end

local function serve(port)
  local server, room = sse.server { port = port }, sse.channel "room"
  server:get("/", function(_, res)
    res:reply(200, PAGE, { ["Content-Type"] = "text/html; charset=utf-8" })
  end)
  server:get("/events", sse.follow(room))
  server:post("/messages", function(req, res)
    room:publish { data = req:text() }
    res:reply(204)
  end)
  assert(server:listen())
  print("http://127.0.0.1:" .. server.port)
  server:run()
end

io.stdout:setvbuf "line"
if arg[1] == "serve" then
  serve(tonumber(arg[2]) or 9522)
else
  listen(arg[2] or "http://127.0.0.1:9522/events")
end
