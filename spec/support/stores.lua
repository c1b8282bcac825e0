--- The stores that specs run over, and what makes waiting for them short.
local memory = require "sse.store.memory"
local new_redis = require "sse.redis"
local redis = require "spec.support.redis"
local redis_cluster = require "spec.support.redis_cluster"
local sqlite = require "sse.sqlite"
local temporary = require "spec.support.temporary"
local wait = require "spec.support.wait"

local stores = {}

local is_slow = os.getenv "SSE_TEST_PATIENCE" ~= nil -- the build

local folder -- of the files of SQLite
local number = 0

local function is_closed(store) return next(store:stats()) == nil end

--- The stores, each with `name`; `make()`, which returns a store and a function that opens the same
-- one once more, as another process would; perhaps `opened`, how many logs are asked so that all
-- servers are connected to; `lose(store, name)`, by which a log is lost; `closed(store)`, whether a
-- store that was closed has ended, and `is_like`, the store whose logs are the same but for where
-- they lie.
stores.list = {
  { name = "memory", make = function()
    local store = memory()
    return store, function() return store end
  end, lose = function(store, name)
    local data = store.logs[name]
    for key, value in pairs(memory():open("fresh", {}).data) do
      if type(value) ~= "table" or key == "records" then data[key] = value end
    end
  end },
  { name = "SQLite", make = function()
    folder = folder or temporary.folder()
    number = number + 1
    local path = ("%s/%d.db"):format(folder, number)
    return sqlite(path), function() return sqlite(path) end
  end, closed = is_closed },
  { name = "Redis", make = function()
    local prefix = redis.prefix()
    local function open() return new_redis(redis.shared().url, { prefix = prefix }) end
    return open(), open
  end, closed = is_closed },
  { name = "two Redis servers", make = function()
    local prefix = redis.prefix()
    local function open()
      return new_redis { redis.shared(1).url, redis.shared(2).url, prefix = prefix }
    end
    return open(), open
  end, closed = is_closed, opened = 16, is_like = "Redis" },
  { name = "a Redis Cluster", make = function()
    local prefix, cluster = redis.prefix(), redis_cluster.shared():addresses()
    local function open() return new_redis { cluster = cluster, prefix = prefix } end
    return open(), open
  end, closed = is_closed, opened = 16, is_like = "Redis" },
}

-- Closes those of the stores behind the n-th, and waits until that is done.
local function close(kind, opened, n)
  for i = #opened, n + 1, -1 do opened[i]:close() end
  wait.till(function()
    for i = n + 1, #opened do
      if kind.closed and not kind.closed(opened[i]) then return false end
    end
    return true
  end, "the stores to be closed")
  for i = #opened, n + 1, -1 do opened[i] = nil end
end

--- A describe block for each store: fn(made), where made.store() is a new store in each test,
-- made.again() the same one opened once more, and made.close() closes all but the first.
-- is_above: the tests are of what stands above logs, for which in slow builds one of those that are
-- alike will do.
function stores.each(name, busted, fn, is_above)
  for _, kind in ipairs(stores.list) do
    local is_left_out = is_above and is_slow and kind.is_like
    busted.describe(name .. " over " .. kind.name, is_left_out and function() end or function()
      local made, opened = { kind = kind }, {}
      local function add(store)
        opened[#opened + 1] = store
        for i = 1, kind.opened or 1 do
          stores.read(store:open("opened" .. i, { history = 1, history_bytes = 1 }), 0)
        end
        return store
      end
      function made.store()
        local store
        store, made.reopen = kind.make()
        return add(store)
      end
      function made.again() return add(made.reopen()) end
      function made.close() close(kind, opened, 1) end
      fn(made)
      busted.after_each(function() close(kind, opened, 0) end)
    end)
  end
end

--- Calls fn(done) and waits until done was called; returns what it was called with.
function stores.wait(fn)
  local results
  fn(function(...) results = results or table.pack(...) end)
  wait.till(function() return results end, "the store")
  return table.unpack(results, 1, results.n)
end

--- An encoded event of these data.
function stores.event(data) return ("data: %s\n\n"):format(data) end

--- Appends an event of these data; returns what `done` gets.
-- @tparam[opt] table more further fields of the record
function stores.append(log, data, more)
  local record = { event = stores.event(data) }
  for name, value in pairs(more or {}) do record[name] = value end
  return stores.wait(function(done) log:append(record, done) end)
end

--- Reads; returns what `done` gets.
function stores.read(log, after, limit)
  return stores.wait(function(done) log:read(after, limit or 100, done) end)
end

--- The data of records, separated by spaces.
function stores.text(records)
  local words = {}
  for i, record in ipairs(records) do words[i] = record.event:match "data: ([^\n]*)" end
  return table.concat(words, " ")
end

--- Watches a log; returns the list of { position, data, epoch } of what it tells of.
function stores.watch(log)
  local list = {}
  log:watch(function(position, record, epoch)
    list[#list + 1] = { position = position, data = record and stores.text { record },
      epoch = epoch }
  end)
  return list
end

return stores
