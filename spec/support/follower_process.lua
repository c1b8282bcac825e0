--- A process that has followers of a stored channel.
local child = require "spec.support.child"
local process = require "spec.process"
local wait = require "spec.support.wait"

local follower_process = {}

local PROGRAM = [[
  sse = require "sse"
  io.stdout:setvbuf "no"
  store = %s
  one = sse.channel(%q, { store = store })
  one:on("count", function(count) print("count " .. count) end)
  local server = sse.server { host = "127.0.0.1", port = 0 }
  server:get("/", sse.follow(one))
  server:listen()
  clients = {}
  for i = 1, %d do clients[i] = sse.EventSource("http://127.0.0.1:" .. server.port .. "/") end
  sse.spawn(function()
    while sse.readable(0) do
      local line = io.read()
      if not line then return end
      assert(load(line))()
    end
  end)
  sse.run()
]]

--- Starts one. A line on its standard input is Lua that it runs.
-- @tparam string store Lua that makes the store
-- @tparam string name the channel's
-- @tparam integer followers how many it has
function follower_process.start(store, name, followers)
  return child.script(PROGRAM:format(store, name, followers), nil, true)
end

--- Checks that a forked child may do something without an error.
function follower_process.fork(act)
  local id = process.fork()
  if id == 0 then
    local ok = pcall(function()
      act()
      wait.past(20)
    end)
    process.exit(ok and 0 or 1)
  end
  local status = wait.till(function() return process.ended(id) end, "the child's end")
  assert(status == 0, status)
end

return follower_process
