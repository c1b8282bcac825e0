--- The encoder alone: an event as the bytes of an event stream.
-- @module sse.encode
require "sse.shared.lua_version"

local core = require "sse.core"
require "sse.json" -- tables as data

--- Encodes one event or comment, blank line included.
-- @function sse.encode
-- @tparam table|string event `event`, `id` (string or number), `data` (string, number, boolean, or
-- a table, which becomes JSON), `retry` (milliseconds); or `comment`. A string is data. An unknown
-- or wrong field raises.
-- @treturn string bytes; or nil, message, "EINVAL" where event or id holds CR, LF or NUL
return core.encode
