--- A server's numbers: `server:stats`, and `server:metrics` in Prometheus' text format, version
-- 0.0.4.
-- @module sse.server.metrics
local channels = require "sse.channel"
local core = require "sse.core"
local exposition = require "sse.server.exposition"
local limit = require "sse.server.limit"
local metric_names = require "sse.server.metric_names"
local options = require "sse.shared.options"
local other_workers = require "sse.server.other_workers"
local response_head = require "sse.server.response_head"
local response_object = require "sse.server.response_object"
local server_object = require "sse.server.server_object"
local task = require "sse.task"
local worker = require "sse.server.worker"

local metrics = {}

local methods, metatable = server_object.methods, server_object.metatable

local TYPE = "text/plain; version=0.0.4; charset=utf-8"

-- --- sources -------------------------------------------------------------------------------------

-- The label that tells a worker's samples from those of the others, behind another label or alone.
local function of_worker(label)
  local current = worker.current
  if not current then return label end
  return (label ~= "" and label .. "," or "") .. exposition.label("worker", current.id)
end

-- The open channels as sources.
local function channel_sources(text)
  local sources = {}
  for i, channel in ipairs(channels.all()) do
    sources[i] = {
      label = of_worker(exposition.label("channel", channel.name)),
      numbers = core.channel_numbers(channel),
    }
    if i % 100 == 0 then exposition.give_way(text) end
  end
  return sources
end

-- The workers as sources: what their master counts of them, and whether they answered.
local function worker_sources(answers)
  local current, sources = worker.current, {}
  local up = { [current.id] = 1 }
  for _, answer in ipairs(answers) do up[answer.id] = answer.fd and 1 or 0 end
  for id = 1, current.count do
    sources[id] = {
      label = exposition.label("worker", id),
      numbers = {
        up = up[id] or 0, starts = current.numbers:get(worker.number(id, "starts")),
        crashes = current.numbers:get(worker.number(id, "crashes")),
      },
    }
  end
  return sources
end

-- Adds the metrics of a server, by its numbers, and those of the channels; `answers` are those of
-- other workers.
local function add_all(text, numbers, with_channels, answers)
  local sources = { numbers and { label = of_worker "", numbers = numbers } or nil }
  exposition.add_metrics(text, metric_names.server, sources, answers)
  if with_channels then
    exposition.add_metrics(text, metric_names.channel, channel_sources(text), answers)
  end
  if not answers or not worker.current then return end
  exposition.add_metrics(text, metric_names.worker, worker_sources(answers))
end

-- --- the methods ---------------------------------------------------------------------------------

-- The numbers of a server. Raises at the line of the caller's caller where it was collected: a
-- finalizer may refer to it.
local function numbers_of(server)
  local state = server_object.state(server)
  local ok, numbers = pcall(state.core.numbers, state.core)
  if not ok then error(numbers, 3) end
  limit.add_numbers(state, numbers)
  return numbers
end

--- Lets a worker answer those that ask for its numbers.
function metrics.answer_others()
  other_workers.answer_by(function(text, state, with_channels)
    local numbers = state and state.core:numbers()
    if state then limit.add_numbers(state, numbers) end
    add_all(text, numbers, with_channels)
  end)
end

--- The server's numbers, in tables by what they are of: `server:stats().connections.accepted`.
-- sse.server.metric_names lists them. Where a number is a table, it has a number for each `reason`
-- ("client", "server", "slow", "timeout", "error", of streams also "expired"; of refused sends
-- "full" and "oversized"), `status` (only those that occurred) or `kind` ("resets", "floods",
-- "header_floods").
-- @treturn table
function methods:stats(...)
  options.check_self(self, metatable, "server:stats()", ...)
  return metric_names.group(metric_names.server, numbers_of(self))
end

local metrics_options = options.spec("server:metrics", {
  channels = "boolean",
  to = {
    expected = "a response",
    check = function(v)
      return type(v) == "table" and getmetatable(v) == response_object.metatable
    end,
  },
})

local FIELDS = { ["Content-Type"] = TYPE }

-- Writes the metrics as a whole response; each part waits until the client has taken the one
-- before.
local function send(response, numbers, with_channels, answers)
  local ok, message, code = response:write_head(200, FIELDS)
  if not ok then return nil, message, code end
  local text = exposition.new(function(part)
    local written, why, kind = response:write(part)
    if written then return response:drain() end
    return nil, why, kind
  end)
  add_all(text, numbers, with_channels, answers)
  exposition.join(text)
  if text.failure then return table.unpack(text.failure, 1, 3) end
  return response:finish()
end

--- The numbers of the server, and of all open channels of the process, as text for Prometheus. A
-- metric's name is `sse_` (of a channel `sse_channel_`), the names of the number's place in the
-- stats joined by `_`, and `_total` if it counts.
-- A task that calls this lets others go on every 3 ms, which matters from hundreds of channels on.
--
--    server:get("/metrics", function(_, res) res:reply(200, server:metrics()) end)
--
-- In a worker (sse.workers) these are the numbers of all workers, each with a label `worker`; the
-- others are asked, so that the call waits for them: in a task, or outside of the loop. One that
-- does not answer within two seconds is left out, and has 0 as `sse_worker_up`.
-- @tparam[opt] table given `channels` (true): false leaves the channels out; `to`: a response that
-- the text is sent with, piece by piece as the client takes it
-- @treturn string the text; with `to` true, or nil, "closed", "ECLOSED"
-- @treturn table the header fields that it is to be sent with
function methods:metrics(given, ...)
  options.check_self(self, metatable, "server:metrics(options)", ...)
  given = options.check("server:metrics", given, metrics_options)
  local numbers, with_channels = numbers_of(self), given.channels ~= false
  if given.to then
    task.check_can_wait("server:metrics", 2)
    response_head.check_unanswered(given.to, 2)
  elseif worker.current and worker.current.count > 1 then
    task.check_can_wait("server:metrics", 2)
  end
  local answers <close> = other_workers.ask(server_object.state(self), with_channels)
  if given.to then
    local ok, message, code = send(given.to, numbers, with_channels, answers)
    return ok, message, code
  end
  local text = exposition.new()
  add_all(text, numbers, with_channels, answers)
  exposition.join(text)
  return table.concat(text.parts), { ["Content-Type"] = TYPE }
end

return metrics
