--- The numbers of a server and of all channels in Prometheus' text format, version 0.0.4.
-- @module sse.metrics
require "sse.shared.lua_version"

local channels = require "sse.channel"
local options = require "sse.shared.options"

local TYPE = "text/plain; version=0.0.4; charset=utf-8"

-- The functions below make a family's samples of stats: each is a list of { labels, value }, and
-- labels a list of { name, value }.

-- One sample for each key of a field that is a table.
local function by(label, field)
  return function(stats)
    local list = {}
    for value, count in pairs(stats[field]) do
      list[#list + 1] = { { { label, value } }, count }
    end
    table.sort(list, function(a, b) return a[1][1][2] < b[1][1][2] end)
    return list
  end
end

-- Two samples of two fields. a and b are { the label's value, field }.
local function either(label, a, b)
  return function(stats)
    return { { { { label, a[1] } }, stats[a[2]] }, { { { label, b[1] } }, stats[b[2]] } }
  end
end

local function http2_abuse(stats)
  return {
    { { { "kind", "resets" } }, stats.http2_resets },
    { { { "kind", "floods" } }, stats.http2_floods },
    { { { "kind", "header_floods" } }, stats.http2_header_floods },
  }
end

-- Families: name, type, help, and where the value is from: a field of the stats, or a function that
-- makes samples of the stats.
local server_families = {
  { "connections", "gauge", "Connections open now.", "connections" },
  { "streams", "gauge", "Event streams open now.", "streams" },
  { "pending_bytes", "gauge", "Bytes queued for clients now.", "pending" },
  { "buffered_bytes", "gauge", "Bytes held for clients now, what many wait for once.", "buffered" },
  { "body_bytes", "gauge", "Bytes that requests hold now: their bodies.", "bodies" },
  { "connections_accepted_total", "counter", "Connections accepted.", "accepted" },
  { "connections_refused_total", "counter", "Connections refused: too many.", "refused" },
  { "connections_closed_total", "counter", "Connections closed, by reason.",
    by("reason", "closed") },
  { "accept_pauses_total", "counter", "Pauses of accepting for lack of descriptors or memory.",
    "unaccepted" },
  { "requests_total", "counter", "Whole requests received.", "requests" },
  { "requests_rejected_total", "counter",
    "Requests refused before they reached a handler, by status.", by("status", "rejected") },
  { "streams_opened_total", "counter", "Event streams opened.", "streams_opened" },
  { "streams_ended_total", "counter", "Event streams ended, by reason.",
    by("reason", "streams_ended") },
  { "received_bytes_total", "counter", "Bytes received from clients.", "bytes_in" },
  { "sent_bytes_total", "counter", "Bytes sent to clients.", "bytes_out" },
  { "sends_refused_total", "counter", "Sends refused: the client was behind, or the event too big.",
    either("reason", { "full", "full" }, { "oversized", "oversized" }) },
  { "overflows_total", "counter", "Connections and HTTP/2 streams ended: past max_pending_total.",
    "overflowed" },
  { "tls_handshakes_total", "counter", "TLS handshakes done.", "handshakes" },
  { "tls_handshakes_resumed_total", "counter", "Of these, by a ticket.", "resumed" },
  { "tls_handshake_failures_total", "counter",
    "TLS connections that ended before their handshake was done.", "handshake_failures" },
  { "compressed_streams", "gauge", "Compressed event streams open now.", "compressed" },
  { "compression_windows", "gauge", "Of these, with a window of their own.", "windows" },
  { "uncompressed_bytes_total", "counter", "Bytes of events before they were compressed.",
    "uncompressed_bytes" },
  { "compressed_bytes_total", "counter", "Bytes they were compressed to.", "compressed_bytes" },
  { "http2_connections", "gauge", "HTTP/2 connections open now.", "http2_connections" },
  { "http2_streams", "gauge", "Requests and event streams on them now.", "http2_streams" },
  { "http2_abuse_total", "counter", "HTTP/2 connections ended for abuse, by its kind.",
    http2_abuse },
  { "http2_starved_total", "counter", "HTTP/2 streams ended: their window stayed closed.",
    "http2_starved" },
}

local channel_families = {
  { "followers", "gauge", "Streams that follow the channel now.", "followers" },
  { "held_events", "gauge", "Events held for replay.", "held" },
  { "held_bytes", "gauge", "Bytes held for replay.", "held_bytes" },
  { "published_total", "counter", "Events published.", "published" },
  { "repeats_total", "counter", "Publishes left out: held already with that dedupe.", "repeated" },
  { "publishes_refused_total", "counter", "Publishes refused.", "refused" },
  { "delivered_total", "counter", "Events handed to followers' sockets.", "delivered" },
  { "delivered_bytes_total", "counter", "Bytes of these events.", "bytes" },
  { "filtered_total", "counter", "Events that a where function kept from a follower.",
    "filtered" },
  { "gaps_total", "counter", "Gap events sent, by reason.", by("reason", "gaps") },
  { "slow_closed_total", "counter", "Followers closed for being slow.", "slow_closed" },
  { "superseded_total", "counter", "Events that a newer one with their key replaced.",
    "superseded" },
  { "skipped_total", "counter", "Events that slow followers never got.", "skipped" },
  { "replays_total", "counter", "Followers that brought an id: it was found (hit) or not (miss).",
    either("result", { "hit", "resumed" }, { "miss", "missed" }) },
}

local ESCAPES = { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n" }

-- A text as UTF-8, which the format asks for: a byte that is not UTF-8 becomes "\xHH".
local function utf8_of(text)
  local pieces, at = {}, 1
  while at <= #text do
    local _, bad = utf8.len(text, at)
    pieces[#pieces + 1] = text:sub(at, (bad or #text + 1) - 1)
    if bad then pieces[#pieces + 1] = ("\\x%02X"):format(text:byte(bad)) end
    at = (bad or #text) + 1
  end
  return table.concat(pieces)
end

local function format_label(name, value)
  return ('%s="%s"'):format(name, (utf8_of(tostring(value)):gsub('[\\"\n]', ESCAPES)))
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

-- Adds a family with the samples of several sources, each of them { labels, stats }.
local function add_family(out, prefix, family, sources)
  local name, value = prefix .. family[1], family[4]
  add_head(out, name, family[2], family[3])
  for _, source in ipairs(sources) do
    local list = type(value) == "function" and value(source[2]) or { { {}, source[2][value] } }
    for _, sample in ipairs(list) do
      local labels = { table.unpack(source[1]) }
      table.move(sample[1], 1, #sample[1], #labels + 1, labels)
      add_sample(out, name, labels, sample[2])
    end
  end
end

-- Adds the histogram of the channels' `delays`. Prometheus' buckets are cumulative.
local function add_histogram(out, name, help, sources)
  add_head(out, name, "histogram", help)
  for _, source in ipairs(sources) do
    local labels, stats, sum = source[1], source[2], 0
    for _, bucket in ipairs(stats.delays) do
      sum = sum + bucket.count
      local le = bucket.ms and format_number(bucket.ms / 1000) or "+Inf"
      add_sample(out, name .. "_bucket", { labels[1], { "le", le } }, sum)
    end
    add_sample(out, name .. "_sum", labels, stats.delay_sum / 1000)
    add_sample(out, name .. "_count", labels, sum)
  end
end

--- The numbers of a server and of all open channels of the process, in Prometheus' text format.
--
--    server:get("/metrics", function(_, res) res:reply(200, sse.metrics(server)) end)
-- @function sse.metrics
-- @param server
-- @treturn string the text
-- @treturn table the header fields that it is to be sent with
local function metrics(server, ...)
  options.check_count("sse.metrics(server)", ...)
  local metatable = type(server) == "table" and getmetatable(server) or nil
  if type(metatable) ~= "table" or rawget(metatable, "__name") ~= "sse.server" then
    error(("sse.metrics: expected a server, got %s"):format(type(server)), 2)
  end
  local out, sources = {}, {}
  for _, family in ipairs(server_families) do
    add_family(out, "sse_", family, { { {}, server:stats() } })
  end
  for _, channel in ipairs(channels.all()) do
    sources[#sources + 1] = { { { "channel", channel.name } }, channel:stats() }
  end
  for _, family in ipairs(channel_families) do add_family(out, "sse_channel_", family, sources) end
  add_histogram(out, "sse_channel_delay_seconds", "Time from publish to a follower's socket.",
    sources)
  return table.concat(out), { ["Content-Type"] = TYPE }
end

return metrics
