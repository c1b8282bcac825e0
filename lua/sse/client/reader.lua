--- EventSource.fromReader: the events of any pull source of bytes. It is EventSource's machine over
-- an exchange that asks a function instead of the network, and that has one attempt.
-- @module sse.client.reader
local core = require "sse.core"
local failure = require "sse.client.failure"
local headers = require "sse.shared.headers"
local source = require "sse.client.source"
local task = require "sse.task"

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

function exchange:active() return self.last end

-- The next bytes, once they are wanted; a turn of the loop for each piece, so that nothing else
-- waits for a reader that never does.
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
  self.received, self.last = self.received + #bytes, core.now()
  return bytes
end

local function pull(self)
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

local reader = setmetatable({}, { __index = source })
reader.__index = reader

--- Makes the machine.
-- @tparam function read gives bytes, or nil at the end, or nil, message, code
-- @tparam table options
function reader.new(read, options)
  local self = source.new { url = { href = "", request = "", origin = "" }, options = options }
  self.read, self.single = read, true
  return setmetatable(self, reader)
end

-- Deferred, so that listeners can be attached first.
function reader:connect()
  self.turn = {}
  self.exchange = setmetatable({
    read = self.read, received = 0, last = core.now(),
    on_done = function(why) self:on_done(why) end,
  }, exchange)
  local exchange_of_now = self.exchange
  core.defer(function()
    if exchange_of_now.cancelled then return end
    self:on_head {
      status = 200, headers = headers.response { "content-type", "text/event-stream" },
      url = self.url,
    }
    task.start(function(err)
      core.report(err)
      if not exchange_of_now.cancelled then self:fail(failure.from(err, "EINVAL")) end
    end, pull, exchange_of_now)
  end)
end

function reader:on_done(why)
  if why.code == "ETOOBIG" then return source.on_done(self, why) end
  local clean = why.clean
  why.clean = nil
  self:fail(why, clean)
end

return reader
