-- The option write_timeout of sse.server: how long a client may take nothing of what waits for it.
local frames = require "spec.support.frames"
local keep = require "spec.support.kept"
local misuse = require "spec.support.misuse"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"

describe("the option write_timeout", function()
  after_each(serving.stop)

  -- Starts a server with a stream that sends until its client is behind; returns its end's reason.
  local reason
  local function start()
    reason = nil
    return serving.start({ write_timeout = 60 }, function(server)
      server:get("/", function(_, res)
        local stream = keep(res:event_stream { compress = false })
        stream.on_close = function(why) reason = why end
        while stream:send(("x"):rep(9000)) do end
      end)
    end)
  end

  it("ends a connection whose client takes nothing", function()
    start()
    serving.connect(4096):send "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    raw.pump(function() return reason end, "the end of the stream")
    assert.equal("timeout", reason)
  end)

  it("ends an HTTP/2 stream whose window stays shut, and no other", function()
    local server = start()
    server:get("/other", function(_, res) res:reply(204) end)
    local client = frames.open(serving.connect(), frames.setting(4, 0))
    client:get(1, "GET /")
    raw.pump(function() return reason end, "the end of the stream")
    assert.equal("timeout", reason)
    client:receive("RST_STREAM", 1)
    client:get(3, "GET /other")
    client:receive("HEADERS", 3)
    assert.equal(1, server:stats().http2.streams_starved)
  end)

  it("is a number of milliseconds from 1 on", function()
    for _, value in ipairs { 0, -1, "5", false, 0 / 0 } do
      misuse.blames("option 'write_timeout' must be", function()
        sse.server { write_timeout = value }
      end)
    end
    misuse.blames("did you mean 'write_timeout'?", function() sse.server { send_timeout = 5 } end)
  end)
end)
