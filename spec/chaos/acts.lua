--- What callbacks of the chaos test do: acts(world) by name. Acts may raise errors, as a program's
-- callbacks may.
local core = require "sse.core"
local sse = require "sse"

local acts = {}

local data = ("d"):rep(30000)

function acts.publish(world) world.channels:publish(world:name()) end
acts.publish_again, acts.publish_too = acts.publish, acts.publish

function acts.burst(world)
  local name = world:name()
  for _ = 1, world.rnd:upto(40) do world.channels:publish(name) end
end

function acts.send(world)
  local stream = world:stream()
  if stream then stream:send { data = data:sub(1, world.rnd:pick { 1, 100, 30000 }) } end
end

function acts.send_with_id(world)
  local stream = world:stream()
  if stream and not world.witnessed[stream] then stream:send { id = "strange", data = "x" } end
end

function acts.comment(world)
  local stream = world:stream()
  if stream then stream:comment(data:sub(1, world.rnd:upto(100))) end
end

function acts.close(world)
  local stream = world:stream()
  if stream then stream:close() end
end

function acts.abort(world)
  local stream = world:stream()
  if stream then core.break_off(stream) end
end

function acts.expire(world)
  local stream = world:stream()
  if stream then stream:expire_at(world.rnd:pick { 0, os.time(), os.time() + 1, 4e9 }) end
end

function acts.follow(world)
  local stream = world:stream()
  if stream and not world.witnessed[stream] then
    stream:follow(world.channels:at(world:name()).channel, world:follow_options(stream))
  end
end

function acts.unfollow(world)
  local stream = world:stream()
  if stream and not world.witnessed[stream] then
    stream:unfollow(world.channels:at(world:name()).channel)
  end
end

function acts.restart_channel(world) world.channels:restart(world:name()) end

function acts.change_callbacks(world)
  local stream = world:stream()
  if not stream then return end
  stream.on_close = world.rnd:one_in(2) and function() world:act "on_close" end or nil
  stream.on_drain = world.rnd:one_in(2) and function() world:act "on_drain" end or nil
end

function acts.wait_for_drain(world)
  local stream = world:stream()
  if stream then
    sse.spawn(function()
      stream:drain()
      world:act "task"
    end)
  end
end

function acts.collect() collectgarbage() end
function acts.step() collectgarbage "step" end
function acts.raise() error("raised by chaos", 0) end

function acts.raise_table()
  error(setmetatable({}, { __tostring = function() return "raised by chaos" end }))
end

function acts.answer(world)
  local res = world:take_unanswered()
  if not res then return end
  if world.rnd:one_in(2) then res:reply(200, data:sub(1, world.rnd:upto(#data)))
  else res:finish() end
end

function acts.write(world)
  local res = world:take_unanswered()
  if not res then return end
  res:write(data:sub(1, world.rnd:upto(#data)))
  world:add_unanswered(res)
end

function acts.later(world) core.defer(function() world:act "deferred" end) end
function acts.timer(world) core.after(world.rnd:upto(10), function() world:act "timer" end) end

function acts.task(world)
  sse.spawn(function()
    world:act "task"
    sse.sleep(world.rnd:upto(5))
    world:act "task"
  end)
end

function acts.nest(world)
  world:act "nested"
  world:act "nested"
end

function acts.stats(world)
  world:server():stats()
  world:server():metrics()
  world.channels:at(world:name()).channel:stats()
end

function acts.forget(world)
  world.streams = {}
  collectgarbage()
end

function acts.finalize(world)
  setmetatable({}, { __gc = function() world:act "finalizer" end })
end

-- A stream that ends when the collector runs.
function acts.trap(world)
  local stream, name, how = world:stream(), world:name(), world.rnd:upto(3)
  if not stream then return end
  setmetatable({}, { __gc = function()
    if world.calm then return
    elseif how == 1 then stream:close()
    elseif how == 2 then core.break_off(stream)
    elseif not world.witnessed[stream] then stream:unfollow(world.channels:at(name).channel) end
  end })
end

function acts.trap_and_restart(world)
  for _ = 1, 10 do acts.trap(world) end
  acts.restart_channel(world)
end

-- A channel is closed while its only follower has events to receive, for which its filter is
-- called.
function acts.lonely(world)
  local stream = world:stream()
  if not stream or stream.closed or world.witnessed[stream] then return end
  world.serial = (world.serial or 0) + 1
  local channel = sse.channel("chaos lonely " .. world.serial, { history = 10 })
  local function trap()
    setmetatable({}, { __gc = function()
      if not world.calm then stream:unfollow(channel) end
    end })
    return true
  end
  for n = 1, 5 do channel:publish { data = "lonely", event = "e", id = "lonely " .. n } end
  trap()
  stream:follow(channel, { from = "oldest", where = trap })
  channel:publish "lonely"
  channel:close()
end

function acts.reload_tls(world) world.secure:reload_tls() end

function acts.close_server(world)
  if world.rnd:one_in(4) then world:server():close() end
end

function acts.drain(world)
  if not world.rnd:one_in(3) then return end
  local server = world:server()
  sse.spawn(function()
    server:shutdown { within = world.rnd:upto(20), grace = world.rnd:upto(20), retry = 1 }
  end)
end

local names = {}
for name in pairs(acts) do names[#names + 1] = name end
table.sort(names) -- so that a seed does the same acts in every run

return { by_name = acts, names = names }
