--- The parser over a whole text: an event stream's bytes to a list of its events (HTML 9.2.6). What
-- comes in pieces is for `sse.parser`.
-- @module sse.decode
require "sse.shared.lua_version"

local core = require "sse.core"
local json = require "sse.json"
local options = require "sse.shared.options"

local spec = options.spec("sse.decode", {
  max_event_size = options.integer(1),
  utf8 = options.one_of("replace", "raw"),
  last_event_id = options.event_id,
})

-- The parser tells of an id only where it differs from the last event id, and a list is to have
-- each id that its bytes have. So the parser gets this id after each event: one that no stream has.
local NO_ID = "\xff" .. core.random(16):gsub("[\0\r\n]", "x")

-- The method json of decoded events.
local function decode_data(self, ...)
  local is_event = type(self) == "table" and type(self.data) == "string"
  options.check_call(3, is_event, "event:json()")
  return options.unwrap(pcall(json.get, self.data, ...))
end

-- The metatable of events without `id` whose last event id is `last_id`. Through it the fields of a
-- MessageEvent are read that are no fields of the event's table.
local function metatable_of(last_id)
  return {
    __index = function(self, key)
      if key == "type" then return rawget(self, "event") or "message" end
      if key == "lastEventId" then return rawget(self, "id") or last_id end
      if key == "json" then return decode_data end
    end,
  }
end

local with_id = metatable_of(nil) -- of events with `id`

-- The metatable of a list of events, which a program may take for one event or an iterator.
local list_metatable = {
  __index = function(_, key)
    if type(key) == "number" then return nil end
    local message = "it is a list of events: sse.decode(bytes)[1].%s [docs/errors.md#names]"
    error(message:format(tostring(key)), 2)
  end,
  __call = function() error("it is a list of events: for _, event in ipairs(list)", 2) end,
}

--- Decodes an event stream: the reverse of `sse.encode`. Raises on an option that is unknown or
-- wrong.
--
-- An event is a table with the fields that `sse.encode` takes: `data`; `event`, nil for the type
-- "message"; `id` and `retry`, where the bytes have them since the event before. Beside them it can
-- be read as a MessageEvent: `type`; `lastEventId`, which is that of the event before where there
-- is no `id`; `:json()`.
--
-- Comments are left out. So is, as in a client, an event at the end that has no blank line after
-- it; and so are an `id` and a `retry` after the last event.
-- @function sse.decode
-- @tparam string bytes
-- @tparam[opt] table given docs/reference/bytes.md describes them
-- @treturn {table,...} the events; or nil, message, "ETOOBIG" if an event is larger than
-- `max_event_size`
-- @usage
-- for _, ev in ipairs(sse.decode(bytes)) do print(ev.type, ev.data) end
local function decode(bytes, given, ...)
  options.check_count("sse.decode(bytes, options)", ...)
  if type(bytes) ~= "string" then
    local message = "sse.decode: expected a string, got %s [docs/errors.md#arguments]"
    error(message:format(options.show(bytes)), 2)
  end
  local o = options.check("sse.decode", given, spec)
  local list, last_id = setmetatable({}, list_metatable), o.last_event_id or ""
  local without_id, id, retry -- id and retry: since the last event
  local parser
  parser = core.parser {
    max_event_size = o.max_event_size, utf8 = o.utf8, last_event_id = NO_ID,
    on_id = function(new) id = new end,
    on_retry = function(ms) retry = ms end,
    on_event = function(data, type_)
      if type_ == "message" then type_ = nil end
      local ev = { event = type_, data = data, id = id, retry = retry }
      if id then
        parser.last_event_id, last_id, without_id = NO_ID, id, nil
      else
        without_id = without_id or metatable_of(last_id)
      end
      list[#list + 1] = setmetatable(ev, id and with_id or without_id)
      id, retry = nil, nil
    end,
  }
  local ok, message, code = parser:feed(bytes)
  if not ok then return nil, message, code end
  return list
end

return decode
