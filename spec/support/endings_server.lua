--- The server of spec/server/http2_endings_spec.lua, in a process of its own. Prints its port. GET
-- /CASE/HISTORY/POLICY/FOLLOW follows the channels of that path ("one", "two" or "where"), POST
-- publishes its body to them.
local sse = require "sse"

local server = sse.server { port = 0 }
local pairs_of = {}

-- The two channels of a path, which says their history and slow policy.
local function channels(req)
  local pair = pairs_of[req.path]
  if not pair then
    local options = { history = tonumber(req.params.history), slow = req.params.policy }
    pair = { sse.channel(req.path .. " 1", options), sse.channel(req.path .. " 2", options) }
    pairs_of[req.path] = pair
  end
  return pair[1], pair[2]
end

local follow = {}
function follow.one(stream, one) stream:follow(one) end
function follow.two(stream, one, two) stream:follow(one, two) end
function follow.where(stream, one)
  stream:follow(one, { where = function(event) return event.data ~= "hidden" end })
end

server:get("/:case/:history/:policy/:follow", function(req, res)
  follow[req.params.follow](res:event_stream(), channels(req))
end)

server:post("/:case/:history/:policy/:follow", function(req, res)
  local text = req:text()
  local one, two = channels(req)
  one:publish { data = text, key = "key" }
  if req.params.follow == "two" then two:publish { data = text .. "2", key = "key" } end
  res:reply(204)
end)

sse.signal("TERM", function() os.exit(0) end)
assert(server:listen())
print("port " .. server.port)
io.stdout:flush()
sse.run()
