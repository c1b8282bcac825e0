--- A store in one SQLite file: channels' logs survive the process, and all processes that open the
-- file share them. It is a rock of its own, lua-sse-sqlite.
--
--    local store = sse.sqlite("events.db")
--    local news = sse.channel("news", { store = store, history = 100000 })
--
-- The file is used by a thread of the module's alone (csrc/sqlite); the loop never waits for the
-- disk.
-- @module sse.sqlite
require "sse.shared.lua_version"

local before_fork = require "sse.shared.before_fork"
local check_open = require "sse.store.opening"
local core = require "sse.core"
local handles = require "sse.sqlite.core"
local log = require "sse.sqlite.log"
local new_class = require "sse.store.object"
local options = require "sse.shared.options"
local pages = require "sse.shared.pages"
local protected = require "sse.shared.protected"

local SYNC = { off = 0, normal = 1, full = 2 }
local BUSY_TIMEOUT, PAGE_CACHE = 5000, 2 * 1024 * 1024

local spec = options.spec("sse.sqlite", {
  sync = options.one_of("normal", "full", "off"),
  busy_timeout = options.ms(),
  page_cache = options.integer(65536),
})


-- --- the store -----------------------------------------------------------------------------------

local methods = {}

-- A number for what is asked. While something is under way the store keeps the loop running.
function methods:new_ticket(done)
  self.last_ticket = self.last_ticket + 1
  self.tickets[self.last_ticket] = done
  self.under_way = self.under_way + 1
  if self.under_way == 1 and self.watch then self.watch:keep(true) end
  self:wake()
  return self.last_ticket
end

-- Has the thread woken at the end of the turn, or of what it has brought: all that is asked until
-- then is one transaction.
function methods:wake()
  if self.wakes then return end
  self.wakes = true
  if not self.taking then core.defer(self.end_turn) end
end

function methods:take_ticket(ticket)
  local done = self.tickets[ticket]
  self.tickets[ticket] = nil
  self.under_way = self.under_way - 1
  if self.under_way == 0 and self.watch then self.watch:keep(false) end
  return done
end

function methods:drop_ticket(ticket, message, code)
  self:take_ticket(ticket)(nil, message, code)
end

local takes = {}

function takes:result(ticket, result, message, code, ...)
  if result == nil then message = pages.add(message, code) end
  self:take_ticket(ticket)(result, message, code, ...)
end

function takes:news(number, records, epoch)
  local on_news = self.watchers[number]
  if not on_news then return end
  if not records[1] then return on_news(nil) end
  for _, record in ipairs(records) do
    if self.watchers[number] ~= on_news then return end
    on_news(record.position, record, epoch)
  end
end

function takes:others(number, followers)
  local on_count = self.counters[number]
  if on_count then on_count(followers) end
end

function takes:state(is_up, message, code)
  local on_state = self.public.on_state
  if not on_state then return end
  local why = not is_up and ("%s (%s)"):format(pages.add(message, code), code) or nil
  local ok, err = protected.call(on_state, is_up and "up" or "down", why)
  if not ok then core.report(err) end
end

function takes:quit()
  self:finish()
end

-- Takes one thing that the thread has done; false: there is none, or no more in this turn.
local function take_next(self, kind, ...)
  if not kind then return false end
  if kind == "more" then
    self:take_later()
    return false
  end
  takes[kind](self, ...)
  return true
end

function methods:take()
  if not self.handle:take() then return self:finish() end -- what the pipe has is the parent's
  self.taking = true
  local ok, err = protected.call(function()
    while take_next(self, self.handle:next()) do end
  end)
  self.taking = false
  self.end_turn()
  if ok then return end
  self:take_later()
  error(err, 0)
end

function methods:take_later()
  core.defer(function() self:take() end)
end

local open = setmetatable({}, { __mode = "k" }) -- states of stores whose thread runs

-- No thread comes with a fork.
before_fork.add(function()
  local state = next(open)
  return state and ("the store '%s' is open"):format(state.path)
end)

-- A worker ends without a collection. What it has published is written.
before_fork.at_end(function()
  for state in pairs(open) do state.handle:close() end
end)

-- The thread has ended, or is to.
function methods:finish()
  open[self] = nil
  if self.watch then self.watch:stop() end
  self.watch = nil
  self.handle:close()
  for ticket, done in pairs(self.tickets) do
    self.tickets[ticket] = nil
    core.defer(function() done(nil, "the store is closed", "ECLOSED") end)
  end
  for direct in pairs(self.directs) do
    if direct:waits() then core.defer(function() direct:abandon() end) end
  end
  for _, on_count in pairs(self.counters) do core.defer(function() on_count(0) end) end
  self.counters = {}
end

-- What the program has: its metatable leads to the state.
local states = setmetatable({}, { __mode = "k" })

local public = {}

--- Opens a channel's log. For sse.channel. Raises where the store is closed.
-- @function store:open
-- @tparam string name
-- @tparam[opt] table bounds `history`, `history_bytes`, `max_age`
-- @return a log; see docs/stores.md
function public:open(name, bounds, ...)
  local state = states[self]
  options.check_call(3, state ~= nil, "store:open(name, bounds)", ...)
  bounds = check_open(name, bounds)
  local number, message = state.handle:log(name, bounds.history, bounds.history_bytes,
    bounds.max_age)
  if not number then error("store:open: " .. message, options.caller_level()) end
  local direct = state.handle:direct(number)
  state.directs[direct] = true
  return log.new(state, number, direct)
end

--- Closes the file, once what was published is in it. Channels that use the store can't publish any
-- more.
-- @function store:close
function public:close(...)
  options.check_call(3, states[self] ~= nil, "store:close()", ...)
  local state = states[self]
  if state.closing then return end
  state.closing = true
  if not state.handle:quit() then state:finish() end
end

--- The store's numbers: `appends`, `commits` (which one hundred appends may share), `reads`,
-- `failures`, `checkpoints`, `wal_pages`.
-- @function store:stats
-- @treturn table
function public:stats(...)
  options.check_call(3, states[self] ~= nil, "store:stats()", ...)
  return states[self].handle:numbers()
end

local Store = new_class("sse.sqlite", public, states)

--- Opens a file, or makes it. What is wrong with the file (a folder, a full disk, another program's
-- file) is told by what is published, and by `store.on_state`.
-- @function sse.sqlite
-- @tparam string path
-- @tparam[opt] table given `sync`: "normal" (the default), with which what was published survives
-- the end of the process, "full", also that of the machine, or "off"; `busy_timeout`, for how many
-- milliseconds another process may hold the file (5 s); `page_cache`, bytes (2 MiB)
-- @return a store: `store:close()`, `store:stats()`; `store.on_state` may be set to a
-- function("up" | "down", why)
return function(path, given, ...)
  options.check_count("sse.sqlite(path, options)", ...)
  options.check_path("sse.sqlite", "a path", path, 3)
  given = options.check("sse.sqlite", given, spec)
  local handle, message = handles.open(path, SYNC[given.sync or "normal"],
    math.floor(given.busy_timeout or BUSY_TIMEOUT), given.page_cache or PAGE_CACHE)
  if not handle then error("sse.sqlite: " .. message, 2) end
  local store = setmetatable({}, Store)
  local state = setmetatable({ handle = handle, tickets = {}, last_ticket = 0, under_way = 0,
    watchers = {}, counters = {}, public = store, path = path,
    directs = setmetatable({}, { __mode = "k" }),
  }, { __index = methods })
  open[state] = true
  states[store] = state
  state.end_turn = function()
    state.wakes = false
    state.handle:wake()
  end
  local weak = setmetatable({ state = state }, { __mode = "v" })
  state.watch = assert(core.watch_descriptor(handle:fd(), function()
    if weak.state then weak.state:take() end
  end))
  return store
end
