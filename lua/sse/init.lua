--- Server-Sent Events: a client, a server, and the channel between them.
-- @module sse
local abort = require "sse.abort"
local core = require "sse.core"
local event = require "sse.event"
local files = require "sse.files"
local task = require "sse.task"

return {
  _VERSION = require "sse.version",

  run = core.run,
  stop = core.stop,
  now = core.now,
  after = core.after,
  every = core.every,
  signal = core.signal,
  spawn = task.spawn,
  sleep = task.sleep,

  EventSource = require "sse.eventsource",
  fetch = require "sse.fetch",
  fetchEventSource = require "sse.fetcheventsource",
  AbortController = abort.AbortController,
  AbortSignal = abort.AbortSignal,
  Event = event.Event,

  server = require "sse.server",
  file = files.file,

  parser = require "sse.parser",
  encode = require "sse.encode",
  json = require "sse.json",
}
