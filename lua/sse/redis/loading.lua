--- Gives the server the scripts, by whose digests they are run.
-- @module sse.redis.loading
local presence_scripts = require "sse.redis.presence_scripts"
local scripts = require "sse.redis.scripts"

local loading = {}

local function load_command(store, text, take)
  return { "SCRIPT", "LOAD", text, on_reply = function(reply)
    if type(reply) ~= "string" then return store.pair:lose "SCRIPT LOAD gave no digest" end
    take(reply)
  end }
end

-- Commands, each with what takes its reply. A node of a cluster is asked first whether it announces
-- in its part of the cluster alone, as Redis 7 does, and has a script for each case.
local function load_commands(store)
  local shas, pair = store.shas, store.pair
  local list = {}
  local function add(name, text, is_sharded)
    list[#list + 1] = load_command(store, text, function(sha)
      if is_sharded == nil or pair.is_sharded == is_sharded then shas[name] = sha end
    end)
  end
  add("read", scripts.read)
  add("beat", presence_scripts.beat)
  if store.router then
    table.insert(list, 1, { "COMMAND", "INFO", "SPUBLISH", on_reply = function(reply)
      pair.is_sharded = type(reply) == "table" and type(reply[1]) == "table"
    end })
    add("append", scripts.append_sharded, true)
    add("tell", presence_scripts.tell_sharded, true)
  end
  add("append", store.router and scripts.append_clustered or scripts.append, false)
  add("tell", presence_scripts.tell, false)
  return list
end

--- The commands that begin the connection for commands. The first one tells whether the server
-- takes any.
function loading.commands(store)
  local list = load_commands(store)
  table.insert(list, 1, { "PING" })
  return list
end

--- Loads the scripts again, which the server has forgotten. What is asked behind that finds them.
function loading.load_again(store)
  local session = store.pair.session
  if store.loading == session then return end
  store.loading = session
  for _, words in ipairs(load_commands(store)) do
    store:send(words, function(reply, err)
      store.loading = nil
      if err then return store.pair:lose(err, true) end
      words.on_reply(reply)
    end)
  end
end

return loading
