-- The publisher of make bench-cores. Prints the number of events and its CPU time in s.
-- usage: lua cores_publisher.lua FILE RATE SECONDS
local core = require "sse.core"
local sse = require "sse"

local file, rate, seconds = arg[1], tonumber(arg[2]), tonumber(arg[3])
local news = sse.channel("bench", { store = sse.sqlite(file), history = 10000 })
local data, began, n = ("x"):rep(100), core.now(), 0

sse.run(function()
  while n < rate * seconds do
    n = n + 1
    local wait = began + n * 1000 / rate - core.now()
    if wait > 0 then sse.sleep(wait) end
    assert(news:publish(data))
  end
  sse.sleep(100) -- until the workers have sent it
end)
print(n, os.clock())
