--- How a worker asks the others for their numbers. The master has made a pair of datagram sockets
-- for each worker, and all have an end of each. A worker sends a question with a new stream socket,
-- and the one that reads the question writes its samples into that.
--
-- A question is the number of a server, and whether the channels are wanted. The answer has for
-- each metric, in the order of sse.server.metric_names, pieces of text, each behind its length, and
-- a piece of length 0.
-- @module sse.server.other_workers
local core = require "sse.core"
local errors = require "sse.server.errors"
local exposition = require "sse.server.exposition"
local task = require "sse.task"
local worker = require "sse.server.worker"

local other_workers = {}

local QUESTION, PIECE = "<I4B", "<s4"
local PATIENCE = 2000 -- ms that a worker may let another one wait, which leaves it out then
-- ms that an answer waits to be read: until the worker that has asked has had its patience with
-- others, and its own client has taken what came before. When it ends, it closes the socket.
local READ_WITHIN = 120000
local ENOUGH = 16384 -- bytes that are written together
local LARGE = 4096 -- bytes of a piece that is many samples already

-- Waits until a descriptor is ready; false after `ms`.
local function wait(fd, to_write, ms)
  local timer, ready
  local function stop()
    timer:stop()
    if ready then ready:stop() end
  end
  local ok = task.await(function(resume)
    timer = core.timer(ms, function() resume(false) end)
    ready = core.wait_descriptor(fd, to_write, function() resume(true) end)
    if not ready then resume(false) end
    return stop
  end, "server:metrics")
  stop()
  return ok
end

-- --- asking --------------------------------------------------------------------------------------

local Answer = {}
Answer.__index = Answer

function Answer:close()
  if self.fd then core.close_descriptor(self.fd) end
  self.fd = nil
end

-- Waits until more can be read; false where the worker lets that wait too long. It had the time,
-- too, in which this one waited for others.
function Answer:wait()
  return wait(self.fd, false, math.max(0, self.since + PATIENCE - core.now()))
end

-- Reads on until `bytes` are there. False where they don't come.
function Answer:fill(bytes)
  while self.fd and #self.buffer < bytes do
    local got, _, code = core.pair_read(self.fd)
    if got and got ~= "" then
      self.buffer, self.since = self.buffer .. got, core.now()
    elseif got or code ~= "EAGAIN" or not self:wait() then
      self:close()
    end
  end
  return self.fd ~= nil
end

-- The next piece; "" at the end of a metric, nil where there is none any more.
function Answer:next()
  if not self:fill(4) then return nil end
  local length = string.unpack("<I4", self.buffer)
  if not self:fill(4 + length) then return nil end
  local piece = self.buffer:sub(5, 4 + length)
  self.buffer = self.buffer:sub(5 + length)
  return piece
end

--- Adds the samples of the next metric to a text.
function Answer:copy(text)
  local piece = self:next()
  while piece and piece ~= "" do
    exposition.add(text, piece)
    if #piece > LARGE then exposition.join(text) end
    piece = self:next()
  end
end

-- Sends a question to a worker. Nil where its sockets are full: it does not look at them.
local function ask(id, question)
  local mine, theirs = core.pair(false)
  if not mine then return nil end
  local ok = core.pair_pass(worker.current.asks[id].to, theirs, question)
  core.close_descriptor(theirs)
  if ok then
    return setmetatable({ id = id, fd = mine, buffer = "", since = core.now() }, Answer)
  end
  core.close_descriptor(mine)
end

local list_metatable = {
  __close = function(list)
    for _, answer in ipairs(list) do answer:close() end
  end,
}

--- Asks all others for the samples of a server and, where wanted, the channels.
-- @tparam table state the server's, of sse.server.server_object
-- @tparam boolean with_channels
-- @treturn table a list of answers, to be closed: each has `id`, `copy(text)`, and `fd` until it is
-- closed, which it is, too, where its worker has failed to answer
function other_workers.ask(state, with_channels)
  local answers, current = setmetatable({}, list_metatable), worker.current
  if not current then return answers end
  local question = string.pack(QUESTION, worker.ordinal(state), with_channels and 1 or 0)
  for id = 1, current.count do
    if id ~= current.id then answers[#answers + 1] = ask(id, question) end
  end
  return answers
end

-- --- answering -----------------------------------------------------------------------------------

-- Writes all of a text; false where nobody reads it.
local function write_all(fd, bytes)
  local at = 1
  while at <= #bytes do
    local count, _, code = core.pair_write(fd, bytes, at)
    if count then
      at = at + count
    elseif code ~= "EAGAIN" or not wait(fd, true, READ_WITHIN) then
      return false
    end
  end
  return true
end

local socket_metatable = { __close = function(self) core.close_descriptor(self.fd) end }

-- Answers a question on a descriptor.
local function answer(fd, question, add_samples)
  local _socket <close> = setmetatable({ fd = fd }, socket_metatable)
  local ordinal, with_channels = string.unpack(QUESTION, question)
  local waiting, failed = "", false
  local function write(piece)
    waiting = waiting .. string.pack(PIECE, piece)
    if #waiting < ENOUGH then return true end
    local ok = write_all(fd, waiting)
    waiting, failed = "", not ok
    return ok or nil
  end
  local text = exposition.new(write, function() write "" end)
  add_samples(text, worker.server(ordinal), with_channels == 1)
  if not failed then write_all(fd, waiting) end
end

--- From now on this worker answers the others.
-- @tparam function add_samples function(text, state, with_channels): adds the samples of this
-- worker, those of a server (nil: it has none of that number) and of channels
function other_workers.answer_by(add_samples)
  local from = worker.current.asks[worker.current.id].from
  local function on_error(err) errors.report(nil, err, { what = "server:metrics" }) end
  worker.current.answers = core.watch_descriptor(from, function()
    local question, fd = core.pair_take(from)
    while question do
      if fd then task.start(on_error, answer, fd, question, add_samples) end
      question, fd = core.pair_take(from)
    end
  end)
end

return other_workers
