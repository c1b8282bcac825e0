-- Every option of every public function, with values of every type: the call must succeed, return
-- nil, message, code, or raise an error that blames the line of the call.
local client_options = require "sse.client.options"
local interface = require "spec.support.interface"
local objects = require "spec.support.objects"
local sse = require "sse"

local make = objects.make
local new_channel, NOWHERE = objects.channel, objects.NOWHERE
local start, stop, finish = objects.start, objects.stop, objects.finish
local function noop() end

-- The names of these rules, and further names.
local function with(rules, ...)
  local names = { ... }
  for name in pairs(rules) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- By function, the names of its options, and how it is called with a table of them.
local option_cases = {
  { "sse.EventSource", with(client_options.common, "headers", "lastEventId", "retryInterval",
    "minRetryInterval", "maxRetryInterval", "maxRetries", "reconnect", "heartbeatTimeout", "log",
    "onopen", "onmessage", "onerror", "oncomment", "onreconnect"),
    function(given) return sse.EventSource, NOWHERE, given end },
  { "sse.fetch", with(client_options.common, "headers", "redirect", "maxBodySize"),
    function(given) return sse.fetch, NOWHERE, given end },
  { "sse.fetch tls", { "ca", "cert", "key", "verify" },
    function(given) return sse.fetch, NOWHERE, { tls = given } end },
  { "sse.fetchEventSource", with(client_options.common, "headers", "lastEventId", "untilData",
    "log", "onopen", "onmessage", "on_close", "onerror"),
    function(given) return sse.fetchEventSource, NOWHERE, given end },
  { "sse.server", with(require "sse.server.options"),
    function(given) return sse.server, given end },
  { "sse.server tls", { "cert", "key", "chain", "names", "min_version", "ciphers", "client_ca" },
    function(given) return sse.server, { tls = given } end },
  { "sse.server cors", { "origin", "credentials", "headers", "max_age" },
    function(given) return sse.server, { cors = given } end },
  { "sse.channel", { "history", "history_bytes", "max_age", "slow", "max_lag", "gap_event" },
    function(given) return sse.channel, objects.channel_name(), given end },
  { "channel:publish", { "data", "event", "id", "retry", "comment", "key", "dedupe" },
    function(given)
      local channel = new_channel()
      return channel.publish, channel, given
    end },
  { "sse.parser", { "on_event", "on_retry", "on_comment", "on_id", "max_event_size", "utf8",
    "last_event_id" }, function(given) return sse.parser, given end },
  { "sse.decode", { "max_event_size", "utf8", "last_event_id" },
    function(given) return sse.decode, "data: x\n\n", given end },
  { "sse.encode", { "data", "event", "id", "retry", "comment" },
    function(given) return sse.encode, given end },
  { "sse.file", { "content_type", "headers" },
    function(given) return sse.file, "README.md", given end },
  { "EventSource.fromReader", { "lastEventId", "maxEventSize", "utf8", "signal", "oncomment",
    "onopen", "onmessage", "onerror", "log" },
    function(given) return sse.EventSource.fromReader, noop, given end },
  { "res:event_stream", { "retry", "headers", "heartbeat", "max_pending", "compress" },
    function(given)
      local res = make.res()
      return res.event_stream, res, given
    end },
  { "channel:events", { "from", "where" }, function(given)
    local channel = new_channel()
    return channel.events, channel, given
  end },
  { "sse.follow", { "from", "where" }, function(given)
    return sse.follow, new_channel(), given
  end },
  { "stream:follow", { "from", "where" }, function(given)
    local stream = make.stream()
    return stream.follow, stream, new_channel(), given
  end },
}

describe("misuse of every option", function()
  after_each(stop)

  for _, case in ipairs(option_cases) do
    it("of " .. case[1], function()
      start()
      local list, report = objects.values(), interface.report()
      for _, name in ipairs(case[2]) do
        for _, value in ipairs(list) do
          local given = { [name] = interface.real(value[2]) }
          if interface.is_due() then
            report.check(("%s { %s = %s }"):format(case[1], name, value[1]), case[3](given))
          end
        end
      end
      finish()
      report.clean()
    end)
  end
end)
