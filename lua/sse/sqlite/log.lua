--- A channel's log in a store of sse.sqlite, as docs/stores.md describes logs.
-- @module sse.sqlite.log
local log = {}

local Log = {}
Log.__index = Log

-- Another log may have the number of one that is closed.
local function refuse(done) done(nil, "the log is closed", "ECLOSED") end

function Log:append(record, done)
  if self.closed then return refuse(done) end
  local store = self.store
  local ticket = store:new_ticket(done)
  local ok, message, code = store.handle:append(self.number, ticket, record.event, record.id,
    record.key, record.dedupe, record.meta)
  if not ok then store:drop_ticket(ticket, message, code) end
end

function Log:read(after, limit, done)
  if self.closed then return refuse(done) end
  local store = self.store
  local ticket = store:new_ticket(done)
  local ok, message, code = store.handle:read(self.number, ticket, after, limit)
  if not ok then store:drop_ticket(ticket, message, code) end
end

-- Raises if the thread could not be told. A store that is closed has nobody to tell.
local function check_told(_, message, code)
  if code == "ENOMEM" then error(message, 0) end
end

function Log:watch(on_news)
  if self.closed then return end
  self.store.watchers[self.number] = on_news
  check_told(self.store.handle:watch(self.number, on_news ~= nil))
  self.store:wake()
end

function Log:announce(followers)
  if self.closed then return end
  check_told(self.store.handle:followers(self.number, followers))
  self.store:wake()
end

function Log:others(on_count)
  if self.closed then return end
  self.store.counters[self.number] = on_count
  check_told(self.store.handle:count(self.number, on_count ~= nil))
  self.store:wake()
end

function Log:close()
  if self.closed then return end
  self.closed = true
  self.store.watchers[self.number] = nil
  self.store.counters[self.number] = nil
  self.store.handle:close_log(self.number)
  self.store:wake()
end

--- Makes a log.
-- @tparam table store the store's state
-- @tparam int number the log's, of the handle
-- @param direct the handle's object by which the core appends in C
function log.new(store, number, direct)
  return setmetatable({ store = store, number = number, direct = direct }, Log)
end

return log
