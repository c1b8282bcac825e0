--- A store that does wrong what a store may do wrong, around one that does right.
--
-- Functions to set on it, each called with what would be handed on, and a function that hands it
-- on: `on_append(record, go)`, `on_done(results, go)`, `on_read(after, go)`, `on_result(results,
-- go)`, whose `results.limit` is that of the read, `on_watch(on_news, go)`, `on_news(news, go)`,
-- `on_announce(followers, go)`, `on_count(count, go)`. go() hands on what came, go(...) something
-- else.
local following = require "spec.support.following"

local faulty_store = {}

local Log = {}
Log.__index = Log

-- Asks the store's function of that name, if it has one.
local function pass(store, name, what, go)
  local fn = store[name]
  if fn then return fn(what, go) end
  go()
end

local function through(store, name, done, limit)
  return function(...)
    local results = table.pack(...)
    results.limit = limit
    pass(store, name, results, function(...)
      if select("#", ...) > 0 then return done(...) end
      done(table.unpack(results, 1, results.n))
    end)
  end
end

function Log:append(record, done)
  pass(self.store, "on_append", record, function()
    self.log:append(record, through(self.store, "on_done", done))
  end)
end

function Log:read(after, limit, done)
  pass(self.store, "on_read", after, function()
    self.log:read(after, limit, through(self.store, "on_result", done, limit))
  end)
end

function Log:watch(on_news)
  pass(self.store, "on_watch", on_news, function()
    self.log:watch(on_news and through(self.store, "on_news", on_news))
  end)
end

function Log:announce(followers)
  pass(self.store, "on_announce", followers, function() self.log:announce(followers) end)
end

function Log:others(on_count)
  self.log:others(on_count and through(self.store, "on_count", on_count))
end

function Log:close()
  self.store.closed_logs = self.store.closed_logs + 1
  self.log:close()
end

local Store = {}
Store.__index = Store

function Store:open(name, bounds)
  return setmetatable({ store = self, log = self.inner:open(name, bounds) }, Log)
end

function Store:close() self.inner:close() end
function Store:stats() return self.inner:stats() end

--- Makes a store around another.
function faulty_store.new(inner)
  return setmetatable({ inner = inner, closed_logs = 0 }, Store)
end

--- A channel over the store, which a server serves: as following.serve.
function faulty_store.serve(store, options, follow)
  options.store = store
  return following.serve(options, follow)
end

--- A channel over the store with one live client, whose events are forgotten.
-- @return the channel, the client
function faulty_store.live(store, options)
  local channel = faulty_store.serve(store, options or {})
  local client = following.open()
  following.followers(channel, 1)
  assert(channel:publish "first")
  client:till_data "first"
  client.events = {}
  return channel, client
end

return faulty_store
