-- A room to talk in, stage 5: each has a name, and all see who is there.
--
--    lua5.4 5_who_is_there.lua serve [PORT]
--    lua5.4 5_who_is_there.lua listen [URL]
local sse = require "sse"

local PAGE = [[
<!doctype html><html lang="en"><meta charset="utf-8"><title>Room</title><p>Here: <b></b></p>
<form><input name="text" autofocus autocomplete="off"><button>Say</button></form><ul></ul>
<script>
const show = (text) => {
  const line = document.createElement('li');
  line.textContent = text;
  document.querySelector('ul').append(line);
};
const name = encodeURIComponent(prompt('Your name?') || 'somebody');
const source = new EventSource(`events?name=${name}`);
source.onmessage = (event) => show(event.data);
source.addEventListener('here', (event) => {
  document.querySelector('b').textContent = JSON.parse(event.data).join(', ');
});
source.addEventListener('sse-gap', () => show('(something was said that is lost)'));
document.querySelector('form').onsubmit = (event) => {
  event.preventDefault();
  fetch(`messages?name=${name}`, { method: 'POST', body: event.target.text.value });
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
  local server = sse.server { port = port }
  local room, here = sse.channel("room", { history = 1000 }), sse.channel("here", { history = 1 })

  local function tell()
    local names = sse.json.array {}
    for i, stream in ipairs(room:streams()) do names[i] = stream.user end
    table.sort(names)
    here:publish { event = "here", data = names }
  end
  room:on("follow", tell)
  room:on("leave", tell)

  server:get("/", function(_, res)
    res:reply(200, PAGE, { ["Content-Type"] = "text/html; charset=utf-8" })
  end)
  server:get("/events", function(req, res)
    local stream = res:event_stream()
    stream.user = req.query.name or "somebody"
    stream:follow(room, here, { from = 10 })
  end)
  server:post("/messages", function(req, res)
    room:publish { data = (req.query.name or "somebody") .. ": " .. req:text() }
    res:reply(204)
  end)
  assert(server:listen())
  print("http://127.0.0.1:" .. server.port)
  server:run { within = 2000 }
end

io.stdout:setvbuf "line"
if arg[1] == "serve" then
  serve(tonumber(arg[2]) or 9522)
else
  listen(arg[2] or "http://127.0.0.1:9522/events")
end
