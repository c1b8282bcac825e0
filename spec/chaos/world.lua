--- A program under chaos: two servers, plain and TLS, whose handlers and callbacks do what the seed
-- says.
local acts = require "spec.chaos.acts"
local certs = require "spec.support.certs"
local channels = require "spec.chaos.channels"
local random = require "spec.chaos.random"
local server_object = require "sse.server.server_object"
local sse = require "sse"

local world = {}
world.__index = world

local MAX_DEPTH = 4 -- acts within one another
local stress = os.getenv "SSE_STRESS_GC" -- each callback costs a collection

-- --- what acts use -------------------------------------------------------------------------------

function world:name() return self.rnd:pick(channels.names) end
function world:server() return self.rnd:one_in(2) and self.plain or self.secure end

-- A stream, which is open as a rule.
function world:stream()
  local stream
  for _ = 1, 4 do
    stream = self.streams[1] and self.rnd:pick(self.streams)
    if not stream or not stream.closed then break end
  end
  return stream
end

--- Takes a response that is still to be answered out of the list of those.
function world:take_unanswered()
  return self.waiting[1] and table.remove(self.waiting, self.rnd:upto(#self.waiting))
end

function world:add_unanswered(res) table.insert(self.waiting, res) end

--- Does an act, or nothing if there were enough.
-- @tparam string where the callback that acts
function world:act(where)
  if self.calm or self.budget == 0 or self.depth >= MAX_DEPTH then return end
  if self.rnd:one_in(2) then return end
  local name = self.rnd:pick(acts.names)
  self.budget, self.depth = self.budget - 1, self.depth + 1
  self.log[#self.log + 1] = where .. " " .. name
  local _leave <close> = setmetatable({}, { __close = function() self.depth = self.depth - 1 end })
  acts.by_name[name](self)
end

-- --- handlers -----------------------------------------------------------------------------------

--- Options of `follow`, sometimes with a filter.
-- @param stream
function world:follow_options(stream)
  local rnd, witnessed = self.rnd, self.witnessed[stream]
  local function where(event)
    if not self.calm and rnd:one_in(4) then acts.by_name.trap(self) end
    self:act "where"
    return witnessed or #event.data % 3 ~= 0
  end
  return {
    where = rnd:one_in(2) and where or nil,
    from = not witnessed and rnd:pick { "newest", "oldest", 0, 1, 5 } or nil,
  }
end

local function new_stream(self, res, options)
  options = options or {}
  options.retry = 1
  local stream = res:event_stream(options)
  if not stream then return nil end
  stream.on_close = function() self:act "on_close" end
  if self.rnd:one_in(2) then stream.on_drain = function() self:act "on_drain" end end
  table.insert(self.streams, stream)
  if #self.streams > 40 then table.remove(self.streams, 1) end
  return stream
end

local handlers = {}

handlers["/witness/:names"] = function(self, req, res)
  local stream = new_stream(self, res)
  if not stream then return end
  self.witnessed[stream] = true
  stream:follow(self.channels:list(req.params.names)[1], self:follow_options(stream))
  self:act "handler"
end

handlers["/follow/:names"] = function(self, req, res)
  self:act "handler"
  local rnd = self.rnd
  local stream = new_stream(self, res, {
    compress = rnd:pick { true, false, "window", "shared" },
    max_pending = rnd:one_in(3) and 5000 or nil, heartbeat = rnd:one_in(3) and 3 or nil,
  })
  local list = self.channels:list(req.params.names)
  if not stream or not list[1] then return end
  list[#list + 1] = self:follow_options(stream)
  stream:follow(table.unpack(list))
  self:act "handler"
end

handlers["/act"] = function(self, req, res)
  for _ = 1, #req:text() % 4 do self:act "handler" end
  res:reply(200, "done")
  self:act "handler"
end

handlers["/late"] = function(self, _, res)
  sse.sleep(self.rnd:upto(5))
  self:act "handler"
  res:reply(200, ("late"):rep(self.rnd:upto(10000)))
end

handlers["/hold"] = function(self, _, res)
  res.on_close = function() self:act "on_close" end
  self:add_unanswered(res)
  if res.detach then res:detach() end
end

handlers["/write"] = function(self, _, res)
  for _ = 1, self.rnd:upto(10) do
    self:act "handler"
    if not res:write(("w"):rep(self.rnd:upto(20000))) and not res:drain() then return end
  end
  if not self.rnd:one_in(4) then res:finish() end
end

handlers["/nothing"] = function() end

local function open(self, options)
  options.on_error = function(message)
    self:note(message)
    self:act "on_error"
  end
  local server = sse.server(options)
  for path, handler in pairs(handlers) do
    server:all(path, function(req, res) handler(self, req, res) end)
  end
  server:static("/files", "docs")
  assert(server:listen())
  self.servers[#self.servers + 1] = server
  return server
end

local function options_of(self, port)
  local rnd = self.rnd
  return {
    port = port, head_timeout = rnd:pick { 5, 50 }, body_timeout = rnd:pick { 5, 50 },
    idle_timeout = rnd:pick { 20, 200 }, max_body_size = 5000, max_head_size = 4096,
    max_connections = rnd:pick { 6, 100 }, max_concurrent_requests = rnd:pick { 3, 100 },
    max_pending = rnd:pick { 2000, 1 << 20 }, max_pending_total = rnd:pick { 30000, 1 << 28 },
    heartbeat = rnd:pick { 5, 15000 },
    on_response = rnd:one_in(2) and function() self:act "on_response" end or nil,
  }
end

local function is_listening(server) return server_object.state(server).core.listening end

--- Replaces servers that no longer listen.
function world:reopen()
  if not self.plain or not is_listening(self.plain) then
    self.plain = open(self, options_of(self, self.plain and self.plain_port))
    self.plain_port = self.plain.port
  end
  if not self.secure or not is_listening(self.secure) then
    local options = options_of(self, self.secure and self.secure_port)
    options.tls = certs.server()
    self.secure = open(self, options)
    self.secure_port = self.secure.port
  end
end

--- Notes an error that a callback raised. An error that no callback may raise fails the seed.
function world:note(message)
  message = tostring(message)
  self.raised = self.raised + 1
  if message:find "attempt to" or message:find "broken" or message:find "stack overflow" then
    self.faults[#self.faults + 1] = message
  end
end

--- The world of a seed.
function world.new(seed)
  local self = setmetatable({
    rnd = random.new(seed), streams = {}, waiting = {}, servers = {}, faults = {}, raised = 0,
    witnessed = setmetatable({}, { __mode = "k" }), log = {}, depth = 0,
    budget = stress and 200 or 1000,
  }, world)
  self.channels = channels.new(self)
  self:reopen()
  return self
end

return world
