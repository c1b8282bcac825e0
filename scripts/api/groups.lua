--- How scripts/api.lua groups what it finds: the only thing that the library can't tell. A function
-- or class that is in no group, or that a group has and the library has not, is an error.
--
-- `functions`: those of `sse`. `classes`: the names of scripts/api/objects.lua, each with the
-- headings of docs/reference.md under which its names are to be found ({}: those of the group), and
-- with the variables by which the reference calls its objects.
return {
  {
    name = "Loop", headings = { "Loop and tasks" },
    functions = {
      "run", "stop", "now", "after", "every", "spawn", "sleep", "await", "readable", "writable",
      "signal", "set_log",
    },
    classes = {
      { "timer", {}, "timer" }, { "task", {}, "task" }, { "signal", {}, "signal" },
    },
  },
  {
    name = "Client", headings = { "EventSource", "fetch" },
    functions = {
      "EventSource", "fetch", "fetchEventSource", "AbortController", "AbortSignal", "Event",
    },
    classes = {
      { "EventSource", { "EventSource" } },
      { "source", { "EventSource" }, "source", "target" },
      { "message", { "EventSource", "fetch", "Parser and encoder" }, "event", "ev" },
      { "Response", { "fetch" }, "res", "response" },
      { "handle", { "fetch" }, "handle" },
      { "controller", { "fetch" }, "controller" }, { "AbortSignal", { "fetch" } },
      { "abort_signal", { "fetch", "EventSource" }, "signal", "target" },
      { "Event", { "fetch", "EventSource" }, "event" },
    },
  },
  {
    name = "Bytes", headings = { "Parser and encoder" },
    functions = { "parser", "encode", "decode", "json" },
    classes = { { "parser", {}, "parser" }, { "json", {} } },
  },
  {
    name = "Server", headings = { "Server" },
    functions = { "server", "file", "follow" },
    classes = {
      { "server", {}, "server" }, { "req", { "Requests" }, "req" },
      { "res", { "Responses", "Event streams" }, "res" },
      { "stream", { "Event streams", "Channels" }, "stream" },
      { "context", { "Errors in callbacks" }, "context" },
      { "entry", { "What a server tells of its responses" }, "entry" },
    },
  },
  {
    name = "Channels", headings = { "Channels" },
    functions = { "channel", "channels" },
    classes = {
      { "channel", { "Channels", "Numbers" }, "channel" }, { "published", {}, "event" },
    },
  },
  { name = "Beside", headings = { "fetch" }, functions = { "_VERSION" }, classes = {} },
}
