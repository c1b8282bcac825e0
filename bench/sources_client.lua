-- Opens many sources, then has the server send an event to all of them, again and again, each time
-- as soon as every source has received it. usage: lua sources_client.lua URL COUNT SECONDS [CA]
-- Prints sources, seconds to open, bytes a source (Pss) when each has received an event, events,
-- seconds, and of the memory that the sources took how many percent are left when they have been
-- closed for two seconds.
local sse = require "sse"

local url, count, seconds = arg[1], tonumber(arg[2]), tonumber(arg[3])
local tls = arg[4] and { ca = arg[4] } or nil
local heard, opened, sources = 0, 0, {}
local took_to_open, bytes, began

local function memory()
  collectgarbage()
  collectgarbage()
  local file <close> = assert(io.open("/proc/self/smaps_rollup"))
  return 1024 * tonumber(file:read("a"):match("\nPss:%s*(%d+) kB"))
end

local function say()
  assert(sse.fetch(url .. "/say", { method = "POST", tls = tls })):text()
end

local before, start

-- Without a collection of its own: what a program has that goes on with something else.
local function close_all(took)
  for _, source in ipairs(sources) do source:close() end
  sources = nil
  sse.sleep(2000)
  local file <close> = assert(io.open("/proc/self/smaps_rollup"))
  local left = 1024 * tonumber(file:read("a"):match("\nPss:%s*(%d+) kB")) - before
  print(("%d\t%.3f\t%.0f\t%d\t%.3f\t%.0f"):format(count, took_to_open, bytes / count, heard, took,
    100 * left / bytes))
  sse.stop()
end

local function hear()
  heard = heard + 1
  if heard % count ~= 0 then return end
  bytes = bytes or memory() - before
  local took = (sse.now() - began) / 1e3
  if took < seconds then return sse.spawn(say) end
  sse.spawn(close_all, took)
end

say() -- so that memory set up by the first request is not counted for the sources
before, start = memory(), sse.now()
for i = 1, count do
  local source = sse.EventSource(url .. "/events", { tls = tls })
  source.onopen = function()
    opened = opened + 1
    if opened < count then return end
    took_to_open = (sse.now() - start) / 1e3
    began = sse.now()
    sse.spawn(say)
  end
  source.onerror = function(ev) error(ev.message) end
  source:addEventListener("tick", hear)
  sources[i] = source
end
sse.run()
