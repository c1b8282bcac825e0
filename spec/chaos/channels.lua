--- The channels of the chaos test. An event's data says which event it is:
-- "name:generation:serial:..."; a generation is the life of one channel object.
local new_channel = require("sse.channel").new

local channels = {}
channels.__index = channels

channels.names = { "a", "b", "c" }

local pad = ("p"):rep(20000)

local function options_of(rnd)
  return {
    history = rnd:pick { 1, 5, 20, 100, 1000 },
    history_bytes = rnd:one_in(4) and 30000 or nil,
    max_age = rnd:one_in(5) and rnd:upto(30) or nil,
    slow = rnd:pick { "close", "skip", "latest" },
    max_lag = rnd:one_in(5) and 2000 or nil,
  }
end

local function begin(self, name)
  local state = self.by_name[name] or { generation = 0, slow = {} }
  state.generation, state.serial, state.ids = state.generation + 1, 0, {}
  local options = options_of(self.world.rnd)
  state.slow[state.generation] = options.slow
  state.channel = new_channel("chaos " .. name, options)
  self.by_name[name] = state
  for _, what in ipairs { "follow", "leave" } do
    state.channel:on(what, function() self.world:act "presence" end)
  end
end

--- The channels of a world, all open.
function channels.new(world)
  local self = setmetatable({ world = world, by_name = {} }, channels)
  for _, name in ipairs(channels.names) do begin(self, name) end
  return self
end

--- The state of a channel: `channel`, `generation`, `serial` (of its newest event), `slow` (the
-- slow policy by generation).
function channels:at(name) return self.by_name[name] end

--- The channels named by a text such as "ab".
function channels:list(names)
  local list = {}
  for name in names:gmatch "[abc]" do
    if not names:sub(1, #list):find(name, 1, true) then
      list[#list + 1] = self.by_name[name].channel
    end
  end
  return list
end

local function event_of(rnd, name, state)
  local size = rnd:pick { 0, 1, 10, 100, 100, 1000, 1000, 20000 }
  return {
    data = ("%s:%d:%d:%s"):format(name, state.generation, state.serial + 1, pad:sub(1, size)),
    event = rnd:one_in(3) and "tick" or nil,
    id = rnd:one_in(6) and ("own %d %d"):format(state.generation, state.serial + 1) or nil,
    key = rnd:one_in(2) and rnd:upto(3) or nil,
    dedupe = rnd:one_in(6) and rnd:upto(4) or nil,
    retry = rnd:one_in(20) and 1 or nil,
  }
end

--- Publishes an event with random fields. Does nothing if a finalizer or a filter calls it while
-- the channel is publishing, since the event would have the same number.
function channels:publish(name)
  local state = self.by_name[name]
  local generation = state.generation
  if state.publishing then return end
  state.publishing = true
  local ok, id = pcall(state.channel.publish, state.channel, event_of(self.world.rnd, name, state))
  state.publishing = false
  if not ok then error(id, 0) end
  -- With `dedupe`, the id may be of an earlier event; a filter may have replaced the channel.
  if id and not state.ids[id] and state.generation == generation then
    state.ids[id] = true
    state.serial = state.serial + 1
  end
end

--- Closes a channel and opens another in its place.
function channels:restart(name)
  self.by_name[name].channel:close()
  begin(self, name)
end

function channels:close()
  for _, state in pairs(self.by_name) do state.channel:close() end
end

return channels
