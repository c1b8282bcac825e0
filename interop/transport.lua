--- Our client over all kinds of transport: transport.lua JSON, with url, count (sources at one
-- time), options, close_at ("open" or "event"), errors (3) and paused (a URL). Prints a line of
-- JSON for everything that happens. A source is closed at an event `end`, after that many errors,
-- or where close_at says. The source of `paused` reads one event, and no more while the others
-- run.
local json = require "sse.json"
local sse = require "sse"

local asked = json.decode(arg[1])

local function say(line)
  print(json.encode(line))
  io.stdout:flush()
end

local running, paused = asked.count or 1, nil

local function over()
  running = running - 1
  if running > 0 or not paused then return end
  say { on = "paused", bytes = paused:stats().bytes }
  paused:close()
end

local function watch(n)
  local source, errors = sse.EventSource(asked.url, asked.options), 0
  source.onopen = function()
    local stats = source:stats()
    say { on = "open", n = n, protocol = stats.protocol, tls = stats.tls }
    if asked.close_at == "open" then source:close() end
  end
  source.onerror = function(ev)
    errors = errors + 1
    say { on = "error", n = n, code = ev.code, state = source.readyState, message = ev.message }
    if errors == (asked.errors or 3) then source:close() end
  end
  source:addEventListener("*", function(ev)
    say { on = "event", n = n, type = ev.type, data = ev.data, id = ev.lastEventId }
    if ev.type == "end" or asked.close_at == "event" then
      source:close()
      over()
    end
  end)
end

local function watch_all()
  for n = 1, running do watch(n) end
end

if asked.paused then
  paused = sse.EventSource(asked.paused, asked.options)
  sse.spawn(function()
    for _ in paused:events() do
      watch_all()
      while paused.readyState ~= sse.EventSource.CLOSED do sse.sleep(10) end
    end
  end)
else
  watch_all()
end
sse.run()
say { on = "over" }
