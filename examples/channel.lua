-- News: a text that is posted reaches all who follow. Who was away gets what he missed, or an event
-- that says he can't: ten are held.
--
-- POST /news      publishes its text
-- GET /news       follows, after its Last-Event-ID; without one from now on, or ?from=oldest
-- GET /metrics    the server's and the channel's numbers, for Prometheus
local program = require "examples.program"
local sse = require "sse"

local channel = { path = "/news", retry = 1000 }

local news = sse.channel("news", { history = 10 })
news:on("follow", function(count) channel.log("server", "follows", count) end)
news:on("leave", function(count, reason) channel.log("server", "left", count, reason) end)

function channel.mount(server, prefix)
  server:get(prefix .. "/news", function(req, res)
    local from = req.query.from == "oldest" and "oldest" or "newest"
    res:event_stream { retry = channel.retry }:follow(news, { from = from })
  end)
  server:post(prefix .. "/news", function(req, res)
    local id, message = news:publish { event = "news", data = req:text() }
    if not id then return res:reply(400, message .. "\n") end
    res:reply(201, { id = id, followers = news.followers })
  end)
  server:get(prefix .. "/metrics", function(_, res) res:reply(200, sse.metrics(server)) end)
end

--- Prints the news, and what is missing.
function channel.client(url)
  local source = sse.EventSource(url)
  source:addEventListener("news", function(ev)
    channel.log("client", "news", ev.data, ev.lastEventId)
  end)
  source:addEventListener("sse-gap", function(ev)
    channel.log("client", "some are missing", ev:json().reason)
  end)
  source.onerror = function(ev) channel.log("client", "error", ev.message) end
  return source
end

return program(channel, ...)
