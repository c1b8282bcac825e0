--- A load of publishes that must come through: each is repeated until it is acknowledged.
local task = require "sse.task"

local load = {}

-- Of each task, its numbers: the task's, and which one.
local PER_TASK = 10000

--- Publishes from some tasks: each number again until it is acknowledged. Gives a table with the
-- acknowledged ids by number, and a function that says whether all are done.
function load.start(channel, tasks, each)
  local ids, done = {}, 0
  for t = 1, tasks do
    task.spawn(function()
      for n = 1, each do
        local number = t * PER_TASK + n
        repeat
          ids[number] = channel:publish { data = ("%d"):format(number), dedupe = number }
          if not ids[number] then task.sleep(5) end
        until ids[number]
      end
      done = done + 1
    end)
  end
  return ids, function() return done == tasks end
end

--- Checks that a client has had each event once, those of a task in order, and no gap.
function load.check(client, tasks, each)
  client:till(function() return #client.events >= tasks * each end, "all events")
  local last = {}
  for _, event in ipairs(client.events) do
    local number = assert(math.tointeger(event.data), event.data)
    local t = number // PER_TASK
    assert((last[t] or t * PER_TASK) + 1 == number, "out of order: " .. number)
    last[t] = number
  end
  assert(#client.events == tasks * each)
end

--- Checks the same where the server itself has lost events: a gap event says so, and only there may
-- some be missing, or come again. Returns the number of gaps.
function load.check_with_gaps(client, tasks, each)
  local last, gaps, is_after_gap = {}, 0, {}
  for t = 1, tasks do last[t] = t * PER_TASK end
  local function take(event)
    if event.type == "sse-gap" then
      gaps = gaps + 1
      for t = 1, tasks do is_after_gap[t] = true end
      return
    end
    local number = assert(math.tointeger(event.data), event.data)
    local t = number // PER_TASK
    -- A task has one publish at a time: what comes again is at most the newest, unacknowledged.
    local is_right = number == last[t] + 1 or is_after_gap[t] and number >= last[t]
    assert(is_right, ("%d behind %d"):format(number, last[t]))
    last[t], is_after_gap[t] = number, false
  end
  local at = 0
  client:till(function()
    while at < #client.events do
      at = at + 1
      take(client.events[at])
    end
    for t = 1, tasks do
      if last[t] < t * PER_TASK + each then return false end
    end
    return true
  end, "all events")
  return gaps
end

return load
