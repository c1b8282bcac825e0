-- What examples of sse.workers run: it listens wherever the master does.
local sse = require "sse"
local worker = require "sse.server.worker"

local server = sse.server {}
server:get("/", function(_, res) res:reply(200, "hello\n") end)
for _, address in ipairs(worker.current.addresses) do
  assert(server:listen { host = address.host, port = address.port, unix = address.unix })
end
assert(server:run { within = 0 })
