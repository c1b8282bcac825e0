--- The encoder alone, without sockets: makes the bytes of an event stream (HTML 9.2.5) of an event.
-- @module sse.encode
require "sse.shared.lua_version"

local core = require "sse.core"

--- Encodes one event or one comment, with the blank line at its end. Raises on an unknown field or
-- one of a wrong type.
-- @function sse.encode
-- @tparam table|string event `event` (its type), `id` (string or number), `data` (string, number,
-- boolean, or a table, which is encoded as JSON), `retry` (milliseconds); or `comment` (string). A
-- string in place of the table is the data. A MessageEvent is encoded as it came, without `retry`.
-- @treturn string the bytes; or nil, message, "EINVAL" if event or id holds CR, LF or NUL
return core.encode
