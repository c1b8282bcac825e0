--- Several processes that serve the same addresses: a master that opens the sockets, and workers
-- that it forks, each with a loop of its own.
--
--    assert(sse.workers { count = 4, listen = { port = 9522 }, run = "app.lua" })
--
-- and in `app.lua`, as in a program that runs alone:
--
--    local server = sse.server { port = 9522 }
--    server:get("/", function(_, res) res:reply(200, "hello\n") end)
--    assert(server:run())
--
-- The master keeps the sockets open, so that a worker's death refuses nobody: connections wait in
-- the socket until another worker takes it. docs/reference/workers.md tells the rest.
-- @module sse.workers
require "sse.shared.lua_version"

local addresses = require "sse.workers.addresses"
local before_fork = require "sse.shared.before_fork"
local core = require "sse.core"
local master = require "sse.workers.master"
local options = require "sse.shared.options"
local pages = require "sse.shared.pages"
local worker = require "sse.server.worker"

local PAGE = " [docs/errors.md#workers]"
local MAX_WORKERS = 1024

local spec = options.spec("sse.workers", {
  count = options.integer(1, MAX_WORKERS),
  listen = addresses.rule,
  run = {
    expected = "the path of a Lua file, or a function(worker)",
    check = function(v)
      return type(v) == "function" or options.text.check(v) and v ~= ""
    end,
  },
  backlog = options.integer(1, 2 ^ 31 - 1),
  start_timeout = options.ms(1),
  stop_timeout = options.ms(),
  hang_timeout = options.ms(100),
  max_pause = options.ms(),
  log = "function",
})

-- Raises at the line of the caller's caller where workers can't be.
local function check_state()
  local function raise(why) error("sse.workers: " .. why .. PAGE, 4) end
  if worker.current then
    raise(("this is worker %d: workers have none of their own"):format(worker.current.id))
  elseif not core.has_fork then
    raise "this system has no fork, so a program is one process"
  elseif core.running() then
    raise "the loop runs: workers are forked before it does, so call this outside of tasks"
  end
  collectgarbage() -- what the program has forgotten is not open
  local open = before_fork.open()
  if open then raise(open .. "; each worker opens its own, in 'run'") end
end

-- A function that loads the program: returns it, or nil and a message.
local function loader(run)
  return function()
    if type(run) == "function" then return run end
    return loadfile(run)
  end
end

-- The datagram sockets by which workers ask each other.
local function make_asks(count)
  local asks = {}
  for id = 1, count do
    local from, to, code = core.pair(true)
    if not from then return nil, to, code, asks end
    asks[id] = { from = from, to = to }
  end
  return asks
end

local function close_asks(asks)
  for _, ask in ipairs(asks) do
    core.close_descriptor(ask.from)
    core.close_descriptor(ask.to)
  end
end

-- Opens the sockets, runs the master, and closes what is left.
local function run(given, places, load_program, program)
  local count = math.tointeger(given.count or core.processors())
  local list, message, code = addresses.open(places, count, math.tointeger(given.backlog or 4096))
  if not list then return nil, message, code end
  local asks, why, kind, some = make_asks(count)
  local ok
  if asks then ok, why, kind = core.share_tickets() end
  if ok then ok, why, kind = core.master_begin() end
  if ok then
    -- What is old now is not written to by the collections of any worker. The step begins that:
    -- until it, the limit of the other mode holds.
    local mode = collectgarbage "generational"
    collectgarbage "step"
    ok, why, kind = master.run {
      count = count, addresses = list, close_sockets = function() addresses.close(list) end,
      asks = asks, numbers = core.shared_numbers(worker.NUMBERS * count),
      load_program = load_program, program = program, hook = given.log,
      start_timeout = given.start_timeout or 30000, stop_timeout = given.stop_timeout or 30000,
      hang_timeout = given.hang_timeout or core.systemd_watchdog(),
      max_pause = given.max_pause or 10000,
    }
    collectgarbage(mode)
    core.master_end()
  end
  core.drop_tickets()
  close_asks(asks or some)
  addresses.close(list)
  if ok then return true end
  return nil, pages.add(why, kind), kind
end

--- Opens sockets, forks workers that serve them, and looks after the workers until they have ended.
-- SIGTERM ends all in peace (a second one at once), SIGINT at once; SIGHUP replaces them one by one
-- and loads the file anew. A worker that dies is replaced, after a pause that grows. Raises where
-- the loop runs, or anything is open that each worker would have a copy of.
-- @function sse.workers
-- @tparam table given docs/reference/workers.md describes the options
-- @return true when all have ended; or nil, message, code if an address can't be listened on, or a
-- worker can't start at first
local function workers(given, ...)
  options.check_dot("sse.workers", given)
  options.check_count("sse.workers(options)", ...)
  given = options.check("sse.workers", given, spec)
  if given.run == nil then
    local message = "sse.workers: option 'run' is missing: it is %s [docs/errors.md#options]"
    error(message:format(spec.run.expected), 2)
  end
  local places = addresses.check(given.listen, 3)
  check_state()
  local load_program = loader(given.run)
  local program, message = load_program()
  if not program then return nil, pages.add("sse.workers: " .. message, "ESTART"), "ESTART" end
  return run(given, places, load_program, program)
end

return workers
