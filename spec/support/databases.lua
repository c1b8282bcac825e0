--- SQLite's files of one test, and the stores on them.
local following = require "spec.support.following"
local sse = require "sse"
local stores = require "spec.support.stores"
local temporary = require "spec.support.temporary"
local wait = require "spec.support.wait"

local databases = {}

local opened, number = {}, 0

--- The path of a file that is not there.
function databases.path()
  number = number + 1
  return ("%s/sqlite %d.db"):format(temporary.folder(), number)
end

--- Opens a store.
function databases.open(...)
  local store = sse.sqlite(...)
  opened[#opened + 1] = store
  return store
end

--- The same, once it has its descriptors.
function databases.open_used(name)
  local store = databases.open(name)
  stores.read(store:open("opened", { history = 1, history_bytes = 1 }), 0)
  return store
end

--- A channel that a store keeps.
function databases.channel(store, options)
  options = options or {}
  options.store = store
  return following.channel(options)
end

--- Writes a file.
function databases.write(name, text)
  local file <close> = assert(io.open(name, "wb"))
  file:write(text)
end

--- What SQLite's own shell says.
function databases.shell(name, sql)
  local text = ("%s/sql"):format(temporary.folder())
  databases.write(text, sql)
  local command = "env -u LD_PRELOAD sqlite3 -batch -cmd '.timeout 5000' '%s' <'%s' 2>&1"
  local out <close> = assert(io.popen(command:format(name, text)))
  return out:read "a"
end

--- Has SQLite's own shell run statements, and waits until it has; they should begin a transaction,
-- which it holds until the function that is returned is called.
function databases.hold(name, sql)
  local said = ("%s/said"):format(temporary.folder())
  databases.write(said, "")
  local held = assert(io.popen(("env -u LD_PRELOAD sqlite3 '%s' >'%s'"):format(name, said), "w"))
  assert(held:write(sql, ";\nSELECT 'done';\n"):flush())
  wait.till(function()
    local file <close> = assert(io.open(said))
    return file:read "a":find "done"
  end, "the shell")
  return function() return io.type(held) == "file" and held:close() end
end

--- The states that a store tells from now on, a list.
function databases.states_of(store)
  local list = {}
  store.on_state = function(state, why) list[#list + 1] = state .. (why and " " .. why or "") end
  return list
end

--- Closes all stores, and waits until that is done.
function databases.close()
  for _, store in ipairs(opened) do store:close() end
  for _, store in ipairs(opened) do
    wait.till(function() return next(store:stats()) == nil end, "the store to close")
  end
  opened = {}
end

return databases
