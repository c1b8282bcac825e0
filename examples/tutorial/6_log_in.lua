-- A room to talk in, stage 6: who has logged in gets in, under their own name.
--
--    lua5.4 6_log_in.lua serve [PORT]
--    lua5.4 6_log_in.lua listen [URL [NAME]]
local sse = require "sse"

local PASSWORD = "sesame"                      -- one for all: examples/login.lua keeps hashes
local SECRET = sse.crypto.token()              -- of this run: yours lies in a file
local HTML = { ["Content-Type"] = "text/html; charset=utf-8" }

local LOGIN = [[
<!doctype html><html lang="en"><meta charset="utf-8"><title>Log in</title>
<form method="post" action="login"><input name="name" placeholder="name" required autofocus>
<input name="password" type="password" placeholder="password"><button>Log in</button></form></html>
]]
local PAGE = [[
<!doctype html><html lang="en"><meta charset="utf-8"><title>Room</title><p>Here: <b></b></p>
<form id="say"><input name="text" autofocus autocomplete="off"><button>Say</button></form><ul></ul>
<form method="post" action="logout"><button id="logout">Log out</button></form>
<script>
const $ = (selector) => document.querySelector(selector);
const source = new EventSource('events');
const show = (text) => $('ul').append(
  Object.assign(document.createElement('li'), { textContent: text }));
source.onmessage = (event) => show(event.data);
source.onerror = () => { if (source.readyState === EventSource.CLOSED) location.reload(); };
source.addEventListener('here', (event) => {
  $('b').textContent = JSON.parse(event.data).join(', ');
});
$('#say').onsubmit = (event) => {
  event.preventDefault();
  fetch('messages', { method: 'POST', body: event.target.text.value });
  event.target.reset();
};
</script></html>
]]

local function log_in(url, name)
  local res = assert(sse.fetch(url .. "/login", {
    body = ("name=%s&password=%s"):format(sse.url.encode(name), PASSWORD), redirect = "manual",
    method = "POST", headers = { ["Content-Type"] = "application/x-www-form-urlencoded" },
  }))
  return assert(res.headers["set-cookie"]):match "^[^;]+"
end

local function listen(url, name)
  local source = sse.EventSource(url .. "/events", { headers = { Cookie = log_in(url, name) } })
  source.onerror = function(ev) print("error", ev.message or ev.data) end
  for ev in source:events() do print(ev.type, ev.data) end
end

local function add_login(server)
  server:before(function(req, res)
    req.user = sse.crypto.unsign(req.cookies.session, SECRET)
    if not req.user and req.path ~= "/login" then res:reply(401, LOGIN, HTML) end
  end)
  server:limit("/login", { rate = 1, burst = 10 })
  server:post("/login", function(req, res)
    local form = req:form() or {}
    if not form.name or form.password ~= PASSWORD then return res:reply(401, LOGIN, HTML) end
    local session = sse.crypto.sign(form.name, SECRET, { expires = os.time() + 8 * 3600 })
    res:cookie("session", session):redirect("/", 303)
  end)
  server:post("/logout", function(req, res)
    for _, stream in ipairs(server:streams(req.user)) do stream:close() end
    res:cookie("session", nil):redirect("/", 303)
  end)
end

local function serve(port)
  local server = sse.server { port = port, max_life = 3600 * 1000 }
  local room, here = sse.channel("room", { history = 1000 }), sse.channel("here", { history = 1 })
  add_login(server)

  local function tell()
    local names = sse.json.array {}
    for i, stream in ipairs(room:streams()) do names[i] = stream.user end
    table.sort(names)
    here:publish { event = "here", data = names }
  end
  room:on("follow", tell)
  room:on("leave", tell)

  server:get("/", function(_, res) res:reply(200, PAGE, HTML) end)
  server:get("/events", function(req, res)
    local stream = res:event_stream()
    stream.user = req.user
    stream:follow(room, here, { from = 10 })
  end)
  server:post("/messages", function(req, res)
    room:publish { data = req.user .. ": " .. req:text() }
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
  listen(arg[2] or "http://127.0.0.1:9522", arg[3] or "ann")
end
