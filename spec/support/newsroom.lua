--- Two workers and a third process that only publishes, on one file; clients that stay, and clients
-- that come, go and resume in the other worker; workers that are killed, and replaced by SIGHUP.
local child = require "spec.support.child"
local masters = require "spec.support.masters"
local readers = require "spec.support.readers"
local socket = require "socket"
local sse = require "sse"
local temporary = require "spec.support.temporary"
local wait = require "spec.support.wait"

local newsroom = {}

local CHANNEL = [[sse.channel("news", {
    store = sse.sqlite "FILE", history = 1 << 22, history_bytes = 1 << 32,
  })]]

local APP = [[
  local worker = ...
  local core, sse = require "sse.core", require "sse"
  local VERSION = 1
  local server = sse.server { port = PORT }
  local news = NEWS
  local text = ("%d %d %d"):format(worker.id, core.process_id(), VERSION)
  server:get("/", function(_, res) res:reply(200, text) end)
  server:get("/news", function(_, res)
    local stream = res:event_stream { retry = 10 }
    stream:send { event = "served", data = text }
    stream:follow(news, { from = "oldest" })
  end)
  require "spec.support.ready"(text)
  assert(server:run { within = 100 })
]]

-- Publishes RATE events a second from 16 tasks until SIGTERM, each with its number and the time,
-- and writes the number and the id of each that was acknowledged.
local PUBLISHER = [[
  local core, socket, sse = require "sse.core", require "socket", require "sse"
  local news, over, n = NEWS, false, 0
  local file <close> = assert(io.open("FILE.told", "w"))
  local signal = sse.signal("SIGTERM", function() over = true end)
  local began = socket.gettime()
  sse.run(function()
    local tasks = {}
    for i = 1, 16 do
      tasks[i] = sse.spawn(function()
        while not over do
          n = n + 1
          local mine = n
          local wait = began + mine / RATE - socket.gettime()
          if wait > 0 then sse.sleep(wait * 1000) end
          local at = math.floor(socket.gettime() * 1000)
          file:write(mine, " ", assert(news:publish(mine .. " " .. at)), "\n")
        end
      end)
    end
    for _, task in ipairs(tasks) do task:wait() end
    signal:stop()
  end)
  print(("published %d %d"):format(n, math.floor((socket.gettime() - began) * 1000)))
]]

local WORKERS <const> = 2
local LIMIT <const> = 60000 -- ms

local Room = {}

-- Pumps the loop until so many events more have been published, seen by a reader.
function Room:till_more(count)
  local goal = self.seen.head + count
  wait.until_true(function() return self.seen.head >= goal end, LIMIT, "events")
end

-- Pumps the loop until all steady readers are with the workers that live now, and have all events
-- that were published before.
function Room:till_home()
  for _, reader in ipairs(self.steady) do
    wait.until_true(function() return reader:is_with(self.living[reader.want]) end, LIMIT,
      "a reader to come back")
  end
  local head = self.seen.head
  for _, reader in ipairs(self.steady) do
    wait.until_true(function() return reader.position >= head end, LIMIT,
      "a reader to catch up")
  end
end

-- Starts a task, which close() waits for.
function Room:spawn(fn, ...)
  self.running = self.running + 1
  sse.spawn(function(...)
    fn(...)
    self.running = self.running - 1
  end, ...)
end

-- Connects again and again. Nobody may be refused; a request is lost only by a kill.
local function ask(self)
  while not self.seen.over do
    local id, message, version = self.master:ask()
    if id then
      self.version = math.max(self.version, version)
    elseif not (self.killing and message:find "^closed") then
      self.seen:fault("a request: %s", message)
    end
    self.asked = self.asked + 1
    sse.sleep(5)
  end
end

-- Kills a worker. Its clients come back, the other's notice nothing.
function Room:kill(id)
  local losses, others = {}, {}
  for _, reader in ipairs(self.steady) do
    if reader.worker ~= id then
      others[#others + 1], losses[reader] = reader, reader.losses
      reader.slowest = 0
    end
  end
  self.killing = true
  masters.signal(self.living[id], "KILL")
  self.started = self.started + 1
  self.living[id] = self.master:workers(self.started)[self.started].pid
  self:till_home()
  self.killing = false
  for _, reader in ipairs(others) do
    if reader.losses ~= losses[reader] then self.seen:fault("the other worker's client noticed") end
    self.slowest = math.max(self.slowest, reader.slowest)
  end
end

-- Replaces the program. All workers run it in the end.
function Room:reload(version)
  self.master:write(self:app(version))
  self.master:kill "HUP"
  self.started = self.started + WORKERS
  local list = self.master:workers(self.started)
  for i = self.started - WORKERS + 1, self.started do
    if list[i].version ~= version then self.seen:fault("an old program was started") end
    self.living[list[i].id] = list[i].pid
  end
  self:till_home()
end

function Room:put(text)
  text = text:gsub("NEWS", function() return CHANNEL end)
  return (text:gsub("FILE", self.file):gsub("RATE", self.rate))
end

function Room:app(version)
  return (self:put(APP):gsub("VERSION = 1", "VERSION = " .. version))
end

-- Starts the workers and their clients, then the publisher.
local function open(given)
  local self = setmetatable({
    file = ("%s/news-%s.db"):format(temporary.folder(), socket.gettime()), rate = given.rate,
    steady = {}, living = {}, running = 0, started = WORKERS, asked = 0, version = 0, slowest = 0,
  }, { __index = Room })
  self.master = masters.start { app = self:app(1) }
  for _, worker in ipairs(self.master:workers(WORKERS)) do self.living[worker.id] = worker.pid end
  self.seen = readers.room(self.master:url "/news")
  for i = 1, given.steady do
    self.steady[i] = self.seen:reader(i % WORKERS + 1)
    self.steady[i].steady = true
    self.steady[i]:open()
  end
  self:till_home()
  self.publisher = child.script(self:put(PUBLISHER))
  self:till_more(1)
  for i = 1, given.restless do
    self:spawn(readers.roam, self.seen:reader(i % WORKERS + 1), WORKERS)
  end
  for _ = 1, 2 do self:spawn(ask, self) end
  return self
end

-- Kills and reloads, spread over the time.
local function act(self, given)
  local acts, version, killed = given.kills + given.reloads, 1, 0
  local pause = given.rate * given.seconds // (acts + 1)
  for i = 1, acts do
    self:till_more(pause)
    if killed * acts < (i - 1) * given.kills + given.kills / 2 and killed < given.kills then
      killed = killed + 1
      self:kill(killed % WORKERS + 1)
    else
      version = version + 1
      self:reload(version)
    end
  end
  self:till_more(pause)
  wait.till(function() return self.version == version end, "the last program")
end

-- Compares what all have seen with what was acknowledged, and with what the file has.
local function compare(self, published)
  local seen, told = self.seen, 0
  for line in io.lines(self.file .. ".told") do
    local number, id = line:match "^(%d+) (%w+%-%d+)$"
    local data = seen.by_id[id] or "nothing"
    if data:match "^%d+" ~= number then
      seen:fault("%s was acknowledged, and '%s' was seen", line, data)
    end
    told = told + 1
  end
  if told ~= published then seen:fault("%d acknowledged of %d", told, published) end
  local store, at = sse.sqlite(self.file), 0
  local news = sse.channel("news", { store = store, history = 1 << 22, history_bytes = 1 << 32 })
  for ev in news:events { from = "oldest" } do
    at = at + 1
    local id = ("%s-%d"):format(seen.epoch, at)
    if seen.by_id[id] ~= ev.data then seen:fault("the file has '%s' at %d", ev.data, at) end
    if at == published then break end
  end
  news:close()
  store:close()
end

-- Ends the publisher; all clients get the rest.
local function close(self)
  self.publisher:kill "TERM"
  local published, ms = self.publisher:till "published (%d+) (%d+)\n"
  published = math.tointeger(tonumber(published))
  self.seen.over = true
  wait.till(function() return self.running == 0 end, "the tasks")
  for _, reader in ipairs(self.seen.list) do
    wait.until_true(function() return reader.position == published end, LIMIT, "the last event")
    reader:rest()
  end
  compare(self, published)
  self.master:kill "TERM"
  if self.master:wait() ~= 0 then self.seen:fault("the master: %s", self.master:output()) end
  return published, tonumber(ms)
end

--- Runs it.
-- @tparam table given `seconds`, `rate` (events a second), `steady` and `restless` (clients),
-- `kills`, `reloads`
-- @treturn table `faults`, a list of texts, and numbers
function newsroom.run(given)
  local self = open(given)
  act(self, given)
  local published, ms = close(self)
  local seen = self.seen
  return {
    faults = seen.faults, published = published, ms = ms, delivered = seen.delivered,
    resumes = seen.resumes, losses = seen.losses, asked = self.asked, slowest = self.slowest,
    p50 = seen:delay(0.5), p99 = seen:delay(0.99), p100 = seen:delay(1),
  }
end

--- For after_each.
newsroom.stop = child.stop

return newsroom
