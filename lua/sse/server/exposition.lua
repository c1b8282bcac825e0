--- Prometheus' text format, version 0.0.4: texts that are made in slices, and the samples of
-- metrics.
-- @module sse.server.exposition
local core = require "sse.core"
local metric_names = require "sse.server.metric_names"
local task = require "sse.task"
local utf8_text = require "sse.server.utf8_text"

local exposition = {}

-- After how many milliseconds of work a task that makes a long text lets others go on, and how many
-- pieces of text are joined in between.
local SLICE_MS <const>, MAX_PIECES <const> = 3, 1000

local ESCAPES = { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n" }

-- A byte of a text that is not UTF-8, as the text says it: the format asks for UTF-8.
local function escape_byte(byte) return ("\\x%02X"):format(byte:byte()) end

--- A label as samples have it: `channel="news"`.
-- @tparam string name
-- @param value
-- @treturn string
function exposition.label(name, value)
  local text = utf8_text(tostring(value), escape_byte)
  return ('%s="%s"'):format(name, (text:gsub('[\\"\n]', ESCAPES)))
end

local function format_number(value)
  return math.type(value) == "integer" and ("%d"):format(value) or ("%.15g"):format(value)
end

-- --- texts in pieces -----------------------------------------------------------------------------

--- A text that is made in slices: `parts`, what has been joined, and `pieces`, `count` of them,
-- what has not.
-- @tparam[opt] function write takes each part instead; returns whether it could, or nil, message,
-- code, which become `failure` and end the text
-- @tparam[opt] function end_metric for a text of samples without the heads of their metrics: called
-- when those of a metric are complete
-- @treturn table
function exposition.new(write, end_metric)
  return {
    parts = {}, pieces = {}, count = 0, since = core.now(), write = write, end_metric = end_metric,
  }
end

--- In a task that has worked for SLICE_MS lets the loop serve others first. Elsewhere nothing can
-- wait, and the text is made at once.
-- @tparam table text
function exposition.give_way(text)
  if core.now() - text.since < SLICE_MS or not task.current() then return end
  task.await(function(resume) core.defer(resume) end, "server:metrics")
  text.since = core.now()
end

--- Joins the pieces.
-- @tparam table text
function exposition.join(text)
  local part = table.concat(text.pieces, "", 1, text.count)
  text.count = 0
  if not text.write then
    text.parts[#text.parts + 1] = part
  elseif not text.failure and part ~= "" then
    local ok, message, code = text.write(part)
    if not ok then text.failure = { nil, message, code } end
  end
  exposition.give_way(text)
end

--- Adds a piece.
-- @tparam table text
-- @tparam string piece
function exposition.add(text, piece)
  text.count = text.count + 1
  text.pieces[text.count] = piece
  if text.count > MAX_PIECES then exposition.join(text) end
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
    local own = label and exposition.label(label[1], label[2]) or ""
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
  if n > MAX_PIECES then exposition.join(text) end
end

--- Adds the metrics of a list with the samples of several sources.
-- @tparam table text
-- @tparam table list of sse.server.metric_names
-- @tparam {table,...} sources each has `numbers`, those of the core, and `label`, which tells it
-- from the others, or ""
-- @tparam[opt] {table,...} others of other workers, whose samples of the same metrics follow: each
-- has a method `copy(text)`
function exposition.add_metrics(text, list, sources, others)
  for _, entry in ipairs(list) do
    if text.failure then return end
    if not text.end_metric then
      local head = "# HELP %s %s\n# TYPE %s %s\n"
      exposition.add(text, head:format(entry.metric, entry.help, entry.metric, entry.kind))
    end
    local samples = sources[1] and samples_of(entry, sources[1])
    for _, source in ipairs(sources) do
      add_lines(text, samples, source.label, source.numbers[entry.stem])
    end
    for _, other in ipairs(others or {}) do other:copy(text) end
    if text.end_metric then
      exposition.join(text)
      text.end_metric()
    end
  end
end

return exposition
