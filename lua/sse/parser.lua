--- The event-stream parser alone (HTML 9.2.6): bytes in, events out, no sockets.
-- @module sse.parser
require "sse.shared.lua_version"

local core = require "sse.core"
local options = require "sse.shared.options"

local spec = options.spec("sse.parser", {
  on_event = "function", on_retry = "function", on_comment = "function", on_id = "function",
  max_event_size = options.integer(1),
  utf8 = options.one_of("replace", "raw"),
  last_event_id = options.event_id,
})

--- Parses the next piece of the stream, of any length, and calls the callbacks for what the piece
-- completes. Raises an error of a callback; the parser is stopped then, and the rest of the piece
-- is dropped. Called by a callback, it only appends the bytes to those being parsed, and returns
-- true.
-- @function parser:feed
-- @tparam string bytes
-- @return true; or nil, message, code: "ETOOBIG" if an event is larger than `max_event_size` (then
-- for every call until `reset`), "ESTOPPED" if the parser is stopped, or a callback called `stop`
-- or `reset` (the rest of the piece is dropped)

--- Prepares for a new connection: drops an unfinished event and keeps the last event id.
-- @function parser:reset

--- Stops parsing: no callback is called until `reset`.
-- @function parser:stop

--- Makes a parser. Fields: `last_event_id`, which can be read and set; `memory`, the bytes that the
-- parser occupies.
-- @function sse.parser
-- @tparam[opt] table opts docs/reference/bytes.md describes them
-- @return the parser
local function parser(opts, ...)
  options.check_count("sse.parser(options)", ...)
  return core.parser(options.check("sse.parser", opts, spec))
end

return parser
