--- The server for other people's clients: `server.lua [PORT [CERT KEY]]`. Prints "port N" once it
-- listens; SIGTERM ends it.
local sse = require "sse"

local server = sse.server {
  host = "127.0.0.1", port = tonumber(arg[1]) or 0, cors = true,
  tls = arg[2] and { cert = arg[2], key = arg[3] } or nil,
}
local left = 0

-- What parsers get wrong, in an event each; `end` is the last event, as client and server agreed.
server:get("/kinds", function(_, res)
  local stream = res:event_stream { retry = 100 }
  stream:comment("a comment")
  stream:send { data = "plain" }
  stream:send { data = "two\nlines\n" }
  stream:send { event = "named", id = "1", data = { text = "Zürich 東京 🎈", n = 1.5 } }
  stream:send { id = "2", data = "" }
  stream:send { data = " leading space, and: colons" }
  stream:send { event = "end", data = "bye" }
  stream:close()
end)

-- Three events a connection, numbered on from Last-Event-ID; 204 after the ninth event.
server:get("/count", function(req, res)
  local last = req.last_event_id or ""
  local first = (tonumber(last) or 0) + 1
  if first > 9 then return res:reply(204) end
  local stream = res:event_stream { retry = 50 }
  for n = first, first + 2 do
    stream:send { event = "tick", id = tostring(n), data = { n = n, last = last } }
  end
  stream:close()
end)

-- Events until the client leaves.
server:get("/live", function(_, res)
  local stream = res:event_stream()
  stream.on_close = function(reason)
    if reason == "client" then left = left + 1 end
  end
  local n = 0
  while stream:send { event = "tick", data = { n = n } } do
    n = n + 1
    sse.sleep(100)
  end
end)

-- Endless events, numbered on from Last-Event-ID, so that a client that reconnects after a restart
-- shows.
server:get("/resume", function(req, res)
  local last = req.last_event_id or ""
  local stream = res:event_stream { retry = 100 }
  local n = (tonumber(last) or 0) + 1
  while stream:send { id = tostring(n), data = { n = n, last = last } } do
    n = n + 1
    sse.sleep(50)
  end
end)

-- What is posted goes to all followers.
local channel = sse.channel "interop"
server:get("/follow", sse.follow(channel))
server:post("/publish", function(req, res)
  res:reply(200, channel:publish { data = req:text() })
end)

server:get("/protocol", function(req, res) res:reply(200, req.protocol) end)
server:post("/echo", function(req, res) res:reply(200, req.body) end)
server:get("/long", function(_, res) res:reply(200, ("0123456789"):rep(2 ^ 17)) end)
server:get("/stats", function(_, res) res:json(server:stats()) end)

server:get("/left", function(_, res) res:reply(200, tostring(left)) end)

-- A POST whose response streams tokens, as a language model's service does.
server:post("/say", function(req, res)
  local body = req:json()
  local stream = res:event_stream()
  for word in body.text:gmatch("%S+") do stream:send { data = { content = word } } end
  stream:send("[DONE]")
  stream:close()
end)

require "interop.steps"(server)

assert(server:listen())
print("port " .. server.port)
io.stdout:flush()
server:run { within = 0, grace = 0 }
