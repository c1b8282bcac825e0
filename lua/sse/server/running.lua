--- How a server listens, and how it ends: `listen`, `shutdown`, `close`, `reload_tls`.
-- @module sse.server.running
local options = require "sse.shared.options"
local server_object = require "sse.server.server_object"
local server_options = require "sse.server.options"
local task = require "sse.task"
local tls_options = require "sse.server.tls_options"

local running = {}

local methods, metatable = server_object.methods, server_object.metatable
local state_of = server_object.state

--- Resumes those who wait until the server is idle.
-- @tparam table state of sse.server.server_object
function running.wake_waiters(state)
  local waiters = state.waiters
  state.waiters = {}
  for _, resume in ipairs(waiters) do resume(true) end
end

local listen_options = options.spec("server:listen", {
  host = server_options.host,
  port = server_options.port,
  tls = {
    expected = "a table such as { cert = 'cert.pem', key = 'key.pem' }, or false",
    check = function(v) return v == false or type(v) == "table" end,
  },
})

--- Binds and listens. Each further call adds a listener, with the same routes and limits.
--
--    server:listen()                                      -- as the options of sse.server say
--    server:listen(9523)                                  -- another port
--    server:listen { host = "::1", port = 9524, tls = false }
-- @tparam[opt] int|table given a port; or `host`, `port` and `tls`: certificates for this listener
-- alone, or false for plain HTTP. What is not given is as the server's options say.
-- @return true; or nil, message, code ("EADDRINUSE", "EACCES", "ECERT" ...), and the other
-- listeners stay as they were
function methods:listen(given, ...)
  options.check_self(self, metatable, "server:listen(options)", ...)
  if type(given) == "number" then
    given = options.check("server:listen", { port = given }, listen_options)
  end
  given = options.check("server:listen", given, listen_options)
  local tls = given.tls and tls_options.check(given.tls, "server:listen", 3) or given.tls
  local core = state_of(self).core
  local ok, listens, message, code = pcall(core.listen, core, given.host, given.port, tls)
  if not ok then error("server:listen: " .. listens, 2) end
  return listens, message, code
end

local DAY = 24 * 3600 * 1000 -- ms

local shutdown_options = options.spec("server:shutdown", {
  within = options.number(0, DAY, "milliseconds"),
  grace = options.number(0, DAY, "milliseconds"),
  retry = options.number(0, DAY, "milliseconds"),
})

--- Drains the server: stops listening, closes idle connections, and waits for the others. A
-- response under way is finished, with `Connection: close`. Open event streams are ended one after
-- the other, spread evenly over `within`, each with a `retry` field before its end, so that clients
-- reconnect, and not all at once. A request that still arrives on an open connection is answered,
-- and a stream that it opens is ended in the same way. Connections that are left `grace` after
-- `within` are closed. A second call during a shutdown closes all connections at once. Waits until
-- no connection is left: in a task by yielding, outside of one by pumping the loop.
-- @tparam[opt] table given `within`, `grace` (milliseconds, 5000 each); `retry` (milliseconds,
-- 2000: the `retry` field has a value between this and half as much more)
-- @treturn boolean true
function methods:shutdown(given, ...)
  options.check_self(self, metatable, "server:shutdown(options)", ...)
  given = options.check("server:shutdown", given, shutdown_options)
  local state = state_of(self)
  return task.await(function(resume)
    local waiters = state.waiters
    waiters[#waiters + 1] = resume
    if #waiters > 1 then
      state.core:close()
    else
      state.core:shutdown(given.within or 5000, given.retry or 2000, given.grace or 5000)
    end
    if not state.core.active then running.wake_waiters(state) end
  end, "server:shutdown")
end

--- Stops listening and closes all connections at once.
function methods:close(...)
  options.check_self(self, metatable, "server:close()", ...)
  state_of(self).core:close()
end

--- Reads the files of `tls` again, the server's and those of every listener. Open connections keep
-- their certificates, and sessions can be resumed as before.
-- @return true; or nil, message, code ("ECERT"), and nothing has changed
function methods:reload_tls(...)
  options.check_self(self, metatable, "server:reload_tls()", ...)
  local core = state_of(self).core
  return options.unwrap(pcall(core.reload_tls, core))
end

return running
