--- make chaos-workers: two workers and a publisher on one file under load, while workers are killed
-- and replaced. CHAOS_SECONDS=60, CHAOS_RATE=2000 events a second, CHAOS_KILLS=2, CHAOS_RELOADS=10.
-- The exit status is not 0 if anything was missed, came twice or out of order, or was refused.
local newsroom = require "spec.support.newsroom"

local function number(name, default)
  return math.tointeger(tonumber(os.getenv("CHAOS_" .. name))) or default
end

local given = {
  seconds = number("SECONDS", 60), rate = number("RATE", 2000), steady = 4, restless = 8,
  kills = number("KILLS", 2), reloads = number("RELOADS", 10),
}
local ok, got = xpcall(newsroom.run, debug.traceback, given)
newsroom.stop()
if not ok then error(got, 0) end

local function row(what, text, ...) print(("%-44s %s"):format(what, text:format(...))) end

row("published", "%d in %.1f s, %d a second", got.published, got.ms / 1000,
  got.published * 1000 // got.ms)
row("delivered to 4 clients that stay, 8 that roam", "%d", got.delivered)
row("resumed in the other worker", "%d times", got.resumes)
row("workers killed; replaced by SIGHUP", "%d; %d times both", given.kills, given.reloads)
row("connections lost and made again", "%d", got.losses)
row("requests meanwhile", "%d", got.asked)
row("publish to a client that stays", "p50 %d ms, p99 %d ms, most %d ms", got.p50, got.p99,
  got.p100)
row("the same, most, beside a killed worker", "%d ms", got.slowest)
row("missed, twice, out of order, refused", #got.faults == 0 and "none" or "")
for _, fault in ipairs(got.faults) do print("  " .. fault) end
os.exit(#got.faults == 0, true)
