--- For clients of compressed streams: GET /steps/NAME follows a channel; POST /steps/NAME publishes
-- its next event and tells how many streams are compressed. A client that posts each time it has
-- received an event shows that no event waits for the next one.
local sse = require "sse"

local channels = {}

local function step(name)
  local c = channels[name]
  if not c then
    c = { channel = sse.channel(name, {}), n = 0 }
    channels[name] = c
  end
  c.n = c.n + 1
  c.channel:publish {
    event = "step",
    data = { n = c.n, text = "Zürich 東京 " .. ("x"):rep(c.n), random = math.random() },
  }
end

return function(server)
  server:get("/steps/:name", function(req, res)
    step(req.params.name)
    local stream = res:event_stream { compress = req.query.compress }
    stream:follow(channels[req.params.name].channel, { from = "oldest" })
  end)

  server:post("/steps/:name", function(req, res)
    local stats = server:stats()
    step(req.params.name)
    res:reply(200, stats.compression)
  end)

  server:delete("/steps/:name", function(req, res)
    channels[req.params.name].channel:close()
    channels[req.params.name] = nil
    res:reply(204)
  end)
end
