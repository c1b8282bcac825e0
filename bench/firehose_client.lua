-- Reads events from one source for some seconds. usage: lua firehose_client.lua URL SECONDS HOW
-- HOW: "listener" or "events" (a task's loop). Prints events, bytes of data, seconds, CPU seconds.
local sse = require "sse"

local url, seconds, how = arg[1], tonumber(arg[2]), arg[3]
local events, bytes = 0, 0
local began, cpu

local function take(ev)
  if not began then began, cpu = sse.now(), os.clock() end
  events = events + 1
  bytes = bytes + #ev.data
end

local function finish(source)
  local took = (sse.now() - began) / 1e3
  print(("%d\t%d\t%.3f\t%.3f"):format(events, bytes, took, os.clock() - cpu))
  source:close()
end

local source = sse.EventSource(url)
source.onerror = function(ev) error(ev.message) end
if how == "listener" then
  source.onmessage = take
else
  sse.spawn(function()
    for ev in source:events() do take(ev) end
  end)
end
sse.after(seconds * 1e3, function() finish(source) end)
sse.run()
