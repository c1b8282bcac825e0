--- The source behind EventSource.fromReader: it gets its bytes from a function of the program, by
-- pulling, and not from the network. It is sse.client.source with an exchange of its own and with
-- one attempt only.
-- @module sse.client.reader
local core = require "sse.core"
local failure = require "sse.client.failure"
local source = require "sse.client.source"
local task = require "sse.task"

-- The exchange: what sse.client.source calls of sse.client.request's.
local exchange = {}
exchange.__index = exchange

function exchange:cancel()
  self.cancelled = true
  self:resume()
end

function exchange:pause()
  self.paused = true
end

function exchange:resume()
  self.paused = false
  local wake = self.wake
  self.wake = nil
  if wake then core.defer(wake) end
end

function exchange:feed(parser) self.parser = parser end

function exchange:bytes() return self.received end

function exchange:active() return self.lastActivity end

-- Reads the next bytes. Waits for the loop's next turn, so that a function which never waits does
-- not hold the loop, and while the exchange is paused. Returns nil, failure at the end, and nil
-- alone if the exchange is cancelled.
local function next_piece(self)
  task.await(function(resume) core.defer(resume) end, "EventSource.fromReader")
  while self.paused and not self.cancelled do
    task.await(function(resume) self.wake = resume end, "EventSource.fromReader")
  end
  if self.cancelled then return nil end
  local bytes, message, code = self.read()
  if self.cancelled then return nil end
  if bytes == nil then
    local why = message ~= nil and failure.new(tostring(message), code or "ESYS") or nil
    return nil, why or failure.new("the reader ended", "ECLOSED", { clean = true })
  elseif type(bytes) ~= "string" then
    error(("EventSource.fromReader: the reader gave a %s, not bytes or nil"):format(type(bytes)), 0)
  end
  self.received, self.lastActivity = self.received + #bytes, core.now()
  return bytes
end

-- Reads until the end; runs in a task.
local function read_all(self)
  local bytes, why = next_piece(self)
  while bytes do
    local ok, message, code = self.parser:deliver(bytes)
    if not ok and code ~= "ESTOPPED" and not self.cancelled then
      return self.on_done(failure.new(message, code))
    end
    bytes, why = next_piece(self)
  end
  if why then self.on_done(why) end
end

-- The draft of the web's EventSource over streams names them so.
local URL = { href = "about:event-stream", request = "about:event-stream", origin = "null" }

local reader = setmetatable({}, { __index = source })
reader.__index = reader

--- Makes the source.
-- @tparam function read returns bytes; nil at the end; or nil, message, code
-- @tparam table options the user's, which are checked already
function reader.new(read, options)
  local self = source.new { url = URL, options = options }
  self.read, self.is_reader = read, true
  return setmetatable(self, reader)
end

--- Begins to read at the end of the loop's turn, so that the program can add its listeners first.
function reader:connect()
  self.attempt_id = {}
  local reading = setmetatable({
    read = self.read, received = 0, lastActivity = core.now(),
    on_done = function(why) self:on_done(why) end,
  }, exchange)
  self.exchange = reading
  core.defer(function()
    if reading.cancelled then return end
    local object = self.weak.object -- while it is referred to, it is not collected and closed
    if object then self:open(URL.origin) end
    task.start(function(err)
      core.report(err)
      if not reading.cancelled then self:fail(failure.from(err, "EINVAL")) end
    end, read_all, reading)
  end)
end

--- The end of the reading: fails for good, since nothing can be read twice.
function reader:on_done(why)
  if why.code == "ETOOBIG" then return source.on_done(self, why) end
  local clean = why.clean
  why.clean = nil
  self:describe_end(why)
  self:fail(why, clean)
end

return reader
