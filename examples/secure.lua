-- Events over HTTPS, with a certificate that is made if there is none. `kill -HUP` makes the server
-- read its files again: open streams go on, and new connections get the new certificate.
local program = require "examples.program"
local sse = require "sse"

local secure = { path = "/events", interval = 1000, folder = os.getenv "SECURE_FOLDER" or "." }

local MAKE = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30"
  .. " -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1"
  .. " -keyout '%s' -out '%s' 2>/dev/null"

local function exists(path)
  local file = io.open(path)
  return file and file:close()
end

--- The server's option `tls`. A real server's certificate comes from an authority.
function secure.tls()
  local cert, key = secure.folder .. "/localhost.pem", secure.folder .. "/localhost.key"
  if not exists(cert) then
    assert(os.execute(MAKE:format(key, cert)), "the openssl program could not make " .. cert)
  end
  return { cert = cert, key = key }
end

function secure.mount(server, prefix)
  server:get(prefix .. "/events", function(req, res)
    local stream = res:event_stream()
    repeat
      local stats = server:stats()
      stream:send { data = {
        time = os.date "%H:%M:%S", protocol = req.protocol, secure = req.secure,
        handshakes = stats.tls.handshakes, resumed = stats.tls.handshakes_resumed,
      } }
    until not stream:sleep(secure.interval)
  end)
end

--- Prints the events, and how they were encrypted. Trusts the certificate alone.
function secure.client(url)
  return sse.EventSource(url, {
    tls = { ca = secure.folder .. "/localhost.pem" },
    onopen = function(ev)
      local tls = ev.target:stats().tls
      secure.log("client", "open", tls and tls.version, tls and tls.cipher)
    end,
    onmessage = function(ev) secure.log("client", ev.data) end,
    onerror = function(ev) secure.log("client", "error", ev.code, ev.message or ev.data) end,
  })
end

return program(secure, ...)
