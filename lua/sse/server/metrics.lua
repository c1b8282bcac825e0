--- A server's numbers: `server:stats`, and `server:metrics` in Prometheus' text format, version
-- 0.0.4.
-- @module sse.server.metrics
local channels = require "sse.channel"
local core = require "sse.core"
local limit = require "sse.server.limit"
local metric_names = require "sse.server.metric_names"
local options = require "sse.shared.options"
local response_head = require "sse.server.response_head"
local response_object = require "sse.server.response_object"
local server_object = require "sse.server.server_object"
local task = require "sse.task"
local utf8_text = require "sse.server.utf8_text"

local methods, metatable = server_object.methods, server_object.metatable

local TYPE = "text/plain; version=0.0.4; charset=utf-8"

-- After how many milliseconds of work a task that makes a long text lets others go on, and how many
-- pieces of text are joined in between.
local SLICE_MS <const>, MAX_PIECES <const> = 3, 1000

local ESCAPES = { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n" }

-- A byte of a text that is not UTF-8, as the text says it: the format asks for UTF-8.
local function escape_byte(byte) return ("\\x%02X"):format(byte:byte()) end

local function format_label(name, value)
  local text = utf8_text(tostring(value), escape_byte)
  return ('%s="%s"'):format(name, (text:gsub('[\\"\n]', ESCAPES)))
end

local function format_number(value)
  return math.type(value) == "integer" and ("%d"):format(value) or ("%.15g"):format(value)
end

-- --- texts in pieces -----------------------------------------------------------------------------

-- A text that is made in slices: `parts`, what has been joined, and `pieces`, `count` of them, what
-- has not. With a `response` the parts are written to that; when its client has left, `failure` is
-- what its methods returned.
local function new_text(response)
  return { parts = {}, pieces = {}, count = 0, since = core.now(), response = response }
end

-- In a task that has worked for SLICE_MS lets the loop serve others first. Elsewhere nothing can
-- wait, and the text is made at once.
local function give_way(text)
  if core.now() - text.since < SLICE_MS or not task.current() then return end
  task.await(function(resume) core.defer(resume) end, "server:metrics")
  text.since = core.now()
end

-- Writes a part to the response, and waits until the client has taken it.
local function write_part(text, part)
  if text.failure then return end
  local ok, message, code = text.response:write(part)
  if ok then ok, message, code = text.response:drain() end
  if not ok then text.failure = { nil, message, code } end
end

local function join_pieces(text)
  local part = table.concat(text.pieces, "", 1, text.count)
  text.count = 0
  if text.response then write_part(text, part) else text.parts[#text.parts + 1] = part end
  give_way(text)
end

-- --- samples -------------------------------------------------------------------------------------

-- The keys under which a metric's value has its numbers, in the order of the samples, with the
-- suffix of the metric's name and the label of each. A value that is a number has none.
local function each_sample(entry, value, fn)
  if entry.kind == "histogram" then
    for i, le in ipairs(metric_names.bounds) do fn(i, "_bucket", { "le", format_number(le) }) end
    fn(#value, "_bucket", { "le", "+Inf" })
    fn("sum", "_sum")
    fn("count", "_count")
  elseif entry.label then
    local keys = {}
    for key in pairs(value) do keys[#keys + 1] = key end
    table.sort(keys)
    for _, key in ipairs(keys) do fn(key, "", { entry.label, key }) end
  else
    fn(nil, "")
  end
end

-- The samples of a metric, which are the same for all of its sources: a sample's line is `head`,
-- the source's label, `tail` and the number that the value has under `key`.
local function samples_of(entry, source)
  local samples, labelled = {}, source.label ~= ""
  each_sample(entry, source.numbers[entry.stem], function(key, suffix, label)
    local own = label and format_label(label[1], label[2]) or ""
    local open, close = "", " "
    if labelled or own ~= "" then open, close = "{", "} " end
    if labelled and own ~= "" then own = "," .. own end
    samples[#samples + 1] = {
      head = entry.metric .. suffix .. open, tail = own .. close, key = key,
    }
  end)
  return samples
end

-- Adds the lines of a metric for a source.
local function add_lines(text, samples, label, value)
  local pieces, n = text.pieces, text.count
  for i = 1, #samples do
    local sample = samples[i]
    local key = sample.key
    local number = key == nil and value or value[key]
    if key == "sum" then number = format_number(number) end -- the others are integers
    pieces[n + 1], pieces[n + 2], pieces[n + 3] = sample.head, label, sample.tail
    pieces[n + 4], pieces[n + 5] = number, "\n"
    n = n + 5
  end
  text.count = n
  if n > MAX_PIECES then join_pieces(text) end
end

-- Adds the metrics of a list with the samples of several sources. A source has `numbers`, those of
-- the core, and `label`, which tells it from the others, or "".
local function add_metrics(text, list, sources)
  for _, entry in ipairs(list) do
    if text.failure then return end
    local kind, stem = entry.kind, entry.stem
    local head = "# HELP %s %s\n# TYPE %s %s\n"
    text.count = text.count + 1
    text.pieces[text.count] = head:format(entry.metric, entry.help, entry.metric, kind)
    local samples = sources[1] and samples_of(entry, sources[1])
    for _, source in ipairs(sources) do
      add_lines(text, samples, source.label, source.numbers[stem])
    end
  end
end

-- The open channels as sources.
local function channel_sources(text)
  local sources = {}
  for i, channel in ipairs(channels.all()) do
    sources[i] = {
      label = format_label("channel", channel.name), numbers = core.channel_numbers(channel),
    }
    if i % 100 == 0 then give_way(text) end
  end
  return sources
end

-- Adds the metrics of a server, by its numbers, and those of the channels.
local function add_all(text, numbers, with_channels)
  add_metrics(text, metric_names.server, { { label = "", numbers = numbers } })
  if with_channels then add_metrics(text, metric_names.channel, channel_sources(text)) end
end

-- --- the methods ---------------------------------------------------------------------------------

-- The numbers of a server. Raises at the line of the caller's caller where it was collected: a
-- finalizer may refer to it.
local function numbers_of(server)
  local state = server_object.state(server)
  local ok, numbers = pcall(state.core.numbers, state.core)
  if not ok then error(numbers, 3) end
  limit.add_numbers(state, numbers)
  return numbers
end

--- The server's numbers, in tables by what they are of: `server:stats().connections.accepted`.
-- sse.server.metric_names lists them. Where a number is a table, it has a number for each `reason`
-- ("client", "server", "slow", "timeout", "error", of streams also "expired"; of refused sends
-- "full" and "oversized"), `status` (only those that occurred) or `kind` ("resets", "floods",
-- "header_floods").
-- @treturn table
function methods:stats(...)
  options.check_self(self, metatable, "server:stats()", ...)
  return metric_names.group(metric_names.server, numbers_of(self))
end

local metrics_options = options.spec("server:metrics", {
  channels = "boolean",
  to = {
    expected = "a response",
    check = function(v)
      return type(v) == "table" and getmetatable(v) == response_object.metatable
    end,
  },
})

local FIELDS = { ["Content-Type"] = TYPE }

-- Writes the text to the response that `text` has, as a whole response.
local function send(text, numbers, with_channels)
  local response = text.response
  local ok, message, code = response:write_head(200, FIELDS)
  if not ok then return nil, message, code end
  add_all(text, numbers, with_channels)
  join_pieces(text)
  if text.failure then return table.unpack(text.failure, 1, 3) end
  return response:finish()
end

--- The numbers of the server, and of all open channels of the process, as text for Prometheus. A
-- metric's name is `sse_` (of a channel `sse_channel_`), the names of the number's place in the
-- stats joined by `_`, and `_total` if it counts.
-- A task that calls this lets others go on every 3 ms, which matters from hundreds of channels on.
--
--    server:get("/metrics", function(_, res) res:reply(200, server:metrics()) end)
-- @tparam[opt] table given `channels` (true): false leaves the channels out; `to`: a response that
-- the text is sent with, piece by piece as the client takes it
-- @treturn string the text; with `to` true, or nil, "closed", "ECLOSED"
-- @treturn table the header fields that it is to be sent with
function methods:metrics(given, ...)
  options.check_self(self, metatable, "server:metrics(options)", ...)
  given = options.check("server:metrics", given, metrics_options)
  local text, numbers = new_text(given.to), numbers_of(self)
  if given.to then
    task.check_can_wait("server:metrics", 2)
    response_head.check_unanswered(given.to, 2)
    return send(text, numbers, given.channels ~= false)
  end
  add_all(text, numbers, given.channels ~= false)
  join_pieces(text)
  return table.concat(text.parts), { ["Content-Type"] = TYPE }
end
