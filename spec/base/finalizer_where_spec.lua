-- Finalizers that act while an event is read back for a where function: any call that makes an
-- object may run one.
local core = require "sse.core"
local following = require "spec.support.following"
local raw = require "spec.support.raw"
local trap = require "spec.support.trap"

-- A channel whose one follower has a where function that keeps its arguments.
local function serve()
  local state = { seen = {} }
  state.channel = following.channel {}
  state.server = following.handle(function(_, res)
    state.stream = res:event_stream()
    state.stream:follow(state.channel, { where = function(event)
      table.insert(state.seen, ("%s %s %s"):format(event.id, event.event, event.data:sub(1, 9)))
      return true
    end })
  end)
  state.client = following.open()
  following.followers(state.channel, 1)
  return state
end

describe("a finalizer, while an event is read back for a where function,", function()
  after_each(following.stop)

  -- Publishes an event and closes the channel, which calls the where function at once; at each
  -- collection within that call in turn, one finalizer acts.
  local function act_at_each(act)
    local least = trap.each(function()
      following.stop()
      local state = serve()
      local first = state.channel:publish "first"
      state.client:till_data "first"
      table.remove(state.seen)
      state.channel:publish { event = "kind", data = ("x"):rep(300000) } -- no Lua string is the id
      return function() state.channel:close() end, function() act(state) end, function(acted)
        assert.is_true(#state.seen <= 1)
        if state.seen[1] then
          assert.equal(following.id(first, 2) .. " kind xxxxxxxxx", state.seen[1])
        end
        if not acted then assert.equal(1, #state.seen) end
        raw.pump(function() return state.channel.followers == 0 end, "no followers")
      end
    end)
    assert.is_true(least >= 3)
  end

  it("closes the only stream that follows a closed channel", function()
    act_at_each(function(state) state.stream:close() end)
  end)

  it("takes the only stream from it", function()
    act_at_each(function(state) state.stream:unfollow(state.channel) end)
  end)

  it("aborts the only stream", function()
    act_at_each(function(state) core.break_off(state.stream) end)
  end)

  it("closes the server", function()
    act_at_each(function(state) state.server:close() end)
  end)
end)

describe("a finalizer, while a stream begins to follow,", function()
  after_each(following.stop)

  -- Two streams that follow nothing yet, a channel with three events, and a list of what the where
  -- functions saw.
  local function prepare()
    local state = { seen = { {}, {} }, streams = {}, clients = {} }
    state.channel = following.channel {}
    following.handle(function(_, res) table.insert(state.streams, res:event_stream()) end)
    for i = 1, 2 do
      state.clients[i] = following.open()
      raw.pump(function() return state.streams[i] end, "a stream")
    end
    for i = 1, 3 do
      state.channel:publish { event = "kind" .. i, data = ("%d"):format(i):rep(50) }
    end
    state.first = state.channel.last_id:gsub("%d+$", "1")
    collectgarbage()
    return state
  end

  local function follow(state, i)
    return state.streams[i]:follow(state.channel, { from = "oldest", where = function(event)
      table.insert(state.seen[i], ("%s %s %s"):format(event.id, event.event, event.data))
      return true
    end })
  end

  local function check(state, i)
    for n, seen in ipairs(state.seen[i]) do
      if n > 3 then break end
      local id = following.id(state.first, n)
      assert.equal(("%s kind%d %s"):format(id, n, ("%d"):format(n):rep(50)), seen)
    end
  end

  it("makes another follow the same: each function gets each event's own id, type and data",
    function()
      local tried = trap.each(function()
        following.stop()
        local state = prepare()
        return function() follow(state, 1) end, function() follow(state, 2) end, function(acted)
          raw.pump(function() -- what takes long is left to the next turns
            return #state.seen[1] == 3 and (#state.seen[2] == 3 or not acted)
          end, "all events")
          check(state, 1)
          check(state, 2)
          assert.equal(3, #state.seen[1])
          assert.equal(acted and 3 or 0, #state.seen[2])
        end
      end)
      assert.is_true(tried > 10)
    end)

  for name, act in pairs {
    ["closes the stream"] = function(state) state.streams[1]:close() end,
    ["takes it from the channel"] = function(state) state.streams[1]:unfollow(state.channel) end,
    ["publishes"] = function(state) pcall(state.channel.publish, state.channel, "late") end,
    ["closes the channel"] = function(state) pcall(state.channel.close, state.channel) end,
    ["closes another's stream"] = function(state) state.streams[2]:close() end,
  } do
    it(name, function()
      trap.each(function()
        following.stop()
        local state = prepare()
        follow(state, 2)
        raw.pump(function() return #state.seen[2] == 3 end, "the replay")
        state.seen[2] = {}
        return function() follow(state, 1) end, function() act(state) end, function()
          check(state, 1)
          check(state, 2)
        end
      end)
    end)
  end
end)
