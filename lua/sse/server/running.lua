--- How a server listens, and how it ends: `listen`, `shutdown`, `close`, `reload_tls`.
-- @module sse.server.running
local options = require "sse.shared.options"
local server_object = require "sse.server.server_object"
local task = require "sse.task"

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

--- Binds and listens.
-- @return true; or nil, message, code ("EADDRINUSE", "EACCES" ...)
function methods:listen(...)
  options.check_self(self, metatable, "server:listen")
  if select("#", ...) > 0 then
    error("server:listen takes nothing: host and port are options of sse.server", 2)
  end
  return state_of(self).core:listen()
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

--- Reads the files of the option `tls` again. Open connections keep their certificates, and
-- sessions can be resumed as before.
-- @return true; or nil, message, code ("ECERT"), and nothing has changed
function methods:reload_tls(...)
  options.check_self(self, metatable, "server:reload_tls()", ...)
  local core = state_of(self).core
  return options.unwrap(pcall(core.reload_tls, core))
end

return running
