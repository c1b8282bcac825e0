-- An event is published at each step of subscribing, losing the connection and coming back: none
-- may be missing or come twice.
local core = require "sse.core"
local following = require "spec.support.following"
local raw = require "spec.support.raw"
local task = require "sse.task"

local steps = {
  "before it connects", "connected, nothing sent", "half of the request sent",
  "all of the request sent, nothing read", "its handler begins", "the head is queued",
  "it has just begun to follow", "its handler waits", "deferred in the handler's turn",
  "a turn later", "presence is told", "the first bytes have come", "the replay is under way",
  "the replay is over", "live", "the client has gone, unnoticed", "on_close", "its leave is told",
  "nobody is there", "it is coming back", "back", "back and live",
}

-- A server that calls at(step) at each step of its client.
local function serve(news, at)
  local state = { turned = 0, waited = 0 }
  news:on("follow", function() at "presence is told" end)
  news:on("leave", function() at "its leave is told" end)
  following.handle(function(_, res)
    at "its handler begins"
    local stream = res:event_stream()
    state.stream = stream
    stream.on_close = function() at "on_close" end
    at "the head is queued"
    stream:follow(news)
    at "it has just begun to follow"
    core.defer(function()
      at "deferred in the handler's turn"
      core.defer(function()
        at "a turn later"
        state.turned = state.turned + 1
      end)
    end)
    task.sleep(0)
    at "its handler waits"
    state.waited = state.waited + 1
  end)
  return state
end

local function request(client, id, at)
  local head = ("GET / HTTP/1.1\r\nHost: a\r\nLast-Event-ID: %s\r\n\r\n"):format(id)
  client.raw:send(head:sub(1, 20))
  at "half of the request sent"
  core.turn()
  client.raw:send(head:sub(21))
  at "all of the request sent, nothing read"
end

-- What the client receives over both its connections.
local function live(news, id, at)
  local state = serve(news, at)
  at "before it connects"
  local one = following.connect { slow = true }
  at "connected, nothing sent"
  request(one, id, at)
  raw.pump(function() return state.stream and state.stream.pending > 0 end, "a replay")
  at "the replay is under way"
  one:till(function() return #one.events > 3 end)
  at "the first bytes have come"
  one:till(function() return one:last_id() == news.last_id and state.stream.pending == 0 end)
  at "the replay is over"
  one:till(function() return one:last_id() == news.last_id end)
  at "live"
  one.raw:reset() -- though an event was just published
  at "the client has gone, unnoticed"
  raw.pump(function() return state.stream.closed and news.followers == 0 end, "the end")
  at "nobody is there"
  local two = following.connect {}
  at "it is coming back"
  request(two, one:last_id(), at)
  two:head()
  at "back"
  raw.pump(function() return state.turned == 2 and state.waited == 2 end, "the second handler")
  two:till(function() return not two.events[1] or two:last_id() == news.last_id end)
  at "back and live"
  news:publish "end"
  two:till_data "end"
  return one:text() .. " " .. two:text()
end

describe("channel steps", function()
  after_each(following.stop)

  -- Publishes `count` events at each step that `chosen` names.
  local function run(chosen, count, options)
    local news, n, seen = following.channel(options), 0, {}
    local function publish(times)
      for _ = 1, times do
        n = n + 1
        assert(news:publish { data = n })
      end
    end
    local id = news:publish "start"
    for _ = 1, 100 do -- more than its socket takes
      n = n + 1
      news:publish { event = ("x"):rep(200), data = n }
    end
    local text = live(news, id, function(step)
      seen[step] = true
      if chosen(step) and not news.closed then publish(count) end -- the last leave comes late
    end)
    text = text:gsub("^ +", ""):gsub("  +", " ")
    assert.equal(following.numbers(1, n) .. " end", text)
    for _, step in ipairs(steps) do assert.is_true(seen[step], step) end
  end

  for _, step in ipairs(steps) do
    it("line 48: " .. step, function()
      run(function(name) return name == step end, 1)
      following.stop()
      run(function(name) return name == step end, 7)
    end)
  end

  it("line 48: all of them", function()
    run(function() return true end, 1)
    following.stop()
    run(function() return true end, 3)
  end)
end)
