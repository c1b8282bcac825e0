--- A round of the server's benchmark: servers and their loads run side by side, one busy at a time.
local run = {}

local session = {}
session.__index = session

local function fifo()
  local path = os.tmpname()
  os.remove(path)
  assert(os.execute(("mkfifo '%s'"):format(path)))
  return path
end

--- Starts a server, and a load that waits for phases: session:run(phase) returns what the phase
-- printed, session:close() ends both.
function run.open(server, build, size)
  local self = setmetatable({ server = server, process = server.start(build) }, session)
  -- nginx's worker has started once it answers a request.
  os.execute(("%s/load %d %s connect:1 >/dev/null"):format(build, self.process.port,
    server.options))
  local path = fifo()
  self.results = assert(io.popen(("%s%s/load %d --pids %s --size %d %s <'%s'"):format(
    server.priority or "", build, self.process.port, self.process:pids(), size, server.options,
    path)))
  self.phases = assert(io.open(path, "w")) -- blocks until the load opens it
  os.remove(path)
  local ok, message = pcall(self.read, self, "its start")
  if ok then return self end
  self:close()
  error(message, 0)
end

function session:read(phase)
  local line = self.results:read("l")
  if line then return line end
  self.ended = true
  error(("%s: the load ended at %s"):format(self.server.title, phase), 0)
end

local function parse(line)
  local result = {}
  for name, value in line:gmatch("(%w[%w_]*)=(%S*)") do result[name] = tonumber(value) or value end
  return result
end

function session:run(phase)
  local told = self.server.pipelined and phase.pipelined or phase[1]
  self.phases:write(told, "\n")
  self.phases:flush()
  return parse(self:read(told))
end

function session:close()
  -- Closing the pipe does not end the load, because loads that were started later inherited it.
  if not self.ended then self.phases:write("quit\n") end
  self.phases:close()
  self.results:close()
  self.process:stop()
end

-- Sessions that are closed together.
local group = {}

function group:__close()
  for _, each in ipairs(self) do each:close() end
end

-- Runs a slice of a phase on each session; every other slice begins with the last session, so that
-- no server always runs after the same one. Slow servers have fewer slices.
local function run_slice(all, phase, slice, found, on_result)
  for i = 1, #all do
    local each = all[slice % 2 == 1 and i or #all + 1 - i]
    if slice <= (each.server.most_slices or slice) then
      local result = each:run(phase)
      local own = found[each.server.name]
      on_result(each.server, phase, result)
      if phase[2] then
        own[phase[2]] = own[phase[2]] or {}
        own[phase[2]][slice] = result
      end
    end
  end
end

--- Runs the phases against fresh servers of the list, with events of `size` bytes. Calls
-- on_result(server, phase, result) for each slice. Returns server name -> label -> list of
-- results.
function run.round(list, build, phases, size, on_result)
  local all <close> = setmetatable({}, group)
  local found = {}
  for i, server in ipairs(list) do
    all[i] = run.open(server, build, size)
    found[server.name] = {}
  end
  for _, phase in ipairs(phases) do
    for slice = 1, phase[4] or 1 do run_slice(all, phase, slice, found, on_result) end
  end
  return found
end

return run
