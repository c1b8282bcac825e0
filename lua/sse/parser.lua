--- The event-stream parser alone: bytes in, events out, no sockets.
-- @module sse.parser
require "sse.shared.lua_version"

local core = require "sse.core"
local options = require "sse.shared.options"

local spec = {
  on_event = "function", on_retry = "function", on_comment = "function", on_id = "function",
  max_event_size = options.integer(1),
  utf8 = options.one_of("replace", "raw"),
  last_event_id = options.event_id,
}

--- Takes any piece of the stream and calls back for what it completes. An error in a callback is
-- raised; the parser is stopped then, the rest lost. Called from a callback, it puts the bytes
-- behind those at hand and gives true.
-- @function parser:feed
-- @tparam string bytes
-- @return true; or nil, message, code: "ETOOBIG" past `max_event_size` (until `reset`), "ESTOPPED"
-- where a callback called `stop` or `reset` (the rest of the piece is dropped) or the parser is
-- stopped

--- Begins a new connection: what is half done is forgotten, the last id stays.
-- @function parser:reset

--- No further callback until `reset`.
-- @function parser:stop

--- Makes a parser. Its `last_event_id` can be read and set; `memory` is what it occupies at
-- present, in bytes.
-- @function sse.parser
-- @tparam[opt] table opts
-- @tparam[opt] function opts.on_event (data, type, id): an event; id is the last event id
-- @tparam[opt] function opts.on_retry (ms): a `retry` line
-- @tparam[opt] function opts.on_comment (text): a comment line, without its colon
-- @tparam[opt] function opts.on_id (id): the last event id changed; before the event of its block
-- @tparam[opt=16777216] number opts.max_event_size bytes of data, and of any one line's value
-- @tparam[opt="replace"] string opts.utf8 `"replace"` broken UTF-8 by U+FFFD, or `"raw"`
-- @tparam[opt=""] string opts.last_event_id
-- @return the parser
local function parser(opts)
  return core.parser(options.check("sse.parser", opts, spec))
end

return parser
