-- News over a channel: a text that is posted is sent to all followers. The channel holds ten
-- events: a client that reconnects gets those it missed, or a gap event if they are held no more.
--
-- POST /news      publishes the request's body
-- GET /news       follows the channel after the client's Last-Event-ID; without one from now on, or
--                 with ?from=oldest from the oldest event held
-- GET /metrics    the numbers of the server and the channel, for Prometheus
local program = require "examples.program"
local sse = require "sse"

local channel = { path = "/news", retry = 1000 }

local news = sse.channel("news", { history = 10 })
news:on("follow", function(count) channel.log("server", "follows", count) end)
news:on("leave", function(count, _, reason) channel.log("server", "left", count, reason) end)

function channel.mount(server, prefix)
  server:get(prefix .. "/news", function(req, res)
    local from = req.query.from == "oldest" and "oldest" or "newest"
    res:event_stream { retry = channel.retry }:follow(news, { from = from })
  end)
  server:post(prefix .. "/news", function(req, res)
    local id, message = news:publish { event = "news", data = req:text() }
    if not id then error { status = 400, message = message .. "\n" } end
    res:json({ id = id, followers = news.followers }, 201)
  end)
  server:get(prefix .. "/metrics", function(_, res) res:reply(200, server:metrics()) end)
end

--- Prints the news, and gaps in them.
function channel.client(url)
  local source = sse.EventSource(url)
  source:addEventListener("news", function(ev)
    channel.log("client", "news", ev.data, ev.lastEventId)
  end)
  source:addEventListener("sse-gap", function(ev)
    channel.log("client", "some are missing", ev.data)
  end)
  source.onerror = function(ev) channel.log("client", "error", ev.message or ev.data) end
  return source
end

return program(channel, ...)
