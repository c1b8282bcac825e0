--- A server that wants to send a gigabyte, in a process of its own: GET /flood streams a million
-- numbered events of 1 KiB as fast as the client reads; GET /stats tells how many were sent.
-- Prints its port.
local sse = require "sse"

local EVENTS = 1000000
local data = ("x"):rep(1000)
local told = { sent = 0, full = 0 }
local stream

local server = sse.server { port = 0 }

server:get("/flood", function(_, res)
  stream = res:event_stream { compress = false }
  told = { sent = 0, full = 0 }
  while told.sent < EVENTS do
    local sent, why = stream:send { id = tostring(told.sent + 1), data = data }
    if sent then
      told.sent = told.sent + 1
    elseif why == "full" then
      told.full = told.full + 1
      stream:drain()
    else
      return
    end
  end
  stream:close()
end)

server:get("/stats", function(_, res)
  res:reply(200, { sent = told.sent, full = told.full, pending = stream and stream.pending or 0 })
end)

sse.signal("TERM", function() os.exit(0) end)
assert(server:listen())
print("port " .. server.port)
io.stdout:flush()
sse.run()
