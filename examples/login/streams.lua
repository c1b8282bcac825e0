-- The streams of examples/login.lua: each follows the channel of its user, and one for everybody.
-- `user` of a stream is its session.
local sse = require "sse"

local streams = {}

function streams.channel_of(name) return sse.channel("user " .. name, { history = 100 }) end

local function everybody() return sse.channel("online", { history = 1 }) end

-- The names of the users who have a stream open.
local function online(server)
  local names, seen = sse.json.array {}, {}
  for _, stream in ipairs(server:streams()) do
    local name = stream.user and stream.user.user
    if name and not seen[name] then names[#names + 1] = name end
    seen[name or ""] = true
  end
  table.sort(names)
  return names
end

local function tell_who_is_online(server)
  everybody():publish { event = "online", data = online(server) }
end

--- Begins a stream of a session, with which it ends.
function streams.begin(server, session, stream)
  stream.user = session
  stream.on_close = function() tell_who_is_online(server) end
  stream:expire_at(session.expires)
  stream:send { event = "hello", data = session.user }
  stream:follow(everybody(), streams.channel_of(session.user), { from = 20 }) -- the newest, too
  tell_who_is_online(server)
end

--- Ends the streams of a session. The event says so first: a page that only lost its stream would
-- try to come back.
function streams.finish(server, session)
  for _, stream in ipairs(server:streams(session)) do
    stream:send { event = "logout", data = "" }
    stream:close()
  end
end

return streams
