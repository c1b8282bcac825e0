--- Ports for specs that name one before they listen on it, or that want nobody to listen there.
local core = require "sse.core"
local socket = require "socket"

local ports = {}

-- Below all that systems give to sockets without a port of their own: another process that asks for
-- any port never gets one of these. Each process has some of its own, since a port may be named
-- long before anybody listens on it.
local FIRST, PROCESSES, EACH = 20000, 600, 20

local taken = 0

--- Whether nobody listens on a port of 127.0.0.1.
function ports.is_free(port)
  local listener = socket.bind("127.0.0.1", port)
  if listener then listener:close() end
  return listener ~= nil
end

--- A port of 127.0.0.1 on which nobody listens.
function ports.free()
  local port = FIRST + core.process_id() % PROCESSES * EACH + taken % EACH
  taken = taken + 1
  assert(taken < 100000, "no port is free")
  return ports.is_free(port) and port or ports.free()
end

return ports
