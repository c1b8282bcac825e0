--- The live page of the demo. Publishes the server's own numbers once a second over a channel, and
-- makes a load to look at: followers, which are EventSources of this process, and events for them.
-- A page finds a small one.
--
-- GET /live/stats                 the numbers, first those of the last two minutes
-- POST /live/followers?count=n    sets the number of followers
-- POST /live/rate?count=n         sets the number of events published a second
-- POST /live/burst?count=n        publishes n events at once
local sse = require "sse"

local live = { interval = 1000 }

local MINUTES = 2 -- of numbers that a page shows
local TICK = 50 -- ms between two publishes
local IDLE = 10000 -- ms without a page after which the load ends
local stats = sse.channel("stats", { history = MINUTES * 60 })
local load = sse.channel("load", { history = 10000 })
local SMALL = { followers = 20, rate = 10 } -- the load that a page finds
local followers, received, rate = {}, 0, 0
local small -- SMALL, until somebody asks for another load

-- --- the load -----------------------------------------------------------------------------------

-- How many descriptors the process may open. A follower takes two: both of its ends are here.
local function max_descriptors()
  local pipe <close> = assert(io.popen "ulimit -n")
  return tonumber(pipe:read "a") or 1024
end

local max_followers = math.max(0, math.min(2000, (max_descriptors() - 100) // 2))

local function new_follower(base)
  local source = sse.EventSource(base .. "live/load")
  source.onmessage = function() received = received + 1 end
  return source
end

local function set_followers(base, count)
  count = math.min(count, max_followers)
  while #followers < count do followers[#followers + 1] = new_follower(base) end
  while #followers > count do table.remove(followers):close() end
end

local function publish(count)
  for _ = 1, count do load:publish(("x"):rep(100)) end
end

-- Publishes `rate` events a second, some at each tick. The fraction of an event is added to the
-- next tick's.
local function start_publishing()
  local due = 0
  local timer = sse.every(TICK, function()
    due = due + rate * TICK / 1000
    publish(due // 1)
    due = due % 1
  end)
  timer:unref()
end

-- Begins the small load for a page that finds none.
local function begin_when_watched(base)
  stats:on("follow", function()
    if small or #followers > 0 or rate > 0 then return end
    small, rate = SMALL, SMALL.rate
    set_followers(base(), SMALL.followers)
  end)
end

-- Ends the load when no page has been open for a while.
local function rest_when_unwatched()
  stats:on("leave", function()
    local timer = sse.after(IDLE, function()
      if stats.followers == 0 then live.rest() end
    end)
    timer:unref()
  end)
end

--- Ends the load.
function live.rest()
  rate, small = 0, nil
  set_followers("", 0)
end

-- --- the numbers --------------------------------------------------------------------------------

-- A quantile of a histogram of delays, in ms, interpolated linearly within a bucket. Each bucket
-- counts all that took up to `le` seconds.
local function quantile(part, buckets)
  local total = buckets[#buckets].count
  local before, low = 0, 0
  for _, bucket in ipairs(buckets) do
    local le, own = bucket.le or low, bucket.count - before
    if own > 0 and part * total <= bucket.count then
      return (low + (le - low) * (part * total - before) / own) * 1000
    end
    before, low = bucket.count, le
  end
end

-- The sums over all channels but `stats`, with a histogram; and a row for each channel.
local function totals()
  local sum = { published = 0, delivered = 0, delivered_bytes = 0, delays = {} }
  local rows = {}
  for _, channel in ipairs(sse.channels()) do
    local of = channel:stats()
    rows[#rows + 1] = {
      name = channel.name, followers = of.followers, published = of.events.published,
      delivered = of.events.delivered, held = of.history.events, slow = of.slow.followers_closed,
      gaps = of.gaps.expired + of.gaps.unknown + of.gaps.slow,
    }
    if channel ~= stats then
      for name, value in pairs(sum) do
        if type(value) == "number" then sum[name] = value + of.events[name] end
      end
      for i, bucket in ipairs(of.delay_seconds.buckets) do
        local before = sum.delays[i]
        sum.delays[i] = { le = bucket.le, count = bucket.count + (before and before.count or 0) }
      end
    end
  end
  return sum, rows
end

-- The histogram of what was delivered between two measurements.
local function delays_between(before, now)
  local delays = {}
  for i, bucket in ipairs(now.delays) do
    local was = before.delays[i] and before.delays[i].count or 0
    delays[i] = { le = bucket.le, count = math.max(0, bucket.count - was) }
  end
  return delays
end

-- The resident memory in bytes; nil if the system has no /proc.
local function resident_memory()
  local file <close> = io.open "/proc/self/statm"
  local pages = file and file:read("a"):match "^%d+ (%d+)"
  return pages and tonumber(pages) * 4096
end

-- The present measurement, which the next one is compared with, and the numbers to publish.
local function measure(server, before)
  local sum, rows = totals()
  local now = { sum = sum, at = sse.now(), cpu = os.clock(), received = received }
  local seconds = math.max(now.at - before.at, 1) / 1000
  local delays = delays_between(before.sum, sum)
  local function per_second(name)
    return math.max(0, math.floor((sum[name] - before.sum[name]) / seconds + 0.5))
  end
  local of = server:stats()
  return now, {
    time = os.time(), connections = of.connections.open, memory = resident_memory(),
    published = per_second "published", delivered = per_second "delivered",
    bytes = per_second "delivered_bytes",
    followers = load.followers, asked = #followers, rate = rate,
    received = math.floor((now.received - before.received) / seconds + 0.5),
    cpu = (now.cpu - before.cpu) / seconds * 100, most = max_followers, channels = rows,
    small = small,
    p50 = quantile(0.5, delays), p99 = quantile(0.99, delays),
  }
end

local function start_publishing_stats(server)
  local before = { sum = totals(), at = sse.now(), cpu = os.clock(), received = 0 }
  local timer = sse.every(live.interval, function()
    local now, numbers = measure(server, before)
    before = now
    stats:publish { data = numbers }
  end)
  timer:unref()
end

-- --- routes -------------------------------------------------------------------------------------

-- A handler that calls `act` with the query's `count`.
local function with_count(least, greatest, act)
  return function(req, res)
    local count = math.tointeger(tonumber(req.query.count))
    if not count or count < least or count > greatest then
      local message = ("count must be from %d to %d\n"):format(least, greatest)
      error { status = 400, message = message }
    end
    act(count)
    res:json { followers = #followers, rate = rate, small = small }
  end
end

--- Adds the page's routes. `base()` returns the server's URL, when the server listens.
function live.mount(server, base)
  server:get("/live/stats", function(_, res)
    res:event_stream { retry = 1000 }:follow(stats, { from = "oldest" })
  end)
  server:get("/live/load", sse.follow(load))
  server:post("/live/followers", with_count(0, 2000, function(n)
    small = nil
    set_followers(base(), n)
  end))
  server:post("/live/rate", with_count(0, 1000, function(n) rate, small = n, nil end))
  server:post("/live/burst", with_count(1, 10000, publish))
  server:get("/metrics", function(_, res) res:reply(200, server:metrics()) end)
  start_publishing_stats(server)
  start_publishing()
  begin_when_watched(base)
  rest_when_unwatched()
end

return live
