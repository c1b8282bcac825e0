--- How scripts/api.lua groups what it finds: the only thing that the library can't tell. A function
-- or class that is in no group, or that a group has and the library has not, is an error.
--
-- `functions`: those of `sse`. `classes`: the names of scripts/api/objects.lua, each with the
-- variables by which the pages call its objects.
return {
  {
    name = "Loop",
    functions = {
      "run", "stop", "now", "after", "every", "spawn", "sleep", "await", "readable", "writable",
      "signal", "set_log",
    },
    classes = {
      { "timer", "timer" }, { "task", "task" }, { "signal", "signal" },
    },
  },
  {
    name = "Client",
    functions = {
      "EventSource", "fetch", "fetchEventSource", "AbortController", "AbortSignal", "Event",
    },
    classes = {
      { "EventSource" },
      { "source", "source", "target" },
      { "message", "event", "ev" },
      { "Response", "res", "response" },
      { "handle", "handle" },
      { "controller", "controller" }, { "AbortSignal" },
      { "abort_signal", "signal", "target" },
      { "Event", "event" },
    },
  },
  {
    name = "Bytes",
    functions = { "parser", "encode", "decode", "json", "url" },
    classes = { { "parser", "parser" }, { "json" }, { "url" } },
  },
  {
    name = "Server",
    functions = { "server", "file", "follow", "workers" },
    classes = {
      { "server", "server" }, { "req", "req" },
      { "res", "res" },
      { "stream", "stream" },
      { "context", "context" },
      { "entry", "entry" },
      { "worker", "worker" },
    },
  },
  {
    name = "Channels",
    functions = { "channel", "channels" },
    classes = {
      { "channel", "channel" }, { "published", "event" },
    },
  },
  { name = "Stores", functions = { "sqlite", "redis" }, classes = { { "store", "store" } } },
  {
    name = "Tokens", functions = { "jwt", "crypto" }, classes = { { "jwt" }, { "crypto" } },
  },
  { name = "Beside", functions = { "_VERSION" }, classes = {} },
}
