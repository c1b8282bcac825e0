--- A server whose streams follow a channel, compressed or not, for one test that leaves nothing
-- behind. While it runs: `news` and `other`, the channels; `streams` and `reasons` (why they ended)
-- by the name in the path.
local channel = require("sse.channel").new
local following = require "spec.support.following"
local serving = require "spec.support.serving"

local world = {}

--- GET /NAME follows `news`; with ?to=both `other` too, with ?to=nothing nothing.
-- @tparam[opt] table options of `news`
-- @tparam[opt] table given options of the followers
-- @return the server
function world.start(options, given)
  world.news, world.other = channel("news", options), channel("other", {})
  world.streams, world.reasons, given = {}, {}, given or {}
  return serving.start(function(server)
    server:get("/:name", function(req, res)
      local name = req.params.name
      local stream = res:event_stream { compress = req:header "x-compress" }
      world.streams[name] = stream
      local reasons = world.reasons
      stream.onclose = function(reason) reasons[name] = reason end
      if req.query.to == "both" then stream:follow(world.news, world.other, given)
      elseif req.query.to ~= "nothing" then stream:follow(world.news, given) end
    end)
  end)
end

--- The same with connections that are soon full.
function world.start_narrow(options)
  following.narrow(world.start(options).port)
end

--- Publishes an event like many others.
function world.publish(n, extra)
  local form = '{"n":%s,"symbol":"EURUSD","bid":1.0512,"ask":1.0513,"note":"%s"}'
  world.news:publish { event = "tick", data = form:format(n, extra or "") }
end

--- All of these clients have the event, and so what came before it.
function world.all_have(clients, what)
  for _, client in ipairs(clients) do client:till(what) end
end

--- For after_each.
function world.finish()
  if world.news then world.news:close() end
  if world.other then world.other:close() end
  world.news, world.other, world.streams = nil, nil, nil
  serving.stop()
end

return world
