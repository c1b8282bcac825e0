--- A program: a server that numbers its events, on from the last id of a client. Prints its port.
local sse = require "sse"

local server = sse.server { port = tonumber(arg[1]) }
server:get("/", function(req, res)
  local stream, n = res:event_stream { retry = 1 }, tonumber(req.last_event_id or 0)
  repeat
    n = n + 1
    local sent = stream:send { id = tostring(n), data = tostring(n) }
    sse.sleep(1)
  until not sent
end)
assert(server:listen())
print("port " .. server.port)
io.stdout:flush()
sse.run()
