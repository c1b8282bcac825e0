-- A client follows a channel over HTTP/2 with a closed flow-control window, so that its stream is
-- behind. It publishes, and the next frame of the same packet ends its connection or its stream.
-- The server must survive, and another follower must get every event.
local child = require "spec.support.child"
local frames = require "spec.support.frames"
local raw = require "spec.support.raw"

local TOO_LARGE = 2 ^ 31 - 1 | 0
local FOLLOWED, SAID, SAID_AGAIN = 1, 3, 5 -- streams

local endings = {
  { "PING of 7 bytes", "PING", 0, 0, ("\0"):rep(7) },
  { "PING on a stream", "PING", 0, FOLLOWED, ("\0"):rep(8) },
  { "RST_STREAM", "RST_STREAM", 0, FOLLOWED, frames.u32(8) },
  { "GOAWAY", "GOAWAY", 0, 0, frames.u32(0) .. frames.u32(0) },
  { "window update of 0", "WINDOW_UPDATE", 0, FOLLOWED, frames.u32(0) },
  { "window update too large", "WINDOW_UPDATE", 0, FOLLOWED, frames.u32(TOO_LARGE) },
  { "window update too large for all", "WINDOW_UPDATE", 0, 0, frames.u32(TOO_LARGE) },
  { "SETTINGS of 5 bytes", "SETTINGS", 0, 0, ("\0"):rep(5) },
  { "CONTINUATION of nothing", "CONTINUATION", frames.END_HEADERS, FOLLOWED, "" },
  { "PUSH_PROMISE", "PUSH_PROMISE", frames.END_HEADERS, FOLLOWED,
    frames.u32(2) .. frames.request "GET /" },
}

local server

-- Starts the server, which runs in a process of its own, unless it runs. Returns its port.
local function start()
  if not server or server:status() then
    server = child.start "spec/support/endings_server.lua"
    server.port = tonumber((server:till "port (%d+)"))
  end
  return server.port
end

-- Waits as raw.pump does. Raises with the server's output once the client's connection has ended,
-- as it does when the server dies.
local function pump(client, fn, what)
  raw.pump(function()
    local value = fn()
    if not value and client.eof then
      error(("the server ended with status %s before %s: %s"):format(server:wait(), what,
        server:output():sub(1, 8000)), 0)
    end
    return value
  end, what)
end

-- A follower over HTTP/1.1.
local function follower(path)
  local client = raw.connect(start())
  client:send(("GET %s HTTP/1.1\r\nHost: a\r\n\r\n"):format(path))
  client:head()
  return client
end

-- Reads until the client has as much data of events as expected, and compares.
local function hears(client, expected)
  local text
  pump(client, function()
    client:take()
    local got = {}
    for data in client.buffer:gmatch "\ndata: (%w+)\n" do got[#got + 1] = data end
    text = table.concat(got, " ")
    return #text >= #expected
  end, ("'%s'"):format(expected))
  assert.equal(expected, text)
end

local function say(path, text)
  local client = raw.connect(start())
  assert.equal(204, client:request("POST " .. path, nil, text).status)
  client:close()
end

local function post(id, path, text)
  return frames.encode("HEADERS", frames.END_HEADERS, id, frames.request("POST " .. path)) ..
    frames.encode("DATA", frames.END_STREAM, id, text)
end

local function answered(client, id)
  pump(client.client, function()
    for _, frame in ipairs(client:take()) do
      if frame.kind == "HEADERS" and frame.id == id then return true end
    end
  end, "the response on stream " .. id)
end

-- The data of the events that a follower gets when these texts are published.
local function events(follow, ...)
  local texts = { ... }
  if follow == "two" then
    for i, text in ipairs(texts) do texts[i] = ("%s %s2"):format(text, text) end
  end
  return table.concat(texts, " ")
end

local function run(ending, follow, path)
  local witness = follower(path)
  local client = frames.open(raw.connect(server.port), frames.setting(4, 0))
  client:get(FOLLOWED, "GET " .. path)
  answered(client, FOLLOWED)
  client.client:send(post(SAID, path, "hello"))
  hears(witness, events(follow, "hello")) -- now the stream of `client` is behind
  answered(client, SAID)
  client.client:send(post(SAID_AGAIN, path, "again") ..
    frames.encode(ending[2], ending[3], ending[4], ending[5]))
  hears(witness, events(follow, "hello", "again"))
  client.client:close()
  say(path, "last")
  hears(witness, events(follow, "hello", "again", "last"))
  witness:close()
end

local function each(fn)
  for number, ending in ipairs(endings) do
    for _, policy in ipairs { "close", "skip", "latest" } do
      for _, follow in ipairs { "one", "two", "where" } do fn(number, ending, policy, follow) end
    end
  end
end

describe("http2 endings", function()
  teardown(function()
    if not server:status() then server:kill "TERM" end
    local status = server:wait()
    child.stop()
    assert.equal(0, status)
  end)

  -- With a history of 1 the publish evicts the event that the stream has not been sent.
  for _, history in ipairs { 1000, 1 } do
    each(function(number, ending, policy, follow)
      it(("%s, history = %d, slow = %s, follow %s"):format(ending[1], history, policy, follow),
        function()
          run(ending, follow, ("/%d/%d/%s/%s"):format(number, history, policy, follow))
        end)
    end)
  end
end)
