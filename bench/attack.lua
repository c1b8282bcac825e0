--- make attack: what well-behaved followers notice while their server is attacked.
-- usage: lua attack.lua BUILD-FOLDER
-- Environment: ATTACKS (names with commas, each NAME or NAME:PEERSxRATE; all), ATTACK_SECONDS (5;
-- 12 or 13 for some attacks), ATTACK_ROUNDS (1; medians of several), ATTACK_FOLLOWERS (100),
-- ATTACK_EVENTS (100 a second), ATTACK_HTTP2 (followers on an HTTP/2 connection; without it,
-- followers use HTTP/1.1).
local attacks = require "bench.attack.list"
local report = require "bench.attack.report"
local run = require "bench.attack.run"

local build = assert(arg[1], "usage: lua attack.lua BUILD-FOLDER")

local function refuse(format, ...)
  io.stderr:write("attack: ", format:format(...), "\n")
  os.exit(2)
end

local function number_in(variable, default)
  local text = os.getenv(variable)
  if not text or text == "" then return default end
  local number = tonumber(text)
  if not number or number <= 0 then
    refuse("%s: expected a number above 0, got '%s'", variable, text)
  end
  return math.tointeger(number) or number
end

local settings = {
  build = build,
  seconds = number_in("ATTACK_SECONDS"),
  rounds = number_in("ATTACK_ROUNDS", 1),
  followers = number_in("ATTACK_FOLLOWERS", 100),
  events = number_in("ATTACK_EVENTS", 100),
  http2 = number_in("ATTACK_HTTP2"),
}

local terminal = os.execute "test -t 2"
local function tell(format, ...)
  if terminal then io.stderr:write("\r\27[K", format:format(...)) end
end

local function rounds_of(attack)
  local rounds = {}
  for round = 1, settings.rounds do
    tell("%s, round %d of %d", attack.name, round, settings.rounds)
    rounds[round] = run.attack(attack, settings)
  end
  tell("")
  return rounds
end

local list, unknown = attacks.chosen(build, os.getenv "ATTACKS")
if not list then refuse("%s", unknown) end
report.introduce(settings, run.priority)
local faults = 0
for _, attack in ipairs(list) do faults = faults + report.show(attack, rounds_of(attack)) end
report.conclude(faults)
os.exit(faults == 0, true)
