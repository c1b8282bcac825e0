--- Objects of every class for the fuzzer of the Lua interface, open and closed, and the functions
-- that can be called.
local core = require "sse.core"
local socket = require "socket"
local sse = require "sse"

local objects = {}
objects.__index = objects

-- Functions that never return, end the process or change the loop for other users. stress, which
-- only this build has, would make each later call a full collection, which takes longer than the
-- watchdog waits.
local LEFT_OUT = {
  run = true, set_json_check = true, log = true, stress = true,
  -- Of processes and descriptors, also those of others.
  workers = true, fork = true, kill = true, reap = true, close_descriptor = true,
  master_begin = true, master_wait = true, pair = true, pair_read = true, pair_write = true,
  pair_pass = true, pair_take = true,
  master_say = true, -- to where the calls are counted
}

local MOST = 60 -- objects kept

local function nothing() end

-- Functions that make objects that work, so that calls get past the checks of arguments.
local makers = {}

function makers.timer() return core.after(5, nothing) end
function makers.every() return core.every(3, nothing) end
function makers.signal() return core.signal("USR2", nothing) end
function makers.parser(self) return core.parser { on_event = self.values:act() } end

function makers.public_parser(self)
  return sse.parser { on_event = self.values:act(), on_comment = self.values:act() }
end

function makers.channel(self)
  self.number = self.number + 1
  local slow = self.rnd:pick { "close", "skip", "latest" }
  return sse.channel("fuzz " .. self.number, { history = self.rnd:upto(5) - 1, slow = slow })
end

function makers.event_of_a_channel() sse.channel("everybody"):publish { data = "x", id = "own" } end
function makers.another() return sse.channel("everybody"):publish { event = "y", data = "x" } end
function makers.key() return core.key_of_secret(("x"):rep(32)) end
function makers.token() return sse.jwt.sign({ sub = "x" }, { key = ("x"):rep(32) }) end
function makers.core_channel() return core.channel { name = "core" } end
function makers.core_server(self) return core.server { on_request = self.values:act() } end

function makers.transfer(self)
  local act, other = self.values:act(), self.values:act()
  return core.transfer { url = self:url(), on_done = act, on_data = other }
end

function makers.source(self) return sse.EventSource(self:url()) end
function makers.controller() return sse.AbortController() end
function makers.abort_signal() return sse.AbortSignal.timeout(5) end
function makers.event() return sse.Event "open" end

function makers.handle(self)
  return sse.fetchEventSource(self:url(), { onmessage = self.values:act() })
end

function makers.response(self)
  sse.spawn(function() self:add(sse.fetch(self:url())) end)
end

function makers.client(self) -- its requests give the handlers requests, responses and streams
  local s = assert(socket.tcp4())
  s:settimeout(1)
  if s:connect("127.0.0.1", self.server.port) then
    s:send(("%s %s HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n"):format(
      self.rnd:pick { "GET", "HEAD", "POST" }, self.rnd:pick { "/", "/stream" }))
    s:settimeout(0)
    self.clients[#self.clients + 1] = s
  end
  if #self.clients > 10 then table.remove(self.clients, 1):close() end
end

local maker_names = {}
for name in pairs(makers) do maker_names[#maker_names + 1] = name end
table.sort(maker_names)

--- The URL of one of the server's paths.
function objects:url()
  local path = self.rnd:pick { "/", "/stream", "/none" }
  return ("http://127.0.0.1:%d%s"):format(self.server.port, path)
end

--- Keeps an object for later calls.
function objects:add(object)
  local kind = type(object)
  if kind ~= "table" and kind ~= "userdata" then return end
  if #self.list >= MOST then table.remove(self.list, self.rnd:upto(#self.list)) end
  self.list[#self.list + 1] = object
end

--- Makes an object; returns false if that failed.
function objects:make()
  local ok, made = pcall(makers[self.rnd:pick(maker_names)], self)
  if ok then self:add(made) end
  return ok
end

function objects:any() return self.list[1] and self.rnd:pick(self.list) end

-- --- functions -----------------------------------------------------------------------------------

-- Adds the functions of a table and of the tables within it, as { name, function, public }.
local function gather(list, name, from, public)
  local keys = {}
  for key in pairs(from) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for _, key in ipairs(keys) do
    local value, full = rawget(from, key), name .. "." .. tostring(key)
    if LEFT_OUT[key] or tostring(key):find "^__" then goto continue end
    if type(value) == "function" then list[#list + 1] = { full, value, public }
    elseif type(value) == "table" and key ~= "__index" then gather(list, full, value, public) end
    ::continue::
  end
end

--- The functions of the core and of the public module.
function objects.functions()
  local list = {}
  gather(list, "core", core, false)
  gather(list, "sse", sse, true)
  for _, class in ipairs { sse.EventSource, sse.AbortController, sse.AbortSignal, sse.Event } do
    list[#list + 1] = { "a class", class, true }
  end
  return list
end

--- The names of an object's methods and fields, as far as they can be seen.
function objects.members(object)
  local metatable = debug.getmetatable(object)
  local index = metatable and rawget(metatable, "__index")
  local found = {}
  local function take(from)
    if type(from) ~= "table" then return end
    for key in pairs(from) do
      if type(key) == "string" then found[#found + 1] = key end
    end
  end
  take(type(object) == "table" and object or nil)
  take(index)
  if type(index) == "function" then -- the methods are in a table that is an upvalue
    for i = 1, 10 do
      local name, value = debug.getupvalue(index, i)
      if not name then break end
      take(value)
    end
  end
  table.sort(found)
  return found
end

--- Objects around a server of their own.
-- @param rnd from spec.chaos.random
-- @param values_of from fuzz.lua.values
function objects.new(rnd, values_of)
  local self = setmetatable({ rnd = rnd, values = values_of, list = {}, clients = {}, number = 0 },
    objects)
  self.server = sse.server { on_error = nothing, head_timeout = 50, idle_timeout = 50 }
  self.server:all("/", function(req, res)
    self:add(req)
    self:add(res)
  end)
  self.server:all("/stream", function(_, res)
    local stream = res:event_stream { retry = 5 }
    self:add(stream)
    local channel = sse.channel "everybody"
    local where = rnd:one_in(2) and values_of:act() or nil
    if stream and rnd:one_in(2) then stream:follow(channel, { where = where }) end
    self:add(channel)
  end)
  assert(self.server:listen())
  self:add(self.server)
  return self
end

--- Closes everything that holds descriptors.
function objects:close()
  for _, s in ipairs(self.clients) do s:close() end
  self.list, self.clients = {}, {}
  self.server:close()
end

return objects
