--- A server's numbers: `server:stats`, and `server:metrics` in Prometheus' text format, version
-- 0.0.4.
-- @module sse.server.metrics
local channels = require "sse.channel"
local core = require "sse.core"
local metric_names = require "sse.server.metric_names"
local options = require "sse.shared.options"
local server_object = require "sse.server.server_object"
local utf8_text = require "sse.server.utf8_text"

local methods, metatable = server_object.methods, server_object.metatable

local TYPE = "text/plain; version=0.0.4; charset=utf-8"

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

-- `out` is the list of the text's lines.
local function add_sample(out, name, labels, value)
  local texts = {}
  for i, label in ipairs(labels) do texts[i] = format_label(label[1], label[2]) end
  local set = #texts > 0 and "{" .. table.concat(texts, ",") .. "}" or ""
  out[#out + 1] = ("%s%s %s\n"):format(name, set, format_number(value))
end

local function add_head(out, name, kind, help)
  out[#out + 1] = ("# HELP %s %s\n# TYPE %s %s\n"):format(name, help, name, kind)
end

-- Adds a sample for each key of a table.
local function add_labelled(out, entry, labels, counts)
  local keys = {}
  for key in pairs(counts) do keys[#keys + 1] = key end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local all = table.move(labels, 1, #labels, 1, {})
    all[#all + 1] = { entry.label, key }
    add_sample(out, entry.metric, all, counts[key])
  end
end

local function add_histogram(out, name, labels, histogram)
  for _, bucket in ipairs(histogram.buckets) do
    local le = bucket.le and format_number(bucket.le) or "+Inf"
    add_sample(out, name .. "_bucket", { labels[1], { "le", le } }, bucket.count)
  end
  add_sample(out, name .. "_sum", labels, histogram.sum)
  add_sample(out, name .. "_count", labels, histogram.count)
end

-- Adds the metrics of a list with the samples of several sources, each of them { labels, numbers },
-- where labels are a list of { name, value }.
local function add_metrics(out, list, sources)
  for _, entry in ipairs(list) do
    add_head(out, entry.metric, entry.kind, entry.help)
    for _, source in ipairs(sources) do
      local labels, value = source[1], source[2][entry.stem]
      if entry.kind == "histogram" then add_histogram(out, entry.metric, labels, value)
      elseif entry.label then add_labelled(out, entry, labels, value)
      else add_sample(out, entry.metric, labels, value) end
    end
  end
end

-- The numbers of a server. Raises at the line of the caller's caller where it was collected: a
-- finalizer may refer to it.
local function numbers_of(server)
  local inner = server_object.state(server).core
  local ok, numbers = pcall(inner.numbers, inner)
  if not ok then error(numbers, 3) end
  return numbers
end

--- The server's numbers, in tables by what they are of: `server:stats().connections.accepted`.
-- sse.server.metric_names lists them. Where a number is a table, it has a number for each `reason`
-- ("client", "server", "slow", "timeout", "error"; of refused sends "full" and "oversized"),
-- `status` (only those that occurred) or `kind` ("resets", "floods", "header_floods").
-- @treturn table
function methods:stats(...)
  options.check_self(self, metatable, "server:stats()", ...)
  return metric_names.group(metric_names.server, numbers_of(self))
end

local metrics_options = options.spec("server:metrics", { channels = "boolean" })

--- The numbers of the server, and of all open channels of the process, as text for Prometheus. A
-- metric's name is `sse_` (of a channel `sse_channel_`), the names of the number's place in the
-- stats joined by `_`, and `_total` if it counts.
--
--    server:get("/metrics", function(_, res) res:reply(200, server:metrics()) end)
-- @tparam[opt] table given `channels` (true): false leaves the channels out
-- @treturn string the text
-- @treturn table the header fields that it is to be sent with
function methods:metrics(given, ...)
  options.check_self(self, metatable, "server:metrics(options)", ...)
  given = options.check("server:metrics", given, metrics_options)
  local out, sources = {}, {}
  add_metrics(out, metric_names.server, { { {}, numbers_of(self) } })
  if given.channels == false then return table.concat(out), { ["Content-Type"] = TYPE } end
  for _, channel in ipairs(channels.all()) do
    sources[#sources + 1] = { { { "channel", channel.name } }, core.channel_numbers(channel) }
  end
  add_metrics(out, metric_names.channel, sources)
  return table.concat(out), { ["Content-Type"] = TYPE }
end
