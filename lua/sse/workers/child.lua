--- What a worker does from its fork to its end.
-- @module sse.workers.child
local before_fork = require "sse.shared.before_fork"
local core = require "sse.core"
local metrics = require "sse.server.metrics"
local options = require "sse.shared.options"
local protected = require "sse.shared.protected"
local worker = require "sse.server.worker"

local child = {}

local exit = os.exit -- a program may replace it

local MAX_ERROR = 16384 -- bytes of an error that are sent to the master

-- What the master says. "c": to end at once. "b", "g" and an id: to borrow the sockets of a worker
-- whose place is empty, and to give them back.
local commands = { c = worker.end_at_once, b = worker.borrow, g = worker.give_back }

-- Hears what the master says. Where it has died, the worker ends in peace.
local function hear(watch)
  local said = core.pair_read(worker.current.control)
  for command, id in (said or ""):gmatch "(%a)(%d*)" do
    commands[command](math.tointeger(tonumber(id)))
  end
  if said ~= "" then return end
  watch:stop()
  core.kill(core.process_id(), "SIGTERM")
end

-- Says now and then that the loop turns.
local function beat(given)
  given.numbers:add(worker.number(given.id, "turns"), 1)
  core.timer(given.beat, function() beat(given) end):unref()
end

local function prepare(given)
  worker.current = given
  -- Or all workers would draw the same numbers.
  math.randomseed(string.unpack("<i8i8", core.random(16)))
  local watch
  watch = core.watch_descriptor(given.control, function() hear(watch) end)
  metrics.answer_others()
  if given.beat then beat(given) end
  if not given.addresses[1] then worker.tell_ready() end
end

-- Why a program that has returned was no worker; nil: it was.
local function unready()
  if worker.current.told then return nil end
  local missing = worker.missing()
  if missing then
    local why = "the program ended before it listened on %s (server:listen, server:run)"
    return why:format(missing)
  end
  return "the program ended before its loop ran (server:run, sse.run)"
end

-- Runs a worker's program to its end; returns what went wrong, or nil.
local function serve(make, program)
  local given = make()
  prepare(given)
  local ok, err = protected.call(program, worker.object(given.id, given.count))
  if ok then
    err = unready()
  elseif err == nil then
    err = "nil"
  end
  for _, problem in ipairs(before_fork.close_all()) do err = err or problem end
  return err
end

-- Says what went wrong: until the worker is ready, to the master.
local function tell(control, err)
  local text = options.text_of(err)
  if worker.current and worker.current.told then
    io.stderr:write(("lua-sse: worker %d: %s\n"):format(worker.current.id, text))
  else
    core.pair_write(control, "e" .. text:sub(1, MAX_ERROR))
  end
end

--- Runs a worker's program, and ends the process. Whatever fails, this does not return: what comes
-- behind sse.workers is for the master alone, and so is the end of what all of them share.
-- @tparam int control the descriptor that leads to the master
-- @tparam function make returns what `worker.current` of sse.server.worker is to be
-- @tparam function program called with the worker
function child.run(control, make, program)
  local _, err = protected.call(serve, make, program)
  if err ~= nil then pcall(tell, control, err) end
  -- The Lua state stays open: closing it would close variables of the master's program.
  exit(err == nil and 0 or 1, false)
end

return child
