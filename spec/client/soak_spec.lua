-- Many sources, fetches and loops against one server, all in one process, with closes, reconnects,
-- errors and aborts at random moments. Every error must be reported, nothing may be left behind.
-- SSE_SOAK_SEED is the seed of the moments; SSE_SOAK_STEPS and SSE_SOAK_SOURCES make a longer run.
local core = require "sse.core"
local random = require "spec.support.random"
local sse = require "sse"
local wait = require "spec.support.wait"

local stress = os.getenv("SSE_STRESS_GC") -- then each callback costs a collection
local STEPS = tonumber(os.getenv("SSE_SOAK_STEPS") or "") or stress and 15 or 120
local SOURCES = tonumber(os.getenv("SSE_SOAK_SOURCES") or "") or stress and 12 or 60
local SEED = tonumber(os.getenv("SSE_SOAK_SEED") or "") or 20

local soak = {}
soak.__index = soak

local answers = {
  function(_, res) res:reply(500, ("x"):rep(100000)) end,
  function(_, res) res:reply(204) end,
  function(_, res) res:reply(302, "", { Location = "/stream" }) end,
  function(_, res) res:reply(200, "no stream") end,
  function(_, res) res:reply(503, "", { ["Retry-After"] = "0" }) end,
}

local function answer(self, req, res)
  local answerer = answers[self.random(40)]
  if answerer then return answerer(req, res) end
  local stream = res:event_stream { retry = self.random(20) }
  self.streams[stream] = true
  local ends = self.random(4) == 1 and self.random(20) or math.huge
  stream.on_close = function() self.streams[stream] = nil end
  local id = tonumber(req.last_event_id or 0)
  for n = 1, math.min(ends, self.random(5)) do
    stream:send { id = tostring(id + n), event = n % 2 == 0 and "tick" or nil, data = { n = n } }
  end
  if ends < math.huge then stream:close() end
end

local function publish(self)
  for stream in pairs(self.streams) do
    if self.random(10) == 1 then stream:comment("still here") end
    if self.random(8) == 1 then stream:close() else stream:send { data = "all\nof you" } end
  end
end

-- What a listener may do with its source.
local deeds = {
  function(source) source:close() end,
  function(source) source:reconnect() end,
  function() error("raised by a listener") end,
  function(source) source.onmessage = nil end,
  function(_, self) self:other():close() end,
  function(_, self) self:other():reconnect() end,
  function() collectgarbage("step") end,
}

local function react(self, source)
  self.heard = self.heard + 1
  local deed = deeds[self.random(100)]
  if deed then deed(source, self) end
end

function soak:other()
  return self.sources[self.random(#self.sources)]
end

local function options_of(self)
  local controller = sse.AbortController()
  self.controllers[self.random(20)] = controller
  return {
    retryInterval = 1, minRetryInterval = 1, maxRetryInterval = 30,
    signal = self.random(3) == 1 and controller.signal or nil,
    reconnect = self.random(2) == 1 and "resilient" or nil,
    heartbeatTimeout = self.random(4) == 1 and 40 or nil,
    maxEventSize = self.random(10) == 1 and 12 or nil,
    headers = self.random(4) == 1 and function()
      sse.sleep(self.random(5))
      return { ["X-Token"] = "t" }
    end or nil,
  }
end

local function open(self, at)
  local source = sse.EventSource(self.url, options_of(self))
  self.sources[at], self.seen[source] = source, true
  local name = source -- the listeners hold their source, as a program's do
  local function hear() react(self, name) end
  for _, type_ in ipairs { "open", "error", "tick" } do source:addEventListener(type_, hear) end
  source.onmessage = hear
  if self.random(3) == 1 then source.oncomment = hear end
end

local function loop_over_source(self)
  if self.over then return end -- spawned in the last step
  local source = sse.EventSource(self.url, options_of(self))
  self.seen[source] = true
  for _ in source:events() do
    self.heard = self.heard + 1
    if self.random(6) == 1 then break end
    if self.random(6) == 1 then sse.sleep(3) end
    if self.random(20) == 1 then error("raised in a loop") end
  end
end

local function loop_over_fetch(self)
  local controller = sse.AbortController()
  self.controllers[self.random(20)] = controller
  local res = sse.fetch(self.url, { signal = controller.signal })
  if not res or self.random(5) == 1 then return end -- some are never read
  for _ in res:events() do
    if self.random(10) == 1 then break end
  end
end

local function call_back(self)
  local handle
  handle = sse.fetchEventSource(self.url, {
    onmessage = function() if self.random(5) == 1 then handle:close() end end,
    onerror = function() return not self.over and self.random(3) > 1 and 1 end,
  })
  self.handles[self.random(20)] = handle
end

local function step(self)
  self.steps = self.steps + 1
  publish(self)
  for _ = 1, 5 do
    local at = self.random(#self.sources)
    if self.sources[at].readyState == 2 then open(self, at) end
  end
  local controller, handle = self.controllers[self.random(20)], self.handles[self.random(20)]
  if controller then controller:abort() end
  if handle then handle:close() end
  sse.spawn(loop_over_source, self)
  sse.spawn(loop_over_fetch, self)
  call_back(self)
  if self.steps >= STEPS and self.heard > STEPS then sse.stop() end
end

local function start()
  local self = setmetatable({
    random = random.new(SEED), streams = {}, sources = {}, controllers = {}, handles = {},
    seen = setmetatable({}, { __mode = "k" }),
    heard = 0, steps = 0, errors = {},
  }, soak)
  self.server = sse.server { on_error = function(message) table.insert(self.errors, message) end }
  self.server:get("/stream", function(req, res) answer(self, req, res) end)
  assert(self.server:listen())
  self.url = ("http://127.0.0.1:%d/stream"):format(self.server.port)
  return self
end

-- Runs until the last step, and until enough has happened. Returns how many errors of listeners and
-- loops stopped sse.run.
local function run(self)
  local raised = 0
  for i = 1, SOURCES do open(self, i) end
  local timer = core.every(2, function() step(self) end)
  while self.steps < STEPS or raised == 0 do
    local ok, message = pcall(sse.run)
    if not ok then
      assert.matches("raised", message)
      raised = raised + 1
    end
  end
  timer:stop()
  return raised
end

-- Calls fn again as long as a listener's error ends the call.
local function patiently(fn)
  while true do
    local ok, message = pcall(fn)
    if ok then return end
    assert.matches("raised", message)
  end
end

describe("a soak", function()
  it("of sources, loops, fetches and callbacks leaves nothing behind", function()
    wait.collect()
    local fds = wait.fds()
    local self = start()
    local raised = run(self)
    assert.is_true(raised > 0 and self.heard > STEPS, "nothing happened")
    self.over, self.random = true, function(n) return n end -- now listeners do nothing odd
    for source in pairs(self.seen) do source:close() end
    for _, handle in pairs(self.handles) do handle:close() end
    for _, controller in pairs(self.controllers) do controller:abort() end
    self.server:close()
    patiently(wait.idle)
    assert.same({}, self.errors)
    self.sources, self.handles, self.controllers, self.streams = {}, {}, {}, {}
    wait.collect()
    patiently(wait.idle)
    wait.collect()
    assert.is_nil((next(self.seen)))
    assert.equal(fds, wait.fds())
  end)
end)
