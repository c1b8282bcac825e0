--- Server-Sent Events: a client, a server, and channels between them. This module is a table of
-- what the modules of the library have for programs; it has no logic of its own.
-- @module sse
require "sse.shared.lua_version"

local abort = require "sse.abort"
local channels = require "sse.channel"
local core = require "sse.core"
local descriptor = require "sse.descriptor"
local event = require "sse.event"
local files = require "sse.server.files"
local follow = require "sse.server.follow"
local hints = require "sse.shared.hints"
local log = require "sse.log"
local optional = require "sse.shared.optional"
local options = require "sse.shared.options"
local task = require "sse.task"

--- Runs the loop until nothing keeps it running (an open source, a listening server, a timer, a
-- task), or until `sse.stop`. Raises an error of a callback or a task, with its traceback.
-- @function run
-- @tparam[opt] function fn started before as a task, as by `sse.spawn`
-- @param ... its arguments

--- Ends `sse.run` when the present callback has returned.
-- @function stop

--- The time on a clock that only goes forward.
-- @function now
-- @treturn number milliseconds

--- Runs fn as a task once, after a time.
-- @function after
-- @tparam number ms milliseconds
-- @tparam function fn
-- @return a timer: `timer:stop()`

--- Runs fn as a task again and again. A call that falls due while the last one still waits is left
-- out. `timer:stop()` ends no call that waits.
-- @function every
-- @tparam number ms milliseconds between two calls
-- @tparam function fn
-- @return a timer: `timer:stop()`

--- Runs fn as a task whenever the process gets a signal, also while an earlier call waits. A
-- signal's handler does not keep `sse.run` running.
-- @function signal
-- @tparam string name "SIGTERM"
-- @tparam function fn
-- @return a signal: `signal:stop()`

--- Runs fn(...) as a task at the end of the loop's turn. An error in it is given to those who wait
-- for the task's end; if nobody does, `sse.run` raises it.
-- @function spawn
-- @tparam function fn
-- @param ... its arguments
-- @return a task: `task:wait()`, `task:cancel()`; see `sse.task`

--- Waits for a time: in a task by yielding, outside of one by pumping the loop.
-- @function sleep
-- @tparam number ms milliseconds

--- Waits for a callback of another library's; see `sse.task`.
-- @function await
-- @tparam function begin called with a function `resume`
-- @return the arguments of `resume`

--- Waits until a descriptor can be read; see `sse.descriptor`.
-- @function readable
-- @tparam int|file|table fd a descriptor, a Lua file, or an object with a method `getfd`
-- @return true; or nil, message, "ECLOSED" if it is not open

--- Waits until a descriptor can be written.
-- @function writable
-- @tparam int|file|table fd as of `readable`
-- @return as of `readable`

local sse = {
  _VERSION = require "sse.version",

  run = core.run,
  stop = core.stop,
  now = core.now,
  after = core.after,
  every = core.every,
  signal = core.signal,
  set_log = log.set,
  spawn = task.spawn,
  sleep = task.sleep,
  await = task.await_callback,
  readable = descriptor.readable,
  writable = descriptor.writable,

  EventSource = require "sse.eventsource",
  fetch = require "sse.fetch",
  fetchEventSource = require "sse.fetcheventsource",
  AbortController = abort.AbortController,
  AbortSignal = abort.AbortSignal,
  Event = event.Event,

  channel = channels.new,
  channels = channels.all,
  server = require "sse.server",
  workers = require "sse.workers",
  file = files.file,
  follow = follow.handler,

  parser = require "sse.parser",
  encode = require "sse.encode",
  decode = require "sse.decode",
  json = require "sse.json",
  url = require "sse.url",

  jwt = require "sse.jwt",
  crypto = require "sse.crypto",
}

hints.close_fields(sse, "sse", "sse")
optional.add(sse, { sqlite = "lua-sse-sqlite", redis = "lua-sse-redis" })

-- A function of the library can be replaced, as a test's double is; what does not exist can't be
-- assigned, since the library would take no notice of it.
return options.close_writes(sse, "sse", "sse")
