--- One connection to a Redis server: looks up the name, connects, logs in, and hands each reply to
-- who has asked. What a turn of the loop asks goes out in one write.
-- @module sse.redis.connection
local core = require "sse.core"
local error_text = require "sse.redis.error_text"
local handles = require "sse.redis.core"
local protected = require "sse.shared.protected"

local Connection = {}
Connection.__index = Connection

-- The connection is lost, or could not be made. on_lost is called once.
function Connection:lose(why)
  if self.closed then return end
  self:close()
  self.on_lost(why)
end

-- Ends a watch or a timer.
local function stop(self, name)
  if self[name] then self[name]:stop() end
  self[name] = nil
end

function Connection:close()
  self.closed = true
  for _, name in ipairs { "reading", "writing", "deadline", "turn" } do stop(self, name) end
  if self.lookup then self.lookup:close() end
  if self.handle then self.handle:close() end
end

--- Whether the connection keeps the loop running.
function Connection:keep(keeps)
  self.keeps = keeps
  if self.reading then self.reading:keep(keeps) end
  if self.writing then self.writing:keep(keeps) end
end

-- Watches a descriptor; nil: that can't be, and the connection is lost.
local function watch(self, fd, fn, to_write)
  local watched, why = core.watch_descriptor(fd, fn, to_write)
  if not watched then return self:lose(why) end
  watched:keep(self.keeps)
  return watched
end

-- --- bytes ---------------------------------------------------------------------------------------

-- Adds what has come and gone since the last time to the numbers.
local function count_bytes(self)
  local numbers, sent, received = self.numbers, self.handle:numbers()
  numbers.bytes_sent = numbers.bytes_sent + sent - self.sent
  numbers.bytes_received = numbers.bytes_received + received - self.received
  self.sent, self.received = sent, received
end

-- Writes what the socket takes, and the rest once it takes more.
function Connection:write()
  if self.closed then return end
  self.wakes = false
  if self.unsent then return self:lose(self.unsent) end
  local is_all, why = self.handle:write()
  count_bytes(self)
  if is_all == nil then return self:lose(why) end
  self.needs_bytes = is_all == "read" -- TLS goes on once something has come
  if is_all then
    stop(self, "writing")
  elseif not self.writing then
    self.writing = watch(self, self.handle:fd(), function()
      self.moved_at = core.now()
      self:write()
    end, true)
  end
end

--- Sends a command.
-- @tparam table words strings and integers
-- @tparam function|nil on_reply on_reply(reply, error message); nil on a connection that subscribes
-- @param[opt] run whose events stand behind the words
-- @tparam[opt] string mark what the events have their tokens from
function Connection:send(words, on_reply, run, mark)
  if self.closed then return end
  local handle = self.handle
  local ok, err = pcall(run and handle.add_append or handle.add, handle, words, run, mark)
  if not ok then self.unsent = err end -- no memory: the connection is lost at the turn's end
  if on_reply then
    self.last = self.last + 1
    self.asked[self.last], self.times[self.last] = on_reply, core.now()
  end
  if self.wakes then return end
  self.wakes = true
  core.defer(function() self:write() end)
end

-- When the oldest command was sent that has no reply yet, or nil. The field `moved_at` tells when
-- bytes have come, or have gone that had to wait.
function Connection:waits_since()
  return self.times[self.first]
end

-- Hands a reply on.
local function take(self, reply)
  local on_reply = self.asked[self.first]
  if not on_reply then
    if self.on_push then return self.on_push(reply) end
    return self:lose "a reply came that nobody has asked for"
  end
  self.asked[self.first], self.times[self.first] = nil, nil
  self.first = self.first + 1
  if type(reply) == "table" and reply.error then return on_reply(nil, error_text(reply.error)) end
  on_reply(reply)
end

function Connection:read()
  self.moved_at = core.now()
  local ok, replies, why = pcall(self.handle.read, self.handle)
  count_bytes(self)
  if not ok then return self:lose(replies) end
  for i = 1, #replies do
    if self.closed then return end
    local done, err = protected.call(take, self, replies[i])
    if not done then core.report(err) end
  end
  if why then return self:lose(why) end
  if self.needs_bytes then self:write() end
end

-- --- birth ---------------------------------------------------------------------------------------

-- What a server says, without what one that does not know the command repeats: AUTH's password, or
-- a script's first lines.
local function without_arguments(err)
  return (err:gsub(", with args beginning with:.*", ""))
end

-- Sends the commands that come first, in order; a connection is ready once all have succeeded.
local function log_in(self)
  local target, list = self.target, {}
  if target.password then list[1] = { "AUTH", target.user or target.password } end
  if target.user then list[1][3] = target.password end
  if target.database ~= 0 then list[#list + 1] = { "SELECT", target.database } end
  for _, words in ipairs(self.first_commands) do list[#list + 1] = words end
  for i, words in ipairs(list) do
    self:send(words, function(reply, err)
      if err then return self:lose(without_arguments(err)) end
      if words.on_reply then words.on_reply(reply) end
      if i < #list or self.closed then return end
      self.deadline:stop()
      self.deadline = nil
      self.on_ready()
    end)
  end
end

-- The socket can be written: it is connected, or could not be.
local function end_connect(self, next_address)
  stop(self, "writing")
  stop(self, "turn")
  local ok, why = self.handle:connected()
  if not ok then return next_address(why) end
  local target = self.target
  if target.context then
    ok, why = self.handle:tls(target.context, target.host)
    if not ok then return self:lose(why) end
  end
  self.reading = watch(self, self.handle:fd(), function() self:read() end)
  log_in(self)
end

local function begin_connect(self, handle, next_address)
  self.handle = handle
  self.writing = watch(self, handle:fd(), function() end_connect(self, next_address) end, true)
end

-- Tries the addresses one after the other, each but the last for its share of the time.
local function try(self, addresses, index, why)
  local address = addresses[index]
  stop(self, "writing")
  stop(self, "turn")
  if self.handle then self.handle:close() end
  self.handle = nil
  if not address then return self:lose(why) end
  local function next_address(reason) try(self, addresses, index + 1, reason) end
  if index < #addresses then
    self.turn = core.timer(self.target.connect_timeout / #addresses, next_address)
    self.turn:unref()
  end
  local handle, message = handles.tcp(address, tostring(self.target.port))
  if not handle then return next_address(message) end
  begin_connect(self, handle, next_address)
end

-- Looks up the host's addresses on a thread.
local function look_up(self)
  local lookup, message = handles.resolve(self.target.host)
  if not lookup then return self:lose(message) end
  self.lookup = lookup
  self.reading = watch(self, lookup:fd(), function()
    local addresses, why = lookup:take()
    if addresses == false then return end
    stop(self, "reading")
    lookup:close()
    if not addresses then return self:lose(why) end
    try(self, addresses, 1, nil)
  end)
end

local function start(self)
  local target = self.target
  local handle, message, code
  if target.unix_socket then
    handle, message = handles.unix(target.unix_socket)
  else
    handle, message, code = handles.tcp(target.host, tostring(target.port))
    if code == "ENAME" then return look_up(self) end
  end
  if not handle then return self:lose(message) end
  begin_connect(self, handle, function(why) self:lose(why) end)
end

local connection = {}

--- Begins to connect. Exactly one of on_ready and on_lost is called, later; on_lost also when a
-- connection is lost that was ready.
-- @tparam table target as of sse.redis.target
-- @tparam table fields `first_commands`, lists of words, perhaps with an `on_reply`; `on_ready()`;
-- `on_lost(why)`; perhaps `on_push(reply)`, which gets what no command has asked for; `keeps`;
-- perhaps `numbers`, where `bytes_sent` and `bytes_received` are counted
function connection.open(target, fields)
  local self = setmetatable({ target = target, asked = {}, times = {}, first = 1, last = 0,
    moved_at = 0,
    keeps = fields.keeps, first_commands = fields.first_commands, on_ready = fields.on_ready,
    on_lost = fields.on_lost, on_push = fields.on_push, sent = 0, received = 0,
    numbers = fields.numbers or { bytes_sent = 0, bytes_received = 0 } }, Connection)
  self.deadline = core.timer(target.connect_timeout, function()
    self:lose(("no connection within %d ms"):format(target.connect_timeout))
  end)
  self.deadline:unref()
  core.defer(function()
    if not self.closed then start(self) end
  end)
  return self
end

return connection
