-- Which of a program's functions may wait, as "Who calls you" of docs/reference/loop.md says.
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

local server
local on_origin = nil -- called by the server for a request from another origin
local outcome -- of the last try: true if it waited, else the message

-- Tries to wait.
local function try()
  local ok, message = pcall(sse.sleep, 1)
  outcome = ok or message
end

local function client(options) return sse.EventSource(serving.url "/stream", options) end

-- A source that is closed at the end of the spec, with one function of the program's.
local source
local function listen(options) source = client(options) end

local function follow(options)
  local channel = sse.channel "who"
  server:get("/follow", sse.follow(channel, options or {}))
  source = sse.EventSource(serving.url "/follow")
  wait.till(function() return channel.followers == 1 end, "the follower")
  return channel
end

local function on_stream(field)
  server:get("/on", function(_, res)
    local stream = res:event_stream()
    stream[field] = try
    stream:send "x"
    if field == "on_close" then stream:close() end
  end)
  source = sse.EventSource(serving.url "/on", { maxRetries = 0 })
end

local waits = {
  ["a handler"] = function() server:get("/try", function(_, res) try() res:reply(204) end)
    serving.request "GET /try"
  end,
  ["the function for cors"] = function()
    on_origin = try
    listen { headers = { Origin = "http://elsewhere" } }
  end,
  ["fetchEventSource's reconnect"] = function()
    source = sse.fetchEventSource(serving.url "/none", {
      reconnect = function() try() return false end, onerror = function() end,
    })
  end,
  ["sse.spawn"] = function() sse.spawn(try) end,
  ["sse.after"] = function() sse.after(0, try) end,
  ["sse.every"] = function()
    local timer
    timer = sse.every(0, function() timer:stop() try() end)
  end,
  ["an EventSource's headers"] = function() listen { headers = function() try() end } end,
  ["an EventSource's body"] = function() listen { body = function() try() return "x" end } end,
  ["fetchEventSource's onmessage"] = function()
    source = sse.fetchEventSource(serving.url "/stream", { onmessage = try })
  end,
  ["fetchEventSource's onerror"] = function()
    source = sse.fetchEventSource(serving.url "/none", { onerror = function() try() return false end
    })
  end,
  ["fromReader's function"] = function()
    source = sse.EventSource.fromReader(function() try() end)
  end,
  ["channel:events' where"] = function()
    local channel = sse.channel "events"
    channel:publish "x"
    sse.spawn(function()
      for _ in channel:events { from = "oldest", where = function() try() return true end } do
        return channel:close()
      end
    end)
  end,
}

local refused = {
  ["a listener"] = function() listen { onmessage = try } end,
  ["onopen"] = function() listen { onopen = try } end,
  ["an EventSource's reconnect"] = function()
    source = sse.EventSource(serving.url "/none", {
      reconnect = function() try() return false end,
    })
  end,
  ["log"] = function() listen { log = function(level) if level == "info" then try() end end } end,
  ["stream.on_close"] = function() on_stream "on_close" end,
  ["stream.on_drain"] = function() on_stream "on_drain" end,
  ["where"] = function()
    follow { where = function() try() return true end }:publish "x"
  end,
  ["channel:on"] = function()
    sse.channel("who"):on("follow", try)
    follow()
  end,
  ["on_error"] = function()
    server.on_error = try
    server:get("/raises", function() error "on purpose" end)
    serving.request "GET /raises"
  end,
  ["on_response"] = function()
    server.on_response = try
    serving.request "GET /none"
  end,
  ["a parser's on_event"] = function()
    sse.spawn(function() sse.parser({ on_event = try }):feed "data: x\n\n" end)
  end,
  ["a finalizer"] = function()
    sse.spawn(function()
      setmetatable({}, { __gc = try })
      wait.collect()
    end)
  end,
  ["a listener of an AbortSignal.timeout"] = function()
    sse.AbortSignal.timeout(0):addEventListener("abort", try)
  end,
}

local function routes(s)
  s:get("/stream", function(_, res) res:event_stream():send "x" end)
  s:post("/stream", function(_, res) res:event_stream():send "x" end)
end

local function try_all(list, check)
  for name, begin in pairs(list) do
    it(name, function()
      begin()
      wait.till(function() return outcome end, "the call")
      check()
    end)
  end
end

describe("who calls", function()
  before_each(function()
    server = serving.start({ cors = { origin = function() on_origin() return true end } }, routes)
    outcome, on_origin = nil, nil
  end)
  after_each(function()
    if source then source:close() end
    source, server = nil, nil
    for _, channel in ipairs(sse.channels()) do channel:close() end
    serving.stop()
  end)

  describe("a task that may wait:", function()
    try_all(waits, function() assert.is_true(outcome) end)
  end)

  describe("a callback that can't wait:", function()
    try_all(refused, function()
      assert.matches("sse.sleep: a callback can't wait; do this in a task (sse.spawn)", outcome, 1,
        true)
    end)
  end)
end)
