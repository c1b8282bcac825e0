--- The live page: the server's own numbers once a second over a channel, and a load to look at:
-- followers, which are EventSources of this process, and events published to them.
--
-- GET /live/stats                 the numbers, those of the last minutes first
-- POST /live/followers?count=n    so many followers from now on
-- POST /live/rate?count=n         so many events a second
-- POST /live/burst?count=n        so many at once
local sse = require "sse"

local live = { interval = 1000 }

local MINUTES = 2 -- shown
local TICK = 50 -- ms: a step of publishing
local IDLE = 10000 -- ms without a page, after which the load ends
local stats = sse.channel("stats", { history = MINUTES * 60 })
local load = sse.channel("load", { history = 10000 })
local followers, received, rate = {}, 0, 0

-- --- the load -----------------------------------------------------------------------------------

-- Both ends of a follower are in this process: two descriptors each.
local function descriptors()
  local pipe <close> = assert(io.popen "ulimit -n")
  return tonumber(pipe:read "a") or 1024
end

local most = math.max(0, math.min(2000, (descriptors() - 100) // 2))

local function follower(base)
  local source = sse.EventSource(base .. "live/load")
  source.onmessage = function() received = received + 1 end
  return source
end

local function set_followers(base, count)
  count = math.min(count, most)
  while #followers < count do followers[#followers + 1] = follower(base) end
  while #followers > count do table.remove(followers):close() end
end

local function publish(count)
  for _ = 1, count do load:publish(("x"):rep(100)) end
end

-- So many a second, in steps; what a step can't have whole is due in the next.
local function keep_publishing()
  local due = 0
  local timer = sse.every(TICK, function()
    due = due + rate * TICK / 1000
    publish(due // 1)
    due = due % 1
  end)
  timer:unref()
end

-- Nobody looks any more: no load either.
local function rest_when_alone()
  stats:on("leave", function()
    local timer = sse.after(IDLE, function()
      if stats.followers == 0 then live.rest() end
    end)
    timer:unref()
  end)
end

--- Ends the load.
function live.rest()
  rate = 0
  set_followers("", 0)
end

-- --- the numbers --------------------------------------------------------------------------------

-- The delay below which that part of the new deliveries was, in ms; linear within a bucket.
local function quantile(part, buckets, total)
  local left, low = part * total, 0
  for _, bucket in ipairs(buckets) do
    if bucket.count > 0 and left <= bucket.count then
      return low + ((bucket.ms or low) - low) * left / bucket.count
    end
    left, low = left - bucket.count, bucket.ms or low
  end
end

-- Of all channels but that of the numbers: what is counted, and the histogram.
local function totals()
  local sum = { published = 0, delivered = 0, bytes = 0, slow_closed = 0, delays = {} }
  local rows = {}
  for _, channel in ipairs(sse.channels()) do
    local of = channel:stats()
    rows[#rows + 1] = {
      name = channel.name, followers = of.followers, published = of.published,
      delivered = of.delivered, held = of.held, slow = of.slow_closed,
      gaps = of.gaps.expired + of.gaps.unknown + of.gaps.slow,
    }
    if channel ~= stats then
      for name, value in pairs(sum) do
        if type(value) == "number" then sum[name] = value + of[name] end
      end
      for i, bucket in ipairs(of.delays) do
        local before = sum.delays[i]
        sum.delays[i] = { ms = bucket.ms, count = bucket.count + (before and before.count or 0) }
      end
    end
  end
  return sum, rows
end

local function since(now, before)
  local delays, count = {}, 0
  for i, bucket in ipairs(now.delays) do
    local was = before.delays[i] and before.delays[i].count or 0
    delays[i] = { ms = bucket.ms, count = math.max(0, bucket.count - was) }
    count = count + delays[i].count
  end
  return delays, count
end

-- Resident bytes, where the system tells.
local function memory()
  local file <close> = io.open "/proc/self/statm"
  local pages = file and file:read("a"):match "^%d+ (%d+)"
  return pages and tonumber(pages) * 4096
end

-- What there is to say, and what the next time is compared with.
local function measure(server, before)
  local sum, rows = totals()
  local now = { sum = sum, at = sse.now(), cpu = os.clock(), received = received }
  local seconds = math.max(now.at - before.at, 1) / 1000
  local delays, count = since(sum, before.sum)
  local function per_second(name)
    return math.max(0, math.floor((sum[name] - before.sum[name]) / seconds + 0.5))
  end
  local of = server:stats()
  return now, {
    time = os.time(), connections = of.connections, memory = memory(),
    published = per_second "published", delivered = per_second "delivered",
    bytes = per_second "bytes", followers = load.followers, asked = #followers, rate = rate,
    received = math.floor((now.received - before.received) / seconds + 0.5),
    cpu = (now.cpu - before.cpu) / seconds * 100, most = most, channels = rows,
    p50 = quantile(0.5, delays, count), p99 = quantile(0.99, delays, count),
  }
end

local function keep_telling(server)
  local before = { sum = totals(), at = sse.now(), cpu = os.clock(), received = 0 }
  local timer = sse.every(live.interval, function()
    local now, told = measure(server, before)
    before = now
    stats:publish { data = told }
  end)
  timer:unref()
end

-- --- routes -------------------------------------------------------------------------------------

local function with_count(least, greatest, act)
  return function(req, res)
    local count = math.tointeger(tonumber(req.query.count))
    if not count or count < least or count > greatest then
      return res:reply(400, ("count must be from %d to %d\n"):format(least, greatest))
    end
    act(count)
    res:reply(200, { followers = #followers, rate = rate })
  end
end

--- Adds the page's routes; `base()` gives the server's URL once it listens.
function live.mount(server, base)
  server:get("/live/stats", function(_, res)
    res:event_stream { retry = 1000 }:follow(stats, { from = "oldest" })
  end)
  server:get("/live/load", function(_, res) res:event_stream():follow(load) end)
  server:post("/live/followers", with_count(0, 2000, function(n) set_followers(base(), n) end))
  server:post("/live/rate", with_count(0, 1000, function(n) rate = n end))
  server:post("/live/burst", with_count(1, 10000, publish))
  server:get("/metrics", function(_, res) res:reply(200, sse.metrics(server)) end)
  keep_telling(server)
  keep_publishing()
  rest_when_alone()
end

return live
