--- How a server runs and ends: `run`, `shutdown`, `close`, `reload_tls`.
-- @module sse.server.running
local core = require "sse.core"
local listening = require "sse.server.listening"
local options = require "sse.shared.options"
local ordered_set = require "sse.shared.ordered_set"
local server_object = require "sse.server.server_object"
local systemd = require "sse.server.systemd"
local task = require "sse.task"
local worker = require "sse.server.worker"

local running = {}

local methods, metatable = server_object.methods, server_object.metatable
local state_of = server_object.state

--- The server has ended: resumes those who wait until it is idle.
-- @tparam table state of sse.server.server_object
function running.wake_waiters(state)
  systemd.ended(state)
  local waiters = ordered_set.members(state.waiters)
  state.waiters = {}
  for _, resume in ipairs(waiters) do resume(true) end
end

local DAY = 24 * 3600 * 1000 -- ms

local shutdown_options = options.spec("server:shutdown", {
  within = options.number(0, DAY, "milliseconds"),
  grace = options.number(0, DAY, "milliseconds"),
  retry = options.number(0, DAY, "milliseconds"),
})

-- Begins a shutdown; during one, closes all connections at once.
local function begin_shutdown(state, given)
  systemd.stopping(state)
  state.core:shutdown(given.within or 5000, given.retry or 2000, given.grace or 5000)
end

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
    ordered_set.add(state.waiters, resume)
    begin_shutdown(state, given)
    if not state.core.active then running.wake_waiters(state) end
  end, "server:shutdown")
end

options.spec("server:run", shutdown_options)

-- What `server:run` undoes when it ends, in whichever way: its signals, and its wait.
local guard = {}

function guard:__close()
  for _, signal in ipairs(self) do signal:stop() end
  self.state.runs = false
  if self.waiter then self.state.waiters[self.waiter] = nil end
end

-- A worker may get SIGTERM from its master and from whoever sends it to all processes of a service,
-- so that only the master's word means a second one.
local function end_by_signal(guarded, given)
  if worker.current and guarded.told then return end
  guarded.told = true
  begin_shutdown(guarded.state, given)
  worker.stop_listening()
end

-- Lets SIGTERM and SIGINT shut the server down. A worker's master gets SIGINT of a terminal, too,
-- and acts on it. Raises at the line of the caller's caller.
local function watch_signals(self, given)
  for _, name in ipairs(worker.current and { "SIGTERM" } or { "SIGTERM", "SIGINT" }) do
    local ok, signal = pcall(core.signal, name, function() end_by_signal(self, given) end)
    if not ok then error((signal:gsub("^sse%.signal", "server:run")), 3) end
    table.insert(self, signal)
  end
end

-- Runs the loop until `begin` or the loop calls the function that `begin` is called with; returns
-- its arguments, or true if `sse.stop` came first.
local function run_loop(begin)
  local results
  begin(function(...)
    results = table.pack(...)
    core.stop()
  end)
  if not results then core.run() end
  if not results then return true end
  return table.unpack(results, 1, results.n)
end

--- Listens, unless the server does already, and serves until it has ended in peace: SIGTERM and
-- SIGINT shut it down as `server:shutdown` does, a second one closes it at once, and so does any
-- `shutdown` or `close` of the program's. Returns when no connection is left, whatever else would
-- keep the loop. Outside of a task the loop is run: errors of callbacks are raised as by `sse.run`,
-- and `sse.stop` ends it, while the server goes on. A task yields. Signals are watched only
-- meanwhile, and beside those of `sse.signal`. A service manager that wants to hear of it
-- (NOTIFY_SOCKET, as systemd sets it) is told when the server listens and when it stops.
-- @tparam[opt] table given the options of `server:shutdown`, for the signals
-- @return true; or nil, message, code if it can't listen
function methods:run(given, ...)
  options.check_self(self, metatable, "server:run(options)", ...)
  given = options.check("server:run", given, shutdown_options)
  local state = state_of(self)
  if state.runs then error("server:run: it runs already", 2) end
  local guarded <close> = setmetatable({ state = state }, guard)
  watch_signals(guarded, given)
  state.runs = true
  local function begin(resume)
    local ok, message, code = state.core.listening, nil, nil
    if not ok then ok, message, code = listening.begin(state) end
    if not ok then return resume(nil, message, code) end
    systemd.ready(state)
    guarded.waiter = resume
    ordered_set.add(state.waiters, resume)
  end
  if task.current() or core.running() then return task.await(begin, "server:run") end
  return run_loop(begin)
end

--- Stops listening and closes all connections at once.
function methods:close(...)
  options.check_self(self, metatable, "server:close()", ...)
  systemd.stopping(state_of(self))
  state_of(self).core:close()
end

--- Reads the files of `tls` again, the server's and those of every listener. Open connections keep
-- their certificates, and sessions can be resumed as before.
-- @return true; or nil, message, code ("ECERT"), and nothing has changed
function methods:reload_tls(...)
  options.check_self(self, metatable, "server:reload_tls()", ...)
  local inner = state_of(self).core
  return options.unwrap(pcall(inner.reload_tls, inner))
end

return running
