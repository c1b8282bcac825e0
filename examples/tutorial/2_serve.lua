-- A room to talk in, stage 2: the program serves a stream of its own, too.
--
--    lua5.4 2_serve.lua serve [PORT]
--    lua5.4 2_serve.lua listen [URL]
local sse = require "sse"

local function listen(url)
  local source = sse.EventSource(url)
  source.onerror = function(ev) print("error", ev.message or ev.data) end
  for ev in source:events() do print(ev.type, ev.data) end
end

local function serve(port)
  local server = sse.server { port = port }
  server:get("/events", function(_, res)
    local stream = res:event_stream()
    repeat
      stream:send { event = "time", data = os.date "%H:%M:%S" }
    until not stream:sleep(1000)
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
