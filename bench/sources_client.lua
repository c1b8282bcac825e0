-- Opens many sources, then has the server send an event to all of them, again and again, each time
-- as soon as every source has received it. usage: lua sources_client.lua URL COUNT SECONDS
-- Prints sources, seconds to open, bytes a source (Pss), events, seconds.
local sse = require "sse"

local url, count, seconds = arg[1], tonumber(arg[2]), tonumber(arg[3])
local heard, opened = 0, 0
local took_to_open, bytes_each, began

local function memory()
  collectgarbage()
  collectgarbage()
  local file <close> = assert(io.open("/proc/self/smaps_rollup"))
  return 1024 * tonumber(file:read("a"):match("\nPss:%s*(%d+) kB"))
end

local function say()
  assert(sse.fetch(url .. "/say", { method = "POST" }))
end

local function hear()
  heard = heard + 1
  if heard % count ~= 0 then return end
  local took = (sse.now() - began) / 1e3
  if took < seconds then return sse.spawn(say) end
  print(("%d\t%.3f\t%.0f\t%d\t%.3f"):format(count, took_to_open, bytes_each, heard, took))
  sse.stop()
end

say() -- so that memory set up by the first request is not counted for the sources
local before, start = memory(), sse.now()
for _ = 1, count do
  local source = sse.EventSource(url .. "/events")
  source.onopen = function()
    opened = opened + 1
    if opened < count then return end
    took_to_open = (sse.now() - start) / 1e3
    bytes_each = (memory() - before) / count
    began = sse.now()
    sse.spawn(say)
  end
  source.onerror = function(ev) error(ev.message) end
  source:addEventListener("tick", hear)
end
sse.run()
