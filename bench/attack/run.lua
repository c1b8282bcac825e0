--- One attack: a fresh server, well-behaved followers in a process of their own (build/load), and
-- attackers in a third (build/attack), which has a lower priority, since real attackers have
-- machines of their own. Where the system allows it, server and followers have a real-time
-- priority, so that other processes of this machine do not disturb what is measured.
local servers = require "bench.servers"
local server_run = require "bench.server_run"

local run = {}

local lua = arg[-1]
local SIZE = 1000 -- bytes of an event
local SECONDS = 5
local FIRST, TIMES = 1.2, 5 -- seconds and number of the attacks before any measurement

--- The prefix of a command that gets a real-time priority; "" where the system does not allow it.
run.priority = os.execute "chrt -r 1 true 2>/dev/null" and "chrt -r 1 " or ""

local function exists(path)
  local file <close> = io.open(path)
  return file ~= nil
end

local function start(build)
  local trim = build .. "/trim.so"
  return servers.spawn(("%s%s bench/attack/server.lua %d %s"):format(run.priority, lua, SIZE,
    exists(trim) and trim or ""))
end

local load_options = "--in-target --gc /gc"
local server = {
  name = "ours", title = "lua-sse", start = start, options = load_options, priority = run.priority,
}

local function parse(line)
  local result = {}
  for name, value in line:gmatch("(%w[%w_]*)=(%S+)") do result[name] = tonumber(value) or value end
  return result
end

local function stats(session)
  return session:run { "get:/stats" }
end

-- How much each number grew from `before` to `after`; only those that did.
local function difference(before, after)
  local more = {}
  for name, value in pairs(after) do
    if type(value) == "number" and value > (before[name] or 0) then
      more[name] = value - (before[name] or 0)
    end
  end
  return more
end

local function expect(line, of)
  if not line then error(of .. " ended early", 0) end
  return line
end

local function begin_attack(session, attack, seconds, settings)
  local command = ("%s/attack %d %s --count %d --rate %d --seconds %g --pids %s"):format(
    settings.build, session.process.port, attack.name, attack.peers, attack.rate, seconds,
    session.process:pids())
  return assert(io.popen((run.priority == "" and "nice -n 10 " or "") .. command))
end

-- Starts the attack, then publishes events; the attack ends a little after them.
local function measure_attacked(session, attack, seconds, phase, settings)
  local pipe <close> = begin_attack(session, attack, seconds + 1, settings)
  expect(pipe:read("l"), "the attack")
  local followers = session:run(phase)
  return followers, parse(expect(pipe:read("l"), "the attack"))
end

-- The server's bytes of memory, and bytes of its heap in use. Measured twice, because the first
-- measurement's garbage collection ends objects that only the second one frees.
local function memory(session)
  session:run { "memory" }
  local bytes = session:run { "memory" }.bytes
  return bytes, tonumber(session:run { "get:/heap" }.heap)
end

-- Brings the server into the state of one that has run for hours: 2,000 followers have come and
-- gone over HTTP/1.1 and over HTTP/2, and the channel's history is full.
local function warm(session, settings)
  for _, options in ipairs { "", "--http2 10" } do
    os.execute(("%s/load %d %s connect:2000 leave >/dev/null"):format(settings.build,
      session.process.port, options))
  end
  session:run { ("connect:%d"):format(settings.followers) }
  session:run { "burst:12x100" }
  session:run { ("rate:%gx%d"):format(settings.events, settings.events) }
end

local function measure(session, attack, settings)
  local seconds = settings.seconds or math.max(SECONDS, attack.seconds)
  local phase = { ("rate:%gx%d"):format(settings.events, settings.events * seconds // 1) }
  local found = { seconds = seconds }
  warm(session, settings)
  found.cold = memory(session)
  for _ = 1, TIMES do begin_attack(session, attack, FIRST, settings):close() end
  found.quiet = session:run(phase)
  found.before, found.heap_before = memory(session)
  local stats_before = stats(session)
  found.attacked, found.attackers = measure_attacked(session, attack, seconds, phase, settings)
  found.after, found.heap_after = memory(session)
  found.during = math.max(found.attackers.memory, found.after or -1)
  found.more = difference(stats_before, stats(session))
  return found
end

--- Runs an attack. Returns a table: `quiet` and `attacked`, what the followers measured;
-- `attackers`, what the attackers printed; bytes of memory `cold` (before any attack), `before`
-- (after the first short ones), `during` and `after`, and of the heap `heap_before` and
-- `heap_after`, nil where not known; `more`, the server's counters that grew; or `broken`, the
-- message if it failed.
function run.attack(attack, settings)
  server.options = load_options .. (settings.http2 and " --http2 " .. settings.http2 or "")
  local session = server_run.open(server, settings.build, SIZE)
  local ok, found = pcall(measure, session, attack, settings)
  session:close()
  return ok and found or { broken = found }
end

return run
