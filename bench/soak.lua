--- make soak: mixed load over all transports for some minutes, and what grew meanwhile.
-- usage: lua soak.lua BUILD-FOLDER
-- Environment: SOAK_MINUTES (5), SOAK_CLIENTS (40 tasks), SOAK_SEED (20).
-- The process of the servers and this one, of the clients, are sampled ten times in the first
-- tenth and in the last tenth of the time, and at rest after each of the two, when no client is
-- connected.
local certs = require "spec.support.certs"
local clients = require "bench.soak.clients"
local core = require "sse.core"
local report = require "bench.soak.report"
local sample = require "bench.soak.sample"
local servers = require "bench.servers"
local sse = require "sse"

local build = assert(arg[1], "usage: lua soak.lua BUILD-FOLDER")
local LOOKS = 10
local WARM = 15000 -- ms before the first tenth: time for one restart and one reload
local PATIENCE = 60000 -- ms for a response, or for a client's action to end
local RESTART, RELOAD = 7000, 11000 -- ms between two

local function number_in(variable, default)
  local text = os.getenv(variable)
  if not text or text == "" then return default end
  local number = tonumber(text)
  if number and number > 0 then return number end
  io.stderr:write(("soak: %s: expected a number above 0, got '%s'\n"):format(variable, text))
  os.exit(2)
end

local MINUTES, CLIENTS = number_in("SOAK_MINUTES", 5), number_in("SOAK_CLIENTS", 40) // 1
local tenth = MINUTES * 60000 / 10

-- --- the server ----------------------------------------------------------------------------------

certs.sign("good", "DNS:localhost,IP:127.0.0.1")
local process <close> = servers.spawn(("%s bench/soak/server.lua %s %s %s"):format(arg[-1], build,
  certs.path "good.pem", certs.path "good.key"))
local secure, control = process.pipe:read("n", "n")
local self = clients.new(process.port, secure, number_in("SOAK_SEED", 20) // 1)
local failures = self.faults

local function tell(method, path)
  local url = ("http://127.0.0.1:%d%s"):format(control, path)
  local controller = sse.AbortController()
  -- AbortSignal.timeout is not used here: its timer would be counted as left behind.
  local _limit <close> = sse.after(PATIENCE, function() controller:abort() end)
  local res, message = sse.fetch(url, { method = method, signal = controller.signal })
  if not res then error(("%s: %s"):format(path, message)) end
  local text = assert(res:text())
  if res.status ~= 200 then failures[("%s: %d %s"):format(path, res.status, text)] = 1 end
  return text
end

local function note(what)
  self.counts[what] = (self.counts[what] or 0) + 1
end

-- While clients are connected, drains and restarts one server after the other.
local function restart_servers()
  local names, turn = { "plain", "secure" }, 0
  while not self.over do
    sse.sleep(RESTART)
    if self.over then break end
    turn = turn + 1
    tell("POST", "/restart/" .. names[turn % 2 + 1])
    note "restarts"
  end
  self.alive = self.alive - 1
end

local function reload_certificates()
  while not self.over do
    sse.sleep(RELOAD)
    if self.over then break end
    certs.sign("good", "DNS:localhost,IP:127.0.0.1")
    tell("POST", "/reload")
    note "reloads"
  end
  self.alive = self.alive - 1
end

local function begin()
  self:begin(CLIENTS)
  for _, each in ipairs { restart_servers, reload_certificates } do
    self.alive = self.alive + 1
    sse.spawn(each)
  end
end

-- --- samples -------------------------------------------------------------------------------------

local trim = sample.trimmer(build)
local all = {
  { name = "server", tenths = {}, rest = {} },
  { name = "clients", tenths = {}, rest = {} },
}

local function take_samples(quiet)
  local of_server = sse.json.decode(tell("GET", quiet and "/sample?quiet=1" or "/sample"))
  for _, message in ipairs(of_server.errors) do failures["server: " .. message] = 1 end
  return of_server, sample.take(quiet and trim)
end

local function sample_a_tenth(which)
  local first, second = {}, {}
  for i = 1, LOOKS do
    sse.sleep(tenth / LOOKS)
    first[i], second[i] = take_samples(false)
  end
  all[1].tenths[which], all[2].tenths[which] = first, second
end

-- Waits until all clients have left and the servers have freed what was theirs, closes connections
-- that are kept for later requests, and takes a sample.
local function sample_at_rest(which)
  if not self:finish(PATIENCE) then
    failures[("%d tasks of the clients hang"):format(self.alive)] = 1
  end
  core.forget_connections()
  for _ = 1, 200 do
    sse.sleep(50)
    local of_server = take_samples(true)
    if of_server.connections == 0 then break end
  end
  core.forget_connections()
  all[1].rest[which], all[2].rest[which] = take_samples(true)
end

-- --- the run -------------------------------------------------------------------------------------

local terminal = os.execute "test -t 2"
local function say(...)
  if terminal then io.stderr:write("\r\27[K", string.format(...)) end
end

print(("%g minutes, %d clients over HTTP/1.1, HTTPS, h2c and h2; a server is drained and made anew "
  .. "every %d s, certificates are\nread anew every %d s; medians of %d looks a tenth, garbage "
  .. "collected before each"):format(MINUTES, CLIENTS, RESTART // 1000, RELOAD // 1000, LOOKS))
sse.spawn(function()
  begin()
  say("becoming warm")
  sse.sleep(WARM)
  say("the first tenth")
  sample_a_tenth "first"
  sample_at_rest "first"
  begin()
  say("until the last tenth")
  sse.sleep(8 * tenth)
  say("the last tenth")
  sample_a_tenth "last"
  sample_at_rest "last"
  say("")
  sse.stop()
end)
sse.run()
local fine = report.show(all, self.counts, failures)
process:stop()
os.exit(fine, true)
