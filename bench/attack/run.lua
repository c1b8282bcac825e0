--- One attack: a fresh server, well-behaved followers in a process of their own (build/load), and
-- attackers in a third (build/attack), which gives way where they want the same core: attackers of
-- the world have machines of their own. Where it is allowed, the first two have a priority above
-- all else on this machine, so that what else it does is not measured.
local servers = require "bench.servers"
local server_run = require "bench.server_run"

local run = {}

local lua = arg[-1]
local SIZE = 1000 -- bytes of an event
local SECONDS = 5
local FIRST, TIMES = 1.2, 5 -- seconds of attacks before anything is compared, and how many

--- What is put before a command that is to have priority; "" where nobody may.
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

-- What each number of `after` has more than in `before`.
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

-- The attack begins, then the events; it ends a little after them.
local function measure_attacked(session, attack, seconds, phase, settings)
  local pipe <close> = begin_attack(session, attack, seconds + 1, settings)
  expect(pipe:read("l"), "the attack")
  local followers = session:run(phase)
  return followers, parse(expect(pipe:read("l"), "the attack"))
end

-- Bytes of memory, and those of the heap in use. Twice: the second looks once all that the first
-- found ended is freed.
local function memory(session)
  session:run { "memory" }
  local bytes = session:run { "memory" }.bytes
  return bytes, tonumber(session:run { "get:/heap" }.heap)
end

-- A server as it is after some hours: it had 2,000 followers once, over HTTP/1.1 and HTTP/2, and
-- its channel's history is full.
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

--- Gives what was found: of the followers `quiet` and `attacked`, of the `attackers`; bytes of
-- memory `cold` (no attack yet), `before` (first short ones are over), `during` and `after` (nil
-- where the system doesn't tell), of the heap `heap_before` and `heap_after`; what of the server's
-- numbers grew, `more`; or `broken`, why it came to no end.
function run.attack(attack, settings)
  server.options = load_options .. (settings.http2 and " --http2 " .. settings.http2 or "")
  local session = server_run.open(server, settings.build, SIZE)
  local ok, found = pcall(measure, session, attack, settings)
  session:close()
  return ok and found or { broken = found }
end

return run
