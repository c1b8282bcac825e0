--- Parsers that record what they report.
local new_parser = require "sse.parser"

local support = {}

--- A parser, and the list that everything it reports is added to: { "event", data, type, id },
-- { "retry", ms }, { "comment", text }, { "id", id }.
function support.recorder(opts)
  local seen = {}
  opts = opts or {}
  opts.on_event = function(data, type, id) seen[#seen + 1] = { "event", data, type, id } end
  opts.on_retry = function(ms) seen[#seen + 1] = { "retry", ms } end
  opts.on_comment = function(text) seen[#seen + 1] = { "comment", text } end
  opts.on_id = function(id) seen[#seen + 1] = { "id", id } end
  return new_parser(opts), seen
end

--- A parser and the list of its events' data.
function support.listener(opts)
  local seen = {}
  opts = opts or {}
  opts.on_event = function(data) seen[#seen + 1] = data end
  return new_parser(opts), seen
end

function support.bytes_of(s)
  local pieces = {}
  for i = 1, #s do pieces[i] = s:sub(i, i) end
  return pieces
end

return support
