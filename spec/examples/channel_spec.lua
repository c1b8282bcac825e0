-- examples/channel.lua: curl follows, is killed, and comes back for the events that it missed.
local curl = require "spec.support.curl"
local examples = require "spec.support.examples"
local exposition = require "spec.support.exposition"
local serving = require "spec.support.serving"
local sse = require "sse"

local function post(text)
  local response = serving.request("POST /news", {}, text)
  assert.equal(201, response.status)
  return sse.json.decode(response.body)
end

local function event(told, text)
  return ("id: %s\nevent: news\ndata: %s\n\n"):format(told.id, text)
end

local function escaped(text) return (text:gsub("%p", "%%%0")) end

describe("example channel", function()
  after_each(function()
    curl.stop()
    examples.stop()
  end)

  it("gives curl, killed and back with its last id, what it missed, once and in order", function()
    local _, url, log = examples.serve "channel"
    local first = curl.start(url)
    log.till "server follows 1"
    local one = post "It rains"
    assert.equal(1, one.followers)
    assert.equal(one.id, first:till "\nid: (%S+)\nevent: news\ndata: It rains\n\n")
    first:kill()
    log.till "server left 0 client"
    local two, three = post "It snows", post "two\nlines"
    assert.equal(0, two.followers)
    local second = curl.start(("-H 'Last-Event-ID: %s' %s"):format(one.id, url))
    log.till "server follows 1"
    local four = post "The sun shines"
    local missed = "retry: 1000\n\n" .. event(two, "It snows") .. event(three, "two\ndata: lines")
      .. event(four, "The sun shines")
    second:till("^" .. escaped(missed) .. "$")
  end)

  it("says what it can't give: an id that is too old, and a strange one", function()
    local _, url = examples.serve "channel"
    local old = post "old"
    local last
    for i = 1, 11 do last = post("later " .. i) end
    for id, reason in pairs { [old.id] = "expired", ["of-another"] = "unknown" } do
      local back = curl.start(("-H 'Last-Event-ID: %s' %s"):format(id, url))
      local text = back:till("^retry: 1000\n\n(event: sse%-gap\n.*" .. escaped(last.id)
        .. "\nevent: news\ndata: later 11\n\n)$")
      local gap = text:match '^event: sse%-gap\ndata: (%b{})\n\n'
      assert.same({ lastEventId = id, reason = reason }, sse.json.decode(gap))
      assert.equal(10, select(2, text:gsub("event: news\n", "")))
      back:kill()
    end
  end)

  it("gives all that is held to whoever asks for it, and to others what comes", function()
    local _, url, log = examples.serve "channel"
    post "before"
    local all, new = curl.start(url .. "?from=oldest"), curl.start(url)
    log.till "server follows 2"
    all:till "data: before\n\n"
    post "after"
    all:till "data: after\n\n"
    new:till "data: after\n\n"
    assert.is_nil(new:output():find("before", 1, true))
  end)

  it("has a client that prints the news and what is missing, and comes back", function()
    local channel, url, log, server = examples.serve("channel", { retry = 20 })
    local source = channel.client(url)
    log.till "server follows 1"
    local told = post "It rains"
    assert.equal("client news It rains " .. told.id, log.till "client news")
    server:close()
    log.till "client error"
    local again = sse.server { port = server.port }
    channel.mount(again, "")
    assert(again:listen())
    log.till "server follows 1"
    post "again" -- on the same port
    log.till "client news again"
    source:close()
    log.till "server left 0 client"
    again:close()
  end)

  it("shows its numbers", function()
    examples.serve "channel"
    post "counted"
    local response = serving.request "GET /metrics"
    local got = exposition.read(response.body)
    assert.is_true(got["sse_channel_events_published_total{channel=news}"] > 0)
  end)
end)
