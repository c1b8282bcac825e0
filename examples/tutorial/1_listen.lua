-- A room to talk in, stage 1: prints the events of a stream.
--
--    lua5.4 1_listen.lua [URL]
local sse = require "sse"

local function listen(url)
  local source = sse.EventSource(url)
  source.onerror = function(ev) print("error", ev.message or ev.data) end
  for ev in source:events() do print(ev.type, ev.data) end
end

io.stdout:setvbuf "line"
listen(arg[1] or "http://127.0.0.1:9522/clock/stream")
