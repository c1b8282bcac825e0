-- A room to talk in, stage 9: several machines serve it, all their cores.
--
--    lua5.4 9_many_machines.lua serve [PORT [REDIS]]
--    lua5.4 9_many_machines.lua listen [URL [FILE]]
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
source.addEventListener('sse-gap', () => show('(something was said that is lost)'));
document.querySelector('form').onsubmit = (event) => {
  event.preventDefault();
  fetch('messages', { method: 'POST', body: event.target.text.value });
  event.target.reset();
};
</script></html>
]]

local function read_id(path)
  local file <close> = io.open(path)
  return file and file:read "a"                -- nil in the first run
end

local function keep_id(path, id)
  local file <close> = assert(io.open(path, "w"))
  file:write(id)
end

local function listen(url, path)
  local source = sse.EventSource(url, { lastEventId = read_id(path) })
  source.onerror = function(ev) print("error", ev.message or ev.data) end
  for ev in source:events() do
    print(ev.type, ev.data)
    keep_id(path, ev.lastEventId)
  end
end

local function serve(port, redis, worker)
  local server = sse.server { port = port }
  local room = sse.channel("room", { store = sse.redis(redis), history = 1000 })
  server:get("/", function(_, res)
    res:reply(200, PAGE, { ["Content-Type"] = "text/html; charset=utf-8" })
  end)
  server:get("/events", sse.follow(room, { from = 10 }))
  server:post("/messages", function(req, res)
    local id, message = room:publish { data = req:text() }
    if not id then return res:reply(503, message .. "\n") end
    res:reply(200, ("port %d, worker %d\n"):format(server.port, worker.id))
  end)
  assert(server:listen())
  print(("worker %d of %d: http://127.0.0.1:%d"):format(worker.id, worker.count, server.port))
  server:run { within = 2000 }
end

local function serve_all(port, redis)
  assert(sse.workers {
    listen = { port = port },
    run = function(worker) serve(port, redis, worker) end,
  })
end

io.stdout:setvbuf "line"
if arg[1] == "serve" then
  serve_all(tonumber(arg[2]) or 9522, arg[3] or "redis://127.0.0.1:6379")
else
  listen(arg[2] or "http://127.0.0.1:9522/events", arg[3] or "room.id")
end
