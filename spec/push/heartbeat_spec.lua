-- What event streams send after silence: comments, nothing, or events of a type.
local decoding = require "spec.support.decoding"
local keep = require "spec.support.kept"
local misuse = require "spec.support.misuse"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

local blames = misuse.blames

local PING = "event: ping\ndata:\n\n"

serving.each("a heartbeat", function()
  after_each(serving.stop)

  it("is an event of the type that the server or the stream says, without data and id", function()
    local held <const> = {} -- a stream that nobody can send on would be ended
    local function opens(options)
      return function(_, res) held[#held + 1] = res:event_stream(options) end
    end
    serving.start({ heartbeat = { every = 20, event = "ping" } }, function(s)
      s:get("/", opens { retry = 5 })
      s:get("/own", opens { heartbeat = { every = 20, event = "alive" } })
      s:get("/comment", opens { heartbeat = 20 })
      s:get("/table", opens { heartbeat = { every = 20 } })
    end)
    local fields = { ["Accept-Encoding"] = "identity" }
    assert.equal("retry: 5\n\n" .. PING .. PING,
      serving.listen("/", fields):till(PING .. PING))
    assert.equal(":\n\nevent: alive\ndata:\n\n",
      serving.listen("/own", fields):till "event: alive\ndata:\n\n")
    for _, path in ipairs { "/comment", "/table" } do
      assert.equal(":\n\n:\n\n", serving.listen(path, fields):till ":\n\n:\n\n")
    end
  end)

  it("is dispatched by an EventSource, whose last event id stays", function()
    serving.start({ heartbeat = { every = 20, event = "ping" } }, function(s)
      s:get("/", function(_, res) keep(res:event_stream()):send { id = "7", data = "x" } end)
    end)
    local pings = 0
    local options = serving.transport.client()
    local source = sse.EventSource(serving.url "/", options)
    source:addEventListener("ping", function(ev)
      assert.equal("", ev.data)
      assert.equal("7", ev.lastEventId)
      pings = pings + 1
    end)
    wait.till(function() return pings >= 2 end, "two pings")
    source:close()
  end)

  it("does not come between the events of a channel, and keeps a follower's place", function()
    local channel = sse.channel("heartbeat " .. serving.transport.name, { history = 10 })
    serving.start({ heartbeat = { every = 20, event = "ping" } }, function(s)
      s:get("/", function(_, res) res:event_stream():follow(channel) end)
    end)
    local client = serving.listen("/", { ["Accept-Encoding"] = "identity" })
    client:till(PING)
    for i = 1, 3 do
      channel:publish("event " .. i)
      client:till("data: event " .. i .. "\n\n")
      client:till(PING)
    end
    channel:close()
  end)

  it("gives HEAD nothing", function()
    serving.start({ heartbeat = { every = 1, event = "ping" } }, function(s)
      s:get("/", function(_, res) res:event_stream() end)
    end)
    assert.equal("", serving.ask("HEAD /").body)
  end)
end)

describe("heartbeats", function()
  after_each(serving.stop)

  it("are right in compressed streams, shared blocks or a window", function()
    local channel = sse.channel "compressed heartbeats"
    serving.start({ heartbeat = { every = 20, event = "ping" } }, function(s)
      s:get("/shared", function(_, res) res:event_stream():follow(channel) end)
      s:get("/window", function(_, res)
        res:event_stream { compress = "window" }:follow(channel)
      end)
    end)
    for _, path in ipairs { "/shared", "/window" } do
      for _, coding in ipairs { "gzip", "deflate" } do
        local client = decoding.open(path, coding)
        client:till(PING)
        channel:publish(("text "):rep(50))
        client:till(("text "):rep(50))
        client:till(PING)
      end
    end
    channel:close()
  end)

  it("of many types are more than a server takes, until streams with them have ended", function()
    local raised, streams = nil, {}
    serving.start({ on_error = function(err) raised = err end }, function(s)
      s:get("/:n", function(req, res)
        local stream = res:event_stream { heartbeat = { event = "e" .. req.params.n } }
        streams[#streams + 1] = stream
      end)
    end)
    local clients = {}
    for n = 1, 255 do
      clients[n] = serving.connect()
      clients[n]:send(("GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"):format(n))
      clients[n]:head()
    end
    local again = serving.connect()
    again:send "GET /9 HTTP/1.1\r\nHost: a\r\n\r\n"
    assert.equal(200, again:head().status)
    assert.equal(500, serving.request("GET /256").status)
    assert.truthy(tostring(raised):find "heartbeat_spec.lua:%d+: res:event_stream: the streams of")
    streams[5]:close()
    clients[5]:receive_until "0\r\n\r\n"
    wait.till(function() return streams[5].closed end, "the stream's end")
    local fresh = serving.connect()
    fresh:send "GET /256 HTTP/1.1\r\nHost: a\r\n\r\n"
    assert.equal(200, fresh:head().status)
  end)

  it("are refused where they can't be", function()
    for message, value in pairs {
      ["option 'heartbeat' must be a number from 1 to %d (milliseconds), false, or { every"] = true,
      ["option 'heartbeat.every' must be a number from 1"] = { every = 0 },
      ["option 'heartbeat.event' must be a string of 1 to 256 bytes"] = { event = "" },
      ["option 'heartbeat.event' must be a string of 1 to"] = { event = "a\nb" },
      ["option 'heartbeat.event' must be a string of"] = { event = ("x"):rep(257) },
      ["unknown option 'heartbeat.interval' (did you mean 'every'?)"] = { interval = 5 },
      ["unknown option 'heartbeat.type' (did you mean 'event'?)"] = { type = "ping" },
      ["unknown option 'heartbeat.evry' (did you mean 'every'?)"] = { evry = 5 },
    } do
      local told = message:gsub("%%d", ("%d"):format(1 << 50))
      blames("sse.server: " .. told, function() sse.server { heartbeat = value } end)
      misuse.handle(function(_, res)
        blames("res:event_stream: " .. told, function() res:event_stream { heartbeat = value } end)
        res:reply(200)
      end)
      serving.stop()
    end
  end)
end)
