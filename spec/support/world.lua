--- A server whose streams follow a channel, compressed or not, for one test. `news` and `other` are
-- the channels; `streams`, and `reasons` (why they ended), are by the name in the path. `finish`
-- checks that nothing is left.
local channel = require("sse.channel").new
local following = require "spec.support.following"
local serving = require "spec.support.serving"

local world = {}

--- Starts the server: GET /NAME follows `news`; with ?to=both `other` too, with ?to=nothing
-- nothing.
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
      stream.on_close = function(reason) reasons[name] = reason end
      if req.query.to == "both" then stream:follow(world.news, world.other, given)
      elseif req.query.to ~= "nothing" then stream:follow(world.news, given) end
    end)
  end)
end

--- Starts the server with connections that have small buffers.
function world.start_narrow(options)
  following.shrink_buffers(world.start(options).port)
end

--- Publishes an event that is like many others.
function world.publish(n, extra)
  local form = '{"n":%s,"symbol":"EURUSD","bid":1.0512,"ask":1.0513,"note":"%s"}'
  world.news:publish { event = "tick", data = form:format(n, extra or "") }
end

--- Pumps the loop until all these clients have the event, and so everything before it.
function world.all_have(clients, what)
  for _, client in ipairs(clients) do client:till(what) end
end

--- For after_each: closes everything, and checks that nothing is left.
function world.finish()
  if world.news then world.news:close() end
  if world.other then world.other:close() end
  world.news, world.other, world.streams = nil, nil, nil
  serving.stop()
end

return world
