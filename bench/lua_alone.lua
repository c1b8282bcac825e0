-- What Lua itself costs for an event: a string of 1 KiB, a table with an event's fields, a call of
-- a listener; nothing is received or parsed. usage: lua lua_alone.lua SECONDS Prints events, bytes
-- of data, seconds, CPU seconds, as firehose_client.lua does.
local sse = require "sse" -- the collector has the same heap to mark as in firehose_client.lua

local seconds = tonumber(arg[1])
local text = ("x"):rep(2048)
local sub, setmetatable = string.sub, setmetatable
local metatable, origin, target = { __index = {} }, "http://127.0.0.1", {}
local events, bytes = 0, 0

local function listener(ev)
  events = events + 1
  bytes = bytes + #ev.data
end

local function run(count)
  for i = 1, count do
    local at = i % 1024 + 1
    listener(setmetatable({
      type = "message", data = sub(text, at, at + 1016), lastEventId = "", origin = origin,
      target = target, currentTarget = target,
    }, metatable))
  end
end

local began, cpu = sse.now(), os.clock()
local took
repeat
  run(10000)
  took = (sse.now() - began) / 1e3
until took >= seconds
print(("%d\t%d\t%.3f\t%.3f"):format(events, bytes, took, os.clock() - cpu))
