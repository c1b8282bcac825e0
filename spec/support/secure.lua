--- What specs of TLS faults share: a server of streams by name, and a witness, whose stream must go
-- on whatever the others do.
local assert = require "luassert"
local child = require "spec.support.child"
local serving = require "spec.support.serving"

local secure = { streams = {}, reasons = {} }

--- Starts the server: "/" is answered; "/stream/:who" is a stream, `secure.streams[who]`, and
-- `secure.reasons[who]` says why it ended.
-- @tparam[opt] table options
function secure.start(options)
  secure.streams, secure.reasons = {}, {}
  local server = serving.start(options or {}, function(s)
    s:get("/", function(_, res) res:reply(200, "fine") end)
    s:get("/stream/:who", function(req, res)
      local who, stream = req.params.who, res:event_stream { compress = false }
      secure.streams[who] = stream
      stream.on_close = function(reason) secure.reasons[who] = reason end
    end)
  end)
  secure.witness = serving.listen "/stream/witness"
  return server
end

--- Checks that the witness's stream goes on.
function secure.undisturbed()
  secure.streams.witness:send "tick"
  secure.witness:till "data: tick\n\n"
  assert.is_nil(secure.reasons.witness)
  assert.same({}, serving.errors)
end

--- Starts s_client; returns it once its handshake is done. It sends what write() gives it.
-- @param to has `port`
-- @tparam[opt] string arguments
function secure.client(to, arguments)
  local command = ("openssl s_client -connect 127.0.0.1:%d %s"):format(to.port, arguments or "")
  local run = child.program(command, true)
  run:till "Verify return code"
  return run
end

--- For after_each: ends everything.
function secure.stop()
  child.stop()
  serving.stop()
end

return secure
