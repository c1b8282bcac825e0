--- Ports for specs that name one before they listen on it, or that want nobody to listen there.
local socket = require "socket"

local ports = {}

-- Below all that systems give to sockets without a port of their own: another process that asks for
-- any port never gets one of these.
local FIRST, LAST = 20000, 32000

--- A port of 127.0.0.1 on which nobody listens.
function ports.free()
  local port = math.random(FIRST, LAST)
  local listener = socket.bind("127.0.0.1", port)
  if not listener then return ports.free() end
  listener:close()
  return port
end

return ports
