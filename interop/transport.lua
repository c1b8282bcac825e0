--- Our client over all kinds of transport: transport.lua JSON, with url, count (sources at once),
-- options and close_at ("open" or "event"). Prints a line of JSON for all that happens; a source is
-- closed at an event `end`, after 3 errors, or where close_at says.
local json = require "cjson"
local sse = require "sse"

local asked = json.decode(arg[1])

local function say(line)
  print(json.encode(line))
  io.stdout:flush()
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
    if errors == 3 then source:close() end
  end
  source:addEventListener("*", function(ev)
    say { on = "event", n = n, type = ev.type, data = ev.data, id = ev.lastEventId }
    if ev.type == "end" or asked.close_at == "event" then source:close() end
  end)
end

for n = 1, asked.count or 1 do watch(n) end
sse.run()
say { on = "over" }
