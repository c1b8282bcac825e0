--- A store in Redis: channels' logs are shared by all processes of all machines that use the same
-- server. It is a rock of its own, lua-sse-redis.
--
--    local store = sse.redis("redis://127.0.0.1:6379")
--    local news = sse.channel("news", { store = store, history = 100000 })
--
-- A process has two connections to each server, whatever the number of channels and streams.
-- @module sse.redis
require "sse.shared.lua_version"

local before_fork = require "sse.shared.before_fork"
local check_open = require "sse.store.opening"
local cluster = require "sse.redis.cluster"
local core = require "sse.core"
local handles = require "sse.redis.core"
local new_class = require "sse.store.object"
local new_state = require("sse.redis.store").new
local options = require "sse.shared.options"
local places = require "sse.redis.places"
local presence = require "sse.redis.presence"
local sentinel = require "sse.redis.sentinel"
local spread = require "sse.redis.spread"

-- --- processes -----------------------------------------------------------------------------------

local opened = setmetatable({}, { __mode = "k" }) -- state -> { name, pid }: who has made it

-- States of this process's own that are open.
local function list_open()
  local list = {}
  for state, of in pairs(opened) do
    if of.pid == handles.pid() and not state:is_closed() then list[#list + 1] = state end
  end
  return list
end

-- A connection that two processes have belongs to none.
before_fork.add(function()
  local state = list_open()[1]
  return state and ("the store '%s' is open"):format(opened[state].name)
end)

-- What a worker has published last is with the server before it ends, and its followers count no
-- more. A store that can't be closed in time ends at last.
before_fork.at_end(function()
  local list, problem = list_open(), nil
  for _, state in ipairs(list) do state:close() end
  for _, state in ipairs(list) do
    while not state:is_closed() do
      local ok, kept = pcall(core.turn)
      if not ok then problem = problem or kept end
      if ok and not kept then state:finish() end
    end
  end
  if problem then error(problem, 0) end
end)

-- Why a state can't be used.
local function reason(state)
  if opened[state].pid == handles.pid() then return "the store is closed" end
  return "the store is the parent process's; make one in this process, after the fork"
end

-- --- logs ----------------------------------------------------------------------------------------

local Log = {}
Log.__index = Log

function Log:append(record, done)
  if not self.state:is_usable() then return done(nil, reason(self.state), "ECLOSED") end
  self.shared:append(record, self.bounds, done)
end

--- Sends what the channel has appended by `direct`.
function Log:wake()
  if not self.state:is_closed() then self.shared:wake_appends() end
end

function Log:read(after, limit, done)
  if not self.state:is_usable() then return done(nil, reason(self.state), "ECLOSED") end
  self.shared:read(after, limit, self.bounds, done)
end

function Log:watch(on_news)
  if self.state:is_usable() then self.shared:watch(self, on_news) end
end

function Log:announce(followers)
  if self.state:is_usable() then presence.of(self.shared):announce(self, followers) end
end

function Log:others(on_count)
  if self.state:is_usable() then presence.of(self.shared):others(self, on_count) end
end

function Log:close()
  if self.closed then return end
  self.closed = true
  self.shared.faces = self.shared.faces - 1
  if self.state:is_closed() then return end
  self.shared:watch(self, nil)
  self:announce(0)
  self:others(nil)
  self.shared.store:drop(self.shared)
end

-- --- the store -----------------------------------------------------------------------------------

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
  if not state:is_usable() then
    error("store:open: " .. reason(state), options.caller_level())
  end
  local shared = state:log(name)
  shared.faces = shared.faces + 1
  shared.bounds = bounds
  return setmetatable({ store = self, state = state, shared = shared, bounds = shared.bounds,
    direct = shared:direct(bounds) }, Log)
end

--- Closes the connections, once what was published has its result. Channels that use the store
-- can't publish any more.
-- @function store:close
function public:close(...)
  options.check_call(3, states[self] ~= nil, "store:close()", ...)
  states[self]:close()
  core.keep_left()
end

--- The store's numbers: `appends`; `runs`, of the script that appends (one may append a hundred
-- events); `reads`; `looks` at where logs are; `announcements` received; `failures` of appends;
-- `connects`, `losses` of the connections; `commands`; `bytes_sent`, `bytes_received`; `waiting`,
-- appends without a result. Nothing once the store is closed.
-- @function store:stats
-- @treturn table
function public:stats(...)
  options.check_call(3, states[self] ~= nil, "store:stats()", ...)
  local state, numbers = states[self], {}
  if state:is_closed() then return numbers end
  state.numbers.failures = state.numbers.failures + state:take_refused()
  for name, value in pairs(state.numbers) do numbers[name] = value end
  numbers.waiting = state:waits()
  return numbers
end

local Store = new_class("sse.redis", public, states)

-- What messages call a store.
local function name_of(place)
  local names = {}
  for i, server in ipairs(place.servers or place.seeds or {}) do
    names[i] = server.written or server.name
  end
  return names[1] and table.concat(names, ", ") or place.master or place.server.name
end

-- What stands behind a store, by where its servers are.
local makers = {
  one = function(place, store) return new_state(place.server, store) end,
  spread = function(place, store) return spread(place.servers, store) end,
  sentinel = function(place, store)
    return new_state(place.server, store, { guide = sentinel(place) })
  end,
  cluster = cluster,
}

--- Uses Redis: a server, several, one that Sentinel names, or a cluster. Connects with the first
-- channel. What is wrong with the server is told by what is published, and by `store.on_state`.
-- @function sse.redis
-- @tparam string|table url `redis://user:password@host:port/database`, `rediss://...` for TLS or
-- `unix:///path`; or the options, perhaps with a URL as the first element
-- @tparam[opt] table given docs/stores.md describes them
-- @return a store: `store:close()`, `store:stats()`; `store.on_state` may be set to a
-- function("up" | "down", why)
return function(url, given, ...)
  options.check_dot("sse.redis", url)
  options.check_count("sse.redis(url, options)", ...)
  local place = places.of(url, given)
  local store = setmetatable({}, Store)
  local state = makers[place.kind](place, store)
  states[store], opened[state] = state, { name = name_of(place), pid = handles.pid() }
  return store
end
