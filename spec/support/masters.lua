--- Programs that run workers, in processes of their own.
local certs = require "spec.support.certs"
local child = require "spec.support.child"
local core = require "sse.core"
local ports = require "spec.support.ports"
local socket = require "socket"
local sse = require "sse"
local wait = require "spec.support.wait"

local masters = {}

-- The program of each worker. It says which worker it is and what its process is, once its master
-- knows that it is ready; it serves, by `/`, the worker's id, its process and VERSION; by `/stream`
-- a stream of them.
masters.APP = [[
  local worker = ...
  local core, sse = require "sse.core", require "sse"
  local VERSION = 1
  local ready = require "spec.support.ready"
  local server = sse.server { port = PORT }
  local text = ("%d %d %d"):format(worker.id, core.process_id(), VERSION)
  server:get("/", function(_, res) res:reply(200, text) end)
  local streams = {} -- what is lost would be ended
  server:get("/stream", function(_, res)
    local stream = res:event_stream()
    streams[#streams + 1] = stream
    stream:send { data = text, retry = 1 }
  end)
  server:get("/metrics", function(_, res) res:reply(200, server:metrics()) end)
  server:get("/exit", function() os.exit(3) end)
  ready(text)
  assert(server:run { within = 0, grace = 1000 })
  print("down " .. text)
]]

-- The program of the master; OPTIONS are further ones.
local MASTER = [[
  io.stdout:setvbuf "line"
  local sse = require "sse"
  local ok, message, code = sse.workers { count = 2, listen = { port = PORT }, run = APP, OPTIONS }
  print("over", ok, message, code)
]]

-- What sets the clock of a master: it begins at 0 and stands until `at` moves it, so that how long
-- anything takes does not matter.
local CLOCK = [[
  do
    local core = require "sse.core"
    local began, wait, at = core.now(), core.master_wait, 0
    local function passed()
      local file <close> = io.open(APP .. ".clock")
      return file and file:read "n" or 0
    end
    function core.now() return began + passed() end
    function core.master_wait(ms, fds)
      print("has done what is due at " .. at)
      local signals, readable = wait(ms, fds)
      local now = passed()
      if now > at then -- what has come before the clock moved is seen, too
        local more, also = wait(0, fds)
        table.move(more, 1, #more, #signals + 1, signals)
        for fd, is_readable in pairs(also) do readable[fd] = readable[fd] or is_readable end
      end
      at = now
      return signals, readable
    end
  end
]]

local Master = setmetatable({}, { __index = child })

local function put(self, text)
  return (text:gsub("PORT", self.port):gsub("APP", ("%q"):format(self.app)))
end

--- Writes the file of the workers.
function Master:write(text)
  local file <close> = assert(io.open(self.app, "w"))
  file:write(put(self, text))
end

--- Starts a master.
-- @tparam[opt] table given `app`, the workers' program (masters.APP); `options`, Lua text of
-- further options; `master`, the master's program; `environment`; `clock`, whether its clock moves
-- by the method `at` alone
-- @return a program of spec.support.child, with `port`, `app` and the method `write`
function masters.start(given)
  given = given or {}
  local self = { port = ports.free(), app = certs.path("app" .. core.now() .. ".lua") }
  Master.write(self, given.app or masters.APP)
  local text = (given.master or MASTER):gsub("OPTIONS", function() return given.options or "" end)
  if given.clock then text = "io.stdout:setvbuf 'line'\n" .. CLOCK .. text end
  local program = child.script(put(self, text), given.environment)
  self.program = program
  return setmetatable(setmetatable(program, nil), {
    __index = function(_, key) return self[key] or Master[key] end,
  })
end

--- Pumps the loop until a number of processes of workers have come up, in all: they are ready.
-- @tparam int count
-- @treturn {table,...} for each, oldest first, `id`, `pid` and `version`
function Master:workers(count)
  local list
  wait.till(function()
    list = {}
    for id, pid, version in self:output():gmatch "up (%d+) (%d+) (%d+)\n" do
      list[#list + 1] = {
        id = math.tointeger(tonumber(id)), pid = math.tointeger(tonumber(pid)),
        version = math.tointeger(tonumber(version)),
      }
    end
    if self:status() then error("ended: " .. self:output(), 0) end
    return #list >= count
  end, count .. " workers in " .. self:output())
  return list
end

--- Sets the clock of a master that was started with `clock`; returns once it has done what is due.
-- @tparam int ms since its start, more than at the last call
-- @tparam[opt="CHLD"] string signal that comes to the master then
function Master:at(ms, signal)
  local path = self.app .. ".clock"
  local file = assert(io.open(path .. ".new", "w"))
  file:write(ms)
  file:close()
  assert(os.rename(path .. ".new", path))
  self:kill(signal or "CHLD")
  self:till(("has done what is due at %d\n"):format(ms))
end

--- Pumps the loop until the master has ended; returns its exit status. No sanitizer may have found
-- anything in it or its workers.
function Master:wait()
  local status = child.wait(self)
  local output = self:output()
  if output:find "Sanitizer" then error(output, 2) end
  return status
end

--- Pumps the loop until a number of lines of the output match.
function Master:till_lines(pattern, count)
  wait.till(function()
    local _, found = self:output():gsub(pattern, "")
    return found >= count
  end, ("%d times '%s'"):format(count, pattern))
end

--- Sends a signal to a process.
function masters.signal(pid, name)
  return (os.execute(("kill -%s %d 2>/dev/null"):format(name, pid)))
end

--- Whether a process lives. One that has ended and was not reaped is dead.
function masters.lives(pid)
  local file <close> = io.popen(("%s ps -o stat= -p %d"):format(child.UNLOADED, pid))
  local state = file:read "a"
  return state:find "%a" ~= nil and not state:find "^%s*Z"
end

--- Pumps the loop until a process has ended.
function masters.till_dead(pid)
  wait.till(function() return not masters.lives(pid) end, "the end of process " .. pid)
end

--- The URL of a path.
function Master:url(path) return ("http://127.0.0.1:%d%s"):format(self.port, path or "/") end

--- Asks, on a new connection: in a task by yielding.
-- @treturn int|nil the worker's id; or nil and what went wrong: "connection refused", "closed"
-- @treturn int its process
-- @treturn int its version
function Master:ask()
  local s = assert(socket.tcp4())
  local ok, message = s:connect("127.0.0.1", self.port)
  if not ok then s:close() return nil, message end
  s:settimeout(0)
  s:send "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
  local text = ""
  repeat
    sse.readable(s)
    local got, why, part = s:receive(4096)
    text = text .. (got or part)
    message = why
  until why and why ~= "timeout"
  s:close()
  local id, pid, version = text:match "^HTTP/1.1 200 .*\r\n\r\n(%d+) (%d+) (%d+)$"
  if not id then return nil, message .. " after " .. text end
  return math.tointeger(tonumber(id)), math.tointeger(tonumber(pid)),
    math.tointeger(tonumber(version))
end

--- Asks until a number of workers have answered; returns their processes by id.
function Master:ask_all(count)
  local found, seen = {}, 0
  return wait.till(function()
    local id, pid = assert(self:ask())
    if not found[id] then seen = seen + 1 end
    found[id] = pid
    return seen == count and found
  end, count .. " workers to answer")
end

--- For after_each.
masters.stop = child.stop

return masters
