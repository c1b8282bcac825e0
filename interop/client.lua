--- Our client, for servers that are not ours: client.lua source|fetch URL. Prints a line of JSON
-- for everything that happens; ends when the source is closed, and closes it at an event `end`.
local json = require "sse.json"
local sse = require "sse"

local mode, url = arg[1], arg[2]

local function say(line)
  print(json.encode(line))
  io.stdout:flush()
end

local function follow()
  local source = sse.EventSource(url, { maxRetries = 5 })
  source.onopen = function() say { on = "open" } end
  source.onerror = function(ev)
    say { on = "error", state = source.readyState, status = ev.status, code = ev.code }
  end
  source:addEventListener("*", function(ev)
    say { on = "event", type = ev.type, data = ev.data, id = ev.lastEventId, origin = ev.origin }
    if ev.type == "end" then source:close() end
  end)
  sse.run()
  say { on = "over", state = source.readyState }
end

local function fetch()
  local res, message, code = sse.fetch(url, { method = "POST", body = { text = arg[3] } })
  if not res then return say { on = "failed", message = message, code = code } end
  say { on = "head", status = res.status, type = res.headers["content-type"] }
  for ev in res:events() do
    if ev.data == "[DONE]" then break end
    say { on = "event", data = ev:json().content }
  end
  say { on = "over" }
end

if mode == "source" then follow() else fetch() end
