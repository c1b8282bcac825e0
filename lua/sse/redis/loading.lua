--- Gives the server the scripts, by whose digests they are run.
-- @module sse.redis.loading
local scripts = require "sse.redis.scripts"

local loading = {}

-- Commands, each with what takes its reply.
local function load_commands(store)
  local list = {}
  for _, name in ipairs { "append", "read" } do
    list[#list + 1] = { "SCRIPT", "LOAD", scripts[name], on_reply = function(reply)
      if type(reply) ~= "string" then return store.pair:lose "SCRIPT LOAD gave no digest" end
      store.shas[name] = reply
    end }
  end
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
