--- A machine of spec.support.machines: a process that serves the streams of a channel in Redis, and
-- publishes to it.
local child = require "spec.support.child"
local ports = require "spec.support.ports"
local socket = require "socket"
local temporary = require "spec.support.temporary"

-- The program of a machine. From SIGUSR1 on, it publishes RATE events a second until the next
-- SIGUSR1, each with the machine's number, its own and the time. Of each it writes the number, and
-- the id or why it was not acknowledged.
local APP = [[
  local core, socket, sse = require "sse.core", require "socket", require "sse"
  io.stdout:setvbuf "line"
  local store = sse.redis(STORE)
  store.on_state = function(state, why, server) print("state", state, why, server) end
  local news = sse.channel("news", { store = store, history = 1 << 22, history_bytes = 1 << 32 })
  local file <close> = assert(io.open("FILE", "w"))
  local over, n = nil, 0
  local function publish_all()
    local began, tasks = socket.gettime(), {}
    for i = 1, TASKS do
      tasks[i] = sse.spawn(function()
        while not over do
          n = n + 1
          local mine = n
          local pause = began + mine / RATE - socket.gettime()
          if pause > 0 then sse.sleep(pause * 1000) end
          local data = ("ID.%d %d"):format(mine, socket.gettime() * 1000 // 1)
          local id, message = news:publish(data)
          file:write(mine, " ", id or "- " .. message, "\n")
        end
      end)
    end
    for _, task in ipairs(tasks) do task:wait() end
    file:flush()
    print("published " .. n)
  end
  sse.signal("SIGUSR1", function()
    if over == nil then
      over = false
      publish_all()
    else
      over = true
    end
  end)
  local server = sse.server { host = "HOST", port = PORT, heartbeat = 500 }
  server:get("/news", function(_, res)
    local stream = res:event_stream { retry = 10 }
    stream:send { event = "served", data = ("ID %d"):format(core.process_id()) }
    stream:follow(news, { from = "oldest" })
  end)
  sse.after(0, function() print "serves" end)
  assert(server:run { within = 100 })
]]

local Machine = setmetatable({}, { __index = child })
Machine.__index = Machine

--- Starts one.
-- @tparam int id
-- @tparam table given `store`, Lua text of what sse.redis is given; `rate`, of its publishes;
-- `address`, where it listens; perhaps `command`, behind `env`, that starts it
function Machine.start(id, given)
  local file = ("%s/machine%d-%s"):format(temporary.folder(), id, socket.gettime())
  local port = ports.free()
  local words = { STORE = given.store, FILE = file, ID = id, HOST = given.address,
    PORT = port, RATE = given.rate, TASKS = 64 }
  local program = child.script(APP:gsub("%u+", words), given.command)
  local machine = setmetatable({ program = program, file = file, port = port, states = 0 },
    { __index = function(_, key) return Machine[key] or program[key] end })
  machine.url = ("http://%s:%d/news"):format(given.address, port)
  return machine
end

--- What the machine's store has told of its servers so far, "up" and "down" in order.
function Machine:list_states()
  local list = {}
  for state in self.program:output():gmatch "state\t(%l+)" do list[#list + 1] = state end
  return list
end

--- The ids of what was acknowledged, by number, and how often which reason was given for what was
-- not.
function Machine:read_file()
  local ids, refused = {}, {}
  for line in io.lines(self.file) do
    local number, id = line:match "^(%d+) (%w+%-%d+)$"
    if id then
      ids[number] = id
    else
      local why = line:gsub("^%d+ ", "")
      refused[why] = (refused[why] or 0) + 1
    end
  end
  return ids, refused
end

return Machine
