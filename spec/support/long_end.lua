--- A program whose streams take an hour to end after a signal asks for it. Prints its port, and
-- when it begins to end.
local ending = require "examples.ending"
local sse = require "sse"

local server = sse.server { port = 0 }
server:get("/", function(_, res) res:event_stream { retry = 1 } end)
assert(server:listen())
io.stdout:setvbuf "line"
print("port " .. server.port)
ending(server, 3600 * 1000, function() print "ends" end)
sse.run()
