--- Loops over a channel's events in tasks, for specs.
local sse = require "sse"
local wait = require "spec.support.wait"

local collecting = {}

--- Starts a task that loops over the channel's events and collects their data.
-- @tparam[opt] function body called with each event; ends the loop by returning true
-- @treturn table the list; its field `over` says whether the loop has ended
function collecting.collect(channel, options, body)
  local list = {}
  sse.spawn(function()
    for ev in channel:events(options) do
      list[#list + 1] = ev.data
      if body and body(ev) then break end
    end
    list.over = true
  end)
  sse.sleep(0)
  return list
end

function collecting.till(list, n)
  wait.till(function() return #list >= n end, n .. " events")
  return table.concat(list, " ")
end

function collecting.till_over(list)
  wait.till(function() return list.over end, "the end of the loop")
  return table.concat(list, " ")
end

function collecting.publish(channel, from, to)
  for i = from, to do assert(channel:publish(tostring(i))) end
end

return collecting
