--- The one list of the numbers of servers and channels. `server:stats`, `channel:stats` and
-- `server:metrics` are made by it, and a spec compares the reference with it.
--
-- An entry has its group in the stats (false: none), its name, its kind, the text of the metric's
-- HELP and, if the number is a table, the label that its keys are of. The core gives the numbers
-- under the entry's stem, which is group and name joined by "_": `connections_accepted` becomes
-- `stats.connections.accepted`, and the metric `sse_connections_accepted_total`.
-- @module sse.server.metric_names
local core = require "sse.core"
local hints = require "sse.shared.hints"

local metric_names = {}

--- What a server counts.
metric_names.server = {
  { "connections", "open", "gauge", "Connections open now." },
  { "connections", "accepted", "counter", "Connections accepted." },
  { "connections", "refused", "counter", "Connections refused: too many." },
  { "connections", "unproxied", "counter",
    "Connections closed: without a right PROXY header, or not from a trusted proxy." },
  { "connections", "closed", "counter", "Connections closed, by reason.", label = "reason" },
  { "connections", "accept_pauses", "counter",
    "Pauses of accepting for lack of descriptors or memory." },
  { "requests", "received", "counter", "Whole requests received." },
  { "requests", "refused", "counter",
    "Requests refused before they reached a handler, by status.", label = "status" },
  { "limits", "refused", "counter", "Requests past a limit of server:limit, by reason.",
    label = "reason" },
  { "limits", "keys", "gauge", "Keys whose rate server:limit holds now." },
  { "streams", "open", "gauge", "Event streams open now." },
  { "streams", "opened", "counter", "Event streams opened." },
  { "streams", "ended", "counter", "Event streams ended, by reason.", label = "reason" },
  { "sends", "refused", "counter",
    "Sends refused: the client was behind (full), or the event too big (oversized).",
    label = "reason" },
  { "traffic", "received_bytes", "counter", "Bytes received from clients, before encryption." },
  { "traffic", "sent_bytes", "counter", "Bytes sent to clients, before encryption." },
  { "memory", "pending_bytes", "gauge", "Bytes that wait for clients now." },
  { "memory", "buffered_bytes", "gauge",
    "Bytes of memory that these take: what many wait for counts once." },
  { "memory", "body_bytes", "gauge", "Bytes that requests hold now: their bodies." },
  { "memory", "overflows", "counter",
    "Connections and HTTP/2 streams ended: past max_pending_total." },
  { "tls", "handshakes", "counter", "TLS handshakes done." },
  { "tls", "handshakes_resumed", "counter", "Of these, by a ticket." },
  { "tls", "handshakes_failed", "counter",
    "TLS connections that ended before their handshake was done." },
  { "http2", "connections", "gauge", "HTTP/2 connections open now." },
  { "http2", "streams", "gauge", "Requests and event streams on them now." },
  { "http2", "streams_starved", "counter", "HTTP/2 streams ended: their window stayed closed." },
  { "http2", "abuse", "counter", "HTTP/2 connections ended for abuse, by its kind.",
    label = "kind" },
  { "compression", "streams", "gauge", "Compressed event streams open now." },
  { "compression", "streams_with_window", "gauge", "Of these, with a window of their own." },
  { "compression", "input_bytes", "counter", "Bytes of events before they were compressed." },
  { "compression", "output_bytes", "counter", "Bytes they were compressed to." },
}

--- What a channel counts.
metric_names.channel = {
  { false, "followers", "gauge", "Streams that follow the channel now." },
  { "history", "events", "gauge", "Events held for replay." },
  { "history", "bytes", "gauge", "Bytes held for replay." },
  { "publishes", "repeated", "counter", "Publishes left out: held already with that dedupe." },
  { "publishes", "refused", "counter", "Publishes that failed." },
  { "events", "published", "counter", "Events published." },
  { "events", "delivered", "counter", "Events handed to followers' sockets." },
  { "events", "delivered_bytes", "counter", "Bytes of these events." },
  { "events", "filtered", "counter", "Events that a where function kept from a follower." },
  { "events", "superseded", "counter", "Events that a newer one with their key replaced." },
  { "slow", "followers_closed", "counter", "Followers closed for being slow." },
  { "slow", "events_skipped", "counter", "Events that slow followers never got." },
  { false, "gaps", "counter", "Gap events sent, by reason.", label = "reason" },
  { false, "replays", "counter",
    "Followers that brought an id: it was found (hit) or not (miss).", label = "result" },
  { false, "delay_seconds", "histogram", "Time from publish to a live follower's socket." },
}

--- What a master counts of its workers (sse.workers).
metric_names.worker = {
  { false, "up", "gauge", "1: the worker's numbers are here; 0: it did not answer." },
  { false, "starts", "counter", "Times that the worker was started." },
  { false, "crashes", "counter", "Times that it ended without being told to." },
}

-- The metatable of the stats and their groups: reading a number that is not there raises, and names
-- the group of one that is in another.
local function metatable_of(list)
  return {
    __index = function(t, key)
      for _, entry in ipairs(list) do
        if entry.group and (entry.name == key or entry.stem == key) then
          local message = "field '%s' of these numbers does not exist (did you mean '%s.%s'?)"
          error(message:format(key, entry.group, entry.name), 2)
        end
      end
      hints.raise_missing("stats", "these numbers", key, t)
    end,
  }
end

-- Names the positions of each entry, and adds its `stem` and the name of its `metric`. Adds the
-- list's `metatable`.
local function complete(list, prefix)
  list.metatable = metatable_of(list)
  for _, entry in ipairs(list) do
    entry.group, entry.name, entry.kind, entry.help = table.unpack(entry, 1, 4)
    entry.stem = (entry.group and entry.group .. "_" or "") .. entry.name
    entry.metric = prefix .. entry.stem .. (entry.kind == "counter" and "_total" or "")
  end
end

complete(metric_names.server, "sse_")
complete(metric_names.channel, "sse_channel_")
complete(metric_names.worker, "sse_worker_")

--- The bounds of the histograms, in seconds.
metric_names.bounds = core.delay_bounds()

-- A histogram of the core's as the stats have it: `buckets` is a list of { le, count }.
local function histogram(counts)
  local buckets = {}
  for i = 1, #counts do buckets[i] = { le = metric_names.bounds[i], count = counts[i] } end
  return { buckets = buckets, sum = counts.sum, count = counts.count }
end

--- Makes the stats of the core's numbers.
-- @tparam table list one of the two above
-- @tparam table numbers by stem
-- @treturn table
function metric_names.group(list, numbers)
  local stats = setmetatable({}, list.metatable)
  for _, entry in ipairs(list) do
    local into = stats
    if entry.group then
      into = rawget(stats, entry.group) or setmetatable({}, list.metatable)
      stats[entry.group] = into
    end
    local value = numbers[entry.stem]
    into[entry.name] = entry.kind == "histogram" and histogram(value) or value
  end
  return stats
end

return metric_names
